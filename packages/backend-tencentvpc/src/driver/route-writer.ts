import { isOverlayError, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { VpcRouteResource } from '../resource.js'
import type { VpcApi } from './api.js'
import { type Identity, INSTANCE, isMarked, isOwn, markOf, type Step } from './decide.js'
import { apiCode } from './errors.js'
import { addressesGone } from './gone.js'
import type { RouteTable, TableRoute } from './route-table.js'

export interface RouteWriterOptions {
  readonly api: VpcApi
  readonly identity: Identity
  readonly vpc: string
  /** How many routes a table may hold; undefined: not known. */
  readonly quota?: number | undefined
}

/** How many routes of nodes that are gone a message names. */
const MAX_NAMED = 5

/** Changes entries of route tables as it is told, and says why if it cannot. */
export class RouteWriter {
  readonly #options: RouteWriterOptions

  constructor(options: RouteWriterOptions) {
    this.#options = options
  }

  /** Takes a step. Throws `RESOURCE_CONFLICT` for one that is a conflict, or which another process was faster with. */
  async take(step: Step, table: RouteTable, resource: VpcRouteResource, signal: AbortSignal): Promise<void> {
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
        try {
          await api.write('CreateRoutes', { RouteTableId, Routes: [{ ...route, Enabled: true }] }, { signal })
        } catch (error) {
          signal.throwIfAborted()
          throw await this.#explained(error, table, resource, signal)
        }
        return
      case 'replace': {
        const Routes = [{ ...route, RouteId: step.route.id }]
        await api.write('ReplaceRoutes', { RouteTableId, Routes }, { signal })
        return
      }
      case 'enable':
        await api.write('EnableRoutes', { RouteTableId, RouteIds: [step.route.id] }, { signal })
        return
      case 'delete':
        await this.delete(table, [step.route], signal)
    }
  }

  /** Deletes entries, and accepts that they are gone. */
  async delete(table: RouteTable, routes: readonly TableRoute[], signal: AbortSignal): Promise<void> {
    if (routes.length === 0) return
    const parameters = { RouteTableId: table.id, Routes: routes.map(({ id }) => ({ RouteId: id })) }
    try {
      await this.#options.api.write('DeleteRoutes', parameters, { signal })
    } catch (error) {
      if (!/^ResourceNotFound\b/.test(apiCode(error) ?? '')) throw error
    }
  }

  /** The error of a creation, with what is known besides. */
  async #explained(
    error: unknown,
    table: RouteTable,
    { destination }: VpcRouteResource,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (!isOverlayError(error)) return error
    const { code, message, cause } = error
    const answered = apiCode(error) ?? ''
    if (/Duplicate/.test(answered)) {
      const text = `${table.id} holds a route of ${destination} already: ${message}`
      return new OverlayError('RESOURCE_CONFLICT', text, { cause })
    }
    if (!/(?<!Request)LimitExceeded/.test(answered)) return error
    return new OverlayError(code, `${message}; ${await this.#whatFills(table, signal)}`, { cause })
  }

  async #whatFills({ id, routes }: RouteTable, signal: AbortSignal): Promise<string> {
    const { api, vpc, quota, identity } = this.#options
    const marked = routes.filter((route) => isMarked(route) && !isOwn(route, identity))
    const gone = await addressesGone(
      api,
      vpc,
      marked.map(({ gateway }) => gateway),
      signal,
    )
    const dead = marked.filter(({ gateway }) => gone.has(gateway)).map(({ destination }) => destination)
    const named = dead.slice(0, MAX_NAMED).join(', ')
    const more = dead.length > MAX_NAMED ? ` and ${dead.length - MAX_NAMED} more` : ''
    const advice = dead.length === 0 ? '' : `delete those of instances that are gone (${named}${more}), or `
    const max = quota === undefined ? '' : ` of at most ${quota}`
    return (
      `${id} holds ${routes.length} routes${max}, ${marked.length} of them of other nodes: ` +
      `${advice}ask Tencent for a larger quota`
    )
  }
}

function conflict(
  table: RouteTable,
  { gatewayType, gateway, description }: TableRoute,
  { destination, gateway: own }: VpcRouteResource,
): OverlayError {
  const whose = description === '' ? '' : `, described as '${printable(description, 100)}'`
  return new OverlayError(
    'RESOURCE_CONFLICT',
    `the route of ${destination} in ${table.id} leads to ${printable(`${gatewayType} ${gateway}`, 100)}${whose}, and ` +
      `not to ${own}: it is not changed; delete it if what it leads to is no more`,
  )
}
