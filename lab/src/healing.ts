import { KernelMonitor } from './monitor.js'
import type { Namespace } from './namespace.js'

/** A damage to the kernel's state, and by which notifications to tell that it happened and is mended. */
export interface Damage {
  /** Does the damage. */
  inflict: () => Promise<unknown>
  /** The kernel's word that it is done. */
  done: RegExp
  /** The kernel's word on each thing that must come back. */
  back: readonly RegExp[]
}

/**
 * Does damage and waits until all is back.
 * @returns milliseconds from the damage to the last thing's return, by the kernel's notifications.
 * @throws {TimeoutError} where something is not back after `timeout` ms (default: 10,000).
 */
export async function timeHealing(where: Namespace, damage: Damage, timeout = 10_000): Promise<number> {
  await using monitor = await KernelMonitor.start(where)
  await damage.inflict()
  const done = await monitor.event(damage.done)
  const after = monitor.events.indexOf(done) + 1
  const returns = await Promise.all(damage.back.map((pattern) => monitor.event(pattern, after, timeout)))
  return Math.max(...returns.map(({ time }) => time)) - done.time
}
