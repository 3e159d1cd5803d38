import type { Driver } from '../contract/driver.js'
import type { Clock } from '../util/clock.js'
import { findExternalInterface } from './external-interface.js'

/** As often as a node that has started without an uplink looks for one. */
const LOOK_MS = 500

export interface RetryDelay {
  readonly delayMs: number
  readonly drivers: readonly Driver[]
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Resolves after `delayMs`, or as soon as this host has an uplink if it has none now: whatever made a start fail without
 * one, the store out of reach or no interface to choose, may pass with it. Rejects only if the signal aborts.
 */
export async function delayRetry({ delayMs, drivers, clock, signal }: RetryDelay): Promise<void> {
  const end = clock.monotonic() + delayMs
  const hasUplink = async (): Promise<boolean> => {
    try {
      await findExternalInterface(drivers, { signal })
      return true
    } catch {
      signal.throwIfAborted()
      return false // how long it is missing is the only question here, and the next try says why
    }
  }
  if (await hasUplink()) return clock.sleep(Math.max(0, end - clock.monotonic()), { signal })
  while (clock.monotonic() < end) {
    await clock.sleep(Math.min(LOOK_MS, end - clock.monotonic()), { signal })
    if (await hasUplink()) return
  }
}
