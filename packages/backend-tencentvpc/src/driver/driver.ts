import {
  type AbortOptions,
  type Clock,
  type Driver,
  type DriverEvent,
  isOverlayError,
  type Operation,
  type OperationResult,
  OverlayError,
  type OwnershipScope,
  type Random,
} from '@selvedge/core'
import { contains, requireCidr } from '@selvedge/core/kit'
import type { VpcRouteResource } from '../resource.js'
import type { VpcApi } from './api.js'
import { heldAt, type Identity, isMarked, isOwn, ownAt, ownDestinations, stepsFor } from './decide.js'
import { addressesGone } from './gone.js'
import { chosenTables, type RouteTable, readRouteTables, type TableChoice } from './route-table.js'
import { RouteWriter } from './route-writer.js'

const DEFAULT_POLL_MS = 30_000

export interface RouteTableDriverOptions {
  readonly api: VpcApi
  readonly identity: Identity
  readonly choice: TableChoice
  /** How many routes a table may hold; undefined: not known. */
  readonly quota?: number | undefined
  /** How often to look whether the routes are still there, in ms, jittered by a fifth. Default: 30,000. */
  readonly pollMs?: number | undefined
  readonly clock: Clock
  readonly random: Random
}

/** The tables, when they were read, and after how many writes of our own. */
interface Reading {
  readonly tables: readonly RouteTable[]
  readonly at: number
  readonly writes: number
}

/**
 * The driver of this instance's routes in a VPC's route tables, which all nodes share: it lists, changes and deletes what
 * its instance wrote, and nothing else. The API reports no changes, so it is polled; while it cannot be reached, the
 * failures are reported by `watch`, and what was read last counts, so that other drivers go on.
 */
export class RouteTableDriver implements Driver<VpcRouteResource> {
  readonly name = 'tencent-vpc'
  readonly kinds = ['vpc-route'] as const
  readonly shared = true
  readonly #options: RouteTableDriverOptions
  readonly #writer: RouteWriter
  readonly #disposed = new AbortController()
  #read: Reading | undefined
  /** A reading that began before the last of them says nothing about it. */
  #writes = 0
  #isWatched = false

  constructor(options: RouteTableDriverOptions) {
    this.#options = options
    const { api, identity, choice, quota } = options
    this.#writer = new RouteWriter({ api, identity, vpc: choice.vpc, quota })
  }

  async snapshot(
    { networks }: OwnershipScope,
    options: AbortOptions = {},
  ): Promise<readonly VpcRouteResource[]> {
    const { identity, choice } = this.#options
    const tables = await this.#tables(this.#signal(options))
    const chosen = chosenTables(tables, choice)
    return ownDestinations(tables, identity)
      .filter((destination) => networks.some((network) => isWithin(destination, network)))
      .map((destination) => heldAt(destination, tables, chosen, identity))
      .filter((resource) => resource !== undefined)
  }

