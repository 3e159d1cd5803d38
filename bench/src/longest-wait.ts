/** How long, at most, a timer of 1 ms takes until `work` is done. */
export async function longestWait(work: Promise<unknown>): Promise<number> {
  let isDone = false
  const ended = work.finally(() => {
    isDone = true
  })
  let longest = 0
  for (let last = performance.now(); !isDone; ) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  await ended
  return longest
}
