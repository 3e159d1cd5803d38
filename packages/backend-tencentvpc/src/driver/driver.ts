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
import { contains, isJsonObject, requireCidr } from '@selvedge/core/kit'
import type { VpcRouteResource } from '../resource.js'
import type { VpcApi } from './api.js'
import {
  heldAt,
  type Identity,
  INSTANCE,
  isMarked,
  isOwn,
  markOf,
  ownAt,
  ownDestinations,
  type Step,
  stepsFor,
} from './decide.js'
import { apiCode } from './errors.js'
import {
  chosenTables,
  type RouteTable,
  readRouteTables,
  type TableChoice,
  type TableRoute,
} from './route-table.js'

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
  readonly #disposed = new AbortController()
  #read: Reading | undefined
  /** A reading that began before the last of them says nothing about it. */
  #writes = 0
  #isWatched = false

  constructor(options: RouteTableDriverOptions) {
    this.#options = options
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
    for (const table of chosen) {
      const gone = await this.#goneGateways(table, resource, signal)
      for (const step of stepsFor(table, resource, identity, (address) => gone.has(address))) {
        await this.#take(step, table, resource, signal)
      }
    }
    for (const table of tables) {
      if (!chosen.includes(table))
        await this.#deleteRoutes(table, ownAt(table, resource.destination, identity), signal)
    }
  }

  async #delete({ destination }: VpcRouteResource, signal: AbortSignal): Promise<void> {
    const { tables } = await this.#readAgain(signal)
    for (const table of tables) {
      await this.#deleteRoutes(table, ownAt(table, destination, this.#options.identity), signal)
    }
  }

  /** Which gateways of other nodes' routes at this destination the VPC has no more. */
  async #goneGateways(
    table: RouteTable,
    { destination, gateway }: VpcRouteResource,
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const { api, choice, identity } = this.#options
    const asked = table.routes
      .filter((route) => route.destination === destination && isMarked(route) && !isOwn(route, identity))
      .map((route) => route.gateway)
      .filter((address) => address !== gateway)
    if (asked.length === 0) return new Set()
    const parameters = { VpcId: choice.vpc, PrivateIpAddresses: asked }
    // In doubt it is there.
    const answer = await api
      .read('DescribeVpcPrivateIpAddresses', parameters, { signal })
      .catch((error: unknown) => {
        signal.throwIfAborted()
        if (isOverlayError(error)) return {}
        throw error
      })
    const { VpcPrivateIpAddressSet: used } = answer as Record<string, unknown>
    if (!Array.isArray(used)) return new Set()
    const inUse = used.map((one) => (isJsonObject(one) ? one.PrivateIpAddress : undefined))
    return new Set(asked.filter((address) => !inUse.includes(address)))
  }

  async #take(step: Step, table: RouteTable, resource: VpcRouteResource, signal: AbortSignal): Promise<void> {
    const { api, identity } = this.#options
    const RouteTableId = table.id
    const route = {
      DestinationCidrBlock: resource.destination,
      GatewayType: INSTANCE,
      GatewayId: resource.gateway,
      RouteDescription: markOf(identity),
    }
    switch (step.type) {
      case 'conflict':
        throw conflict(table, step.route, resource)
      case 'create':
        await api
          .write('CreateRoutes', { RouteTableId, Routes: [{ ...route, Enabled: true }] }, { signal })
          .catch((error: unknown) => {
            throw this.#explained(error, table, resource)
          })
        return
      case 'replace':
        await api.write(
          'ReplaceRoutes',
          { RouteTableId, Routes: [{ ...route, RouteId: step.route.id }] },
          { signal },
        )
        return
      case 'enable':
        await api.write('EnableRoutes', { RouteTableId, RouteIds: [step.route.id] }, { signal })
        return
      case 'delete':
        await this.#deleteRoutes(table, [step.route], signal)
    }
  }

  async #deleteRoutes(table: RouteTable, routes: readonly TableRoute[], signal: AbortSignal): Promise<void> {
    if (routes.length === 0) return
    const parameters = { RouteTableId: table.id, Routes: routes.map(({ id }) => ({ RouteId: id })) }
    try {
      await this.#options.api.write('DeleteRoutes', parameters, { signal })
    } catch (error) {
      // Another process was faster.
      if (!/^ResourceNotFound\b/.test(apiCode(error) ?? '')) throw error
    }
  }

  /** The error of a creation, with what is known besides. */
  #explained(error: unknown, table: RouteTable, { destination }: VpcRouteResource): unknown {
    const code = apiCode(error) ?? ''
    if (!isOverlayError(error)) return error
    if (/Duplicate/.test(code)) {
      return new OverlayError(
        'RESOURCE_CONFLICT',
        `${table.id} holds a route of ${destination} already: ${error.message}`,
        {
          cause: error.cause,
        },
      )
    }
    if (!/LimitExceeded/.test(code) || /^RequestLimitExceeded/.test(code)) return error
    const { quota } = this.#options
    const marked = table.routes.filter(isMarked).length
    return new OverlayError(
      error.code,
      `${error.message}; ${table.id} holds ${table.routes.length} routes${quota === undefined ? '' : ` of at most ${quota}`}, ` +
        `${marked} of them of selvedge's nodes: delete those of nodes that are gone, or ask Tencent for a larger quota`,
      { cause: error.cause },
    )
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

function conflict(
  table: RouteTable,
  { gatewayType, gateway, description }: TableRoute,
  { destination, gateway: own }: VpcRouteResource,
): OverlayError {
  const whose = description === '' ? '' : `, described as '${description.slice(0, 100)}'`
  return new OverlayError(
    'RESOURCE_CONFLICT',
    `the route of ${destination} in ${table.id} leads to ${gatewayType} ${gateway}${whose}, and not to ${own}: ` +
      'it is not changed; delete it if what it leads to is no more',
  )
}
