import type { AbortOptions, Operation, OperationResult } from '@selvedge/core'
import type { KernelResource, RouteResource } from '@selvedge/core/kit'
import type { KernelState, OnLinkResource } from '../cache/kernel-state.js'
import type { Nexthop } from '../cache/nexthop-table.js'
import type { NetlinkConnection } from '../netlink/index.js'
import { findLink } from '../read/link-table.js'
import { linkMissing, SUCCESS } from './outcome.js'

/** What is on a link or leads through one. */
export type EntryResource = Exclude<KernelResource, { kind: 'link' }>

/** What writing entries needs. */
export interface WriteContext {
  readonly connection: NetlinkConnection
  readonly state: KernelState
  /** RTPROT_* of our routes and nexthop objects. */
  readonly routeProtocol: number
  /** Infinity if the kernel has no nexthop objects. */
  readonly nexthopThreshold: number
  readonly options: AbortOptions
}

/** An operation on its way to the kernel. */
export interface PendingWrite<R extends EntryResource = OnLinkResource> {
  readonly operation: Operation<R>
  /** Index of the link that the resource is on or leads through; 0 for a blackhole. */
  readonly linkIndex: number
  /** Set as soon as it is certain; success otherwise. */
  result: OperationResult | undefined
}

export interface PendingRoute extends PendingWrite<RouteResource> {
  /** The nexthop object that the route is to lead through; undefined for an inline route. */
  nexthop: Nexthop | undefined
}

/** Operations that are written together, in three steps. */
export interface Batch {
  readonly puts: readonly PendingWrite[]
  readonly routes: readonly PendingRoute[]
  readonly deletes: readonly PendingWrite[]
  /** In the order of the operations. */
  readonly results: () => OperationResult[]
}

/** Looks up the links of all operations, and sorts these into the steps of a batch. */
export async function prepareBatch(
  context: WriteContext,
  operations: readonly Operation<EntryResource>[],
): Promise<Batch> {
  const puts: PendingWrite[] = []
  const routes: PendingRoute[] = []
  const deletes: PendingWrite[] = []
  const all: Pick<PendingWrite, 'result'>[] = []
  const indexes = new Map<string | undefined, number | undefined>([[undefined, 0]])
  for (const operation of operations) {
    const name = linkOf(operation.resource)
    if (!indexes.has(name)) indexes.set(name, await indexOf(context, name))
    const linkIndex = indexes.get(name)
    if (linkIndex === undefined) {
      all.push({ result: onMissingLink(context.state, operation, name) })
    } else if (isRoute(operation)) {
      const write: PendingRoute = { operation, linkIndex, result: undefined, nexthop: undefined }
      routes.push(write)
      all.push(write)
    } else if (isOnLink(operation)) {
      const write: PendingWrite = { operation, linkIndex, result: undefined }
      ;(operation.type === 'put' ? puts : deletes).push(write)
      all.push(write)
    }
  }
  return { puts, routes, deletes, results: () => all.map(({ result }) => result ?? SUCCESS) }
}

const linkOf = (resource: EntryResource): string | undefined =>
  resource.kind === 'route' ? resource.device : resource.link

async function indexOf(
  { state, connection, options }: WriteContext,
  name: string | undefined,
): Promise<number | undefined> {
  if (name === undefined) return 0
  return state.indexOf(name) ?? (await findLink(connection, name, options))?.index
}

const isRoute = (operation: Operation<EntryResource>): operation is Operation<RouteResource> =>
  operation.resource.kind === 'route'
const isOnLink = (operation: Operation<EntryResource>): operation is Operation<OnLinkResource> =>
  operation.resource.kind !== 'route'

/** Everything on a link goes with it. */
function onMissingLink(
  state: KernelState,
  operation: Operation<EntryResource>,
  name: string | undefined,
): OperationResult {
  if (operation.type === 'put') return linkMissing(operation, name ?? '')
  const { resource } = operation
  if (resource.kind === 'route') state.removeRoute(resource)
  else state.remove(resource)
  return SUCCESS
}
