import { readFileSync } from 'node:fs'

/** How long, at most, a timer of 1 ms took, in ms. */
export interface LongestWait {
  readonly waitMs: number
  /** Less what of it the thread waited for a processor, which others had: what this process itself made it wait. */
  readonly ownMs: number
}

/** How long, at most, a timer of 1 ms takes in this thread, the main one, until `work` is done. */
export async function longestWait(work: Promise<unknown>): Promise<LongestWait> {
  let isDone = false
  const ended = work.finally(() => {
    isDone = true
  })
  let [waitMs, ownMs] = [0, 0]
  for (let last = performance.now(), lastQueued = queuedMs(); !isDone; ) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    const [now, queued] = [performance.now(), queuedMs()]
    waitMs = Math.max(waitMs, now - last)
    ownMs = Math.max(ownMs, now - last - (queued - lastQueued))
    last = now
    lastQueued = queued
  }
  await ended
  return { waitMs, ownMs }
}

/** How long the main thread was ready and had no processor, in ms: Documentation/scheduler/sched-stats.rst. */
function queuedMs(): number {
  const [, nanoseconds = '0'] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
  return Number(nanoseconds) / 1e6
}