  async apply(
    operations: readonly Operation<VpcRouteResource>[],
    options: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    const signal = this.#signal(options)
    const results: OperationResult[] = []
    for (const { type, resource } of operations) {
      try {
        if (type === 'put') await this.#put(resource, signal)
        else await this.#delete(resource, signal)
        results.push({ ok: true })
      } catch (error) {
        signal.throwIfAborted()
        const doing = `${type === 'put' ? 'writing' : 'deleting'} the route of ${resource.destination}`
        results.push({ ok: false, error: OverlayError.from(error, 'DRIVER_REFUSED', doing), stale: true })
      } finally {
        this.#writes += 1
      }
    }
    // Else `watch` would take our own writes for another's. If it cannot be read now, the next snapshot tries again.
    if (results.some(({ ok }) => ok)) await this.#readAgain(signal).catch(() => signal.throwIfAborted())
    return results
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    const { clock, random, pollMs = DEFAULT_POLL_MS } = this.#options
    const ended = AbortSignal.any([signal, this.#disposed.signal])
    this.#isWatched = true
    try {
      for (;;) {
        await clock.sleep(pollMs * (0.8 + 0.4 * random()), { signal: ended })
        const before = this.#read
        const after = await this.#readAgain(ended)
        if (before?.writes !== after.writes || this.#fingerprint(before) !== this.#fingerprint(after)) {
          yield { type: 'changed' }
        }
      }
    } catch (error) {
      // One that fails is opened again soon.
      if (!ended.aborted) throw error
      this.#isWatched = false
    }
  }

  /** What it wrote stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new OverlayError('CLOSED', 'the driver of route tables is disposed of'))
  }

  /** The tables as they were read last: by `watch`, if there is one, or within as long as a poll takes. */
  async #tables(signal: AbortSignal): Promise<readonly RouteTable[]> {
    const { clock, pollMs = DEFAULT_POLL_MS } = this.#options
    const last = this.#read
    const isRecent = last !== undefined && (this.#isWatched || clock.monotonic() - last.at < pollMs)
    if (isRecent && last.writes === this.#writes) return last.tables
    try {
      return (await this.#readAgain(signal)).tables
    } catch (error) {
      // An API that cannot be reached for a while keeps no other driver from being read. `watch` reports it.
      if (signal.aborted || last === undefined || !this.#isWatched || !isOverlayError(error)) throw error
      return last.tables
    }
  }

  async #readAgain(signal: AbortSignal): Promise<Reading> {
    const { api, choice, clock } = this.#options
    const [at, writes] = [clock.monotonic(), this.#writes]
    const tables = await readRouteTables(api, choice.vpc, { signal })
    this.#read = { tables, at, writes }
    return this.#read
  }

  async #put(resource: VpcRouteResource, signal: AbortSignal): Promise<void> {
    const { identity, choice } = this.#options
    const { tables } = await this.#readAgain(signal)
    const chosen = chosenTables(tables, choice)
    // A table that is full or holds another's route keeps none of the others from being written.
    const failures: unknown[] = []
    for (const table of tables) {
      try {
        if (chosen.includes(table)) await this.#putInto(table, resource, signal)
        else await this.#writer.delete(table, ownAt(table, resource.destination, identity), signal)
      } catch (error) {
        signal.throwIfAborted()
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  async #putInto(table: RouteTable, resource: VpcRouteResource, signal: AbortSignal): Promise<void> {
    const { api, choice, identity } = this.#options
    const asked = table.routes
      .filter(
        (route) => route.destination === resource.destination && isMarked(route) && !isOwn(route, identity),
      )
      .map(({ gateway }) => gateway)
    const gone = await addressesGone(api, choice.vpc, asked, signal)
    for (const step of stepsFor(table, resource, identity, (address) => gone.has(address))) {
      await this.#writer.take(step, table, resource, signal)
    }
  }

  async #delete({ destination }: VpcRouteResource, signal: AbortSignal): Promise<void> {
    const { tables } = await this.#readAgain(signal)
    for (const table of tables) {
      await this.#writer.delete(table, ownAt(table, destination, this.#options.identity), signal)
    }
  }

  /** What of the tables concerns this node. */
  #fingerprint({ tables }: Reading): string {
    const { identity } = this.#options
    const destinations = new Set(ownDestinations(tables, identity))
    const ofInterest = ({ routes, ...table }: RouteTable) => [
      table,
      routes.filter((route) => isOwn(route, identity) || destinations.has(route.destination ?? '')),
    ]
    return JSON.stringify(tables.map(ofInterest))
  }

  #signal({ signal }: AbortOptions): AbortSignal {
    signal?.throwIfAborted()
    this.#disposed.signal.throwIfAborted()
    return signal === undefined ? this.#disposed.signal : AbortSignal.any([signal, this.#disposed.signal])
  }
}

function isWithin(destination: string, network: string): boolean {
  return contains(requireCidr(network), requireCidr(destination))
}
