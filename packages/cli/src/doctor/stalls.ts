import { monitorEventLoopDelay } from 'node:perf_hooks'

/** A process that does not run for so long misses answers that have come. */
const STALL_MS = 500
const RESOLUTION_MS = 20

/** Runs `body`, and says whether this process was kept from running meanwhile, as by a machine that is busy or was paused. */
export async function noticingStalls<T>(
  body: () => Promise<T>,
): Promise<{ readonly value: T; readonly wasStalled: boolean }> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  try {
    const value = await body()
    return { value, wasStalled: delays.max / 1e6 > STALL_MS }
  } finally {
    delays.disable()
  }
}
