import type { IkeConnectionResource } from '../resource.js'
import { initiates } from './connection.js'

/** How long the peer that is to initiate has for it. */
const GRACE_MS = 300

/** How long a connection that is not up is left to charon and the peer until it is initiated again: each time twice as long. */
const MIN_REDIAL_MS = 2500
const MAX_REDIAL_MS = 40_000

/** When connections that are not up are initiated. Times are in milliseconds, on one clock of the caller's. */
export class Redials {
  /** By the connections' names: when it is due next, and how long it waited for that. */
  readonly #byName = new Map<string, { readonly at: number; readonly waitMs: number }>()

  get dues(): readonly number[] {
    return [...this.#byName.values()].map(({ at }) => at)
  }

  /** A connection was loaded. */
  begin(connection: IkeConnectionResource, now: number): void {
    const waitMs = initiates(connection) ? MIN_REDIAL_MS : GRACE_MS
    this.#byName.set(connection.name, { at: now + waitMs, waitMs: MIN_REDIAL_MS })
  }

  /**
   * @param connections all that are loaded
   * @param connected the names of those that are up
   * @returns those to initiate now
   */
  take(
    connections: readonly IkeConnectionResource[],
    connected: ReadonlySet<string>,
    now: number,
  ): readonly IkeConnectionResource[] {
    const names = new Set(connections.map(({ name }) => name))
    for (const name of this.#byName.keys()) {
      if (!names.has(name) || connected.has(name)) this.#byName.delete(name)
    }
    return connections.filter(({ name }) => !connected.has(name) && this.#isDue(name, now))
  }

  forget(name: string): void {
    this.#byName.delete(name)
  }

  clear(): void {
    this.#byName.clear()
  }

  #isDue(name: string, now: number): boolean {
    const { at, waitMs } = this.#byName.get(name) ?? { at: now + MIN_REDIAL_MS, waitMs: MIN_REDIAL_MS }
    const isDue = now >= at
    const next = Math.min(waitMs * 2, MAX_REDIAL_MS)
    this.#byName.set(name, isDue ? { at: now + next, waitMs: next } : { at, waitMs })
    return isDue
  }
}
