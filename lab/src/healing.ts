import { type KernelEvent, KernelMonitor } from './monitor.js'
import type { Namespace } from './namespace.js'

/** Damage to the kernel's state, and the notifications that show when it is done and when it is repaired. */
export interface Damage {
  /** Does the damage. */
  inflict: () => Promise<unknown>
  /** The notification of the damage. */
  done: RegExp
  /** The notifications of each thing that must come back. */
  back: readonly RegExp[]
}

/** How the kernel's state was repaired. */
export interface Healing {
  /** Milliseconds from the damage to the last repair, by the kernel's notifications. */
  durationMs: number
  /** The notifications of the damage and of each repair; `time` counts from the damage. */
  events: readonly KernelEvent[]
}

/**
 * Does damage and waits until all is back.
 * @throws {TimeoutError} if something is not back after `timeout` ms (default: 10,000).
 */
export async function timeHealing(where: Namespace, damage: Damage, timeout = 10_000): Promise<Healing> {
  await using monitor = await KernelMonitor.start(where)
  await damage.inflict()
  const done = await monitor.event(damage.done)
  const after = monitor.events.indexOf(done) + 1
  const returns = await Promise.all(damage.back.map((pattern) => monitor.event(pattern, after, timeout)))
  const events = [done, ...returns.sort((a, b) => a.time - b.time)]
  return {
    durationMs: Math.max(...returns.map(({ time }) => time)) - done.time,
    events: events.map(({ time, text }) => ({ time: time - done.time, text })),
  }
}
