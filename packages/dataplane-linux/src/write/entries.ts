import type { AbortOptions, Operation, OperationResult } from '@selvedge/core'
import type {
  AddressResource,
  FdbResource,
  KernelResource,
  NeighbourResource,
  RouteResource,
} from '@selvedge/core/kit'
import type { Belief } from '../cache/kernel-state.js'
import type { NetlinkConnection } from '../netlink/index.js'
import { findLink } from '../read/link-table.js'
import { writeEntry } from './encode.js'
import { linkGone, outcomeOf, SUCCESS, SUCCESS_STALE } from './outcome.js'
import { applyRoutes } from './routes.js'

export type EntryResource = Exclude<KernelResource, { kind: 'link' }>
type EntryOperation = Operation<EntryResource>
type OnLinkOperation = Operation<AddressResource | NeighbourResource | FdbResource>

/** What applying needs to know. */
export interface ApplyContext {
  readonly connection: NetlinkConnection
  readonly belief: Belief
  readonly routeProtocol: number
  /** Infinity where the kernel has no nexthop objects. */
  readonly nexthopThreshold: number
  readonly options: AbortOptions
}

/** Operations to carry out together, with what was found out about each; all lists in the same order. */
export interface Lot<R extends EntryResource> {
  readonly operations: Operation<R>[]
  /** The index of the link that each is on, or leads through; 0 for none. */
  readonly links: number[]
  /** Where in the results each outcome goes. */
  readonly slots: number[]
}

const emptyLot = <R extends EntryResource>(): Lot<R> => ({ operations: [], links: [], slots: [] })

const linkOf = (resource: EntryResource): string | undefined =>
  resource.kind === 'route' ? resource.device : resource.link

/**
 * Applies the operations from `first` on that are on anything but links, in as few system calls as they fit into, and
 * puts their outcomes into `results`. Returns the position of the first operation that is on a link, or the end.
 */
export async function applyEntries(
  context: ApplyContext,
  operations: readonly Operation<KernelResource>[],
  first: number,
  results: OperationResult[],
): Promise<number> {
  // The core hands over one kind at a time. In a mixed lot, what routes lead through is put before them and goes
  // after them.
  const puts = emptyLot<OnLinkOperation['resource']>()
  const routes = emptyLot<RouteResource>()
  const deletes = emptyLot<OnLinkOperation['resource']>()
  const links = new Map<string, number | undefined>()
  let at = first
  for (; at < operations.length; at += 1) {
    const operation = operations[at]
    if (operation === undefined || !isEntry(operation)) break
    const name = linkOf(operation.resource)
    if (name !== undefined && !links.has(name)) {
      links.set(name, await indexOf(context, name))
    }
    const link = name === undefined ? 0 : links.get(name)
    if (link === undefined) {
      results[at] = onMissingLink(context.belief, operation, name ?? '')
    } else if (isRoute(operation)) {
      add(routes, operation, link, at)
    } else if (isOnLink(operation)) {
      add(operation.type === 'put' ? puts : deletes, operation, link, at)
    }
  }
  await applyOnLinks(context, puts, results)
  await applyRoutes(context, routes, results)
  await applyOnLinks(context, deletes, results)
  return at
}

const indexOf = async ({ belief, connection, options }: ApplyContext, name: string) =>
  belief.indexOf(name) ?? (await findLink(connection, name, options))?.index

export const isEntry = (operation: Operation<KernelResource>): operation is EntryOperation =>
  operation.resource.kind !== 'link'
const isRoute = (operation: EntryOperation): operation is Operation<RouteResource> =>
  operation.resource.kind === 'route'
const isOnLink = (operation: EntryOperation): operation is OnLinkOperation => !isRoute(operation)

function add<R extends EntryResource>(
  lot: Lot<R>,
  operation: Operation<R>,
  link: number,
  slot: number,
): void {
  lot.operations.push(operation)
  lot.links.push(link)
  lot.slots.push(slot)
}

/** With a link all that is on it has gone. */
function onMissingLink(belief: Belief, operation: EntryOperation, name: string): OperationResult {
  if (operation.type === 'put') return linkGone(operation, name)
  forget(belief, operation.resource)
  return SUCCESS
}

async function applyOnLinks(
  { connection, belief, options }: ApplyContext,
  { operations, links, slots }: Lot<OnLinkOperation['resource']>,
  results: OperationResult[],
): Promise<void> {
  if (operations.length === 0) return
  // Before it is written, since the kernel tells of it while it is being written.
  for (const operation of operations) remember(belief, operation)
  const refusals = await connection.batch(
    operations.length,
    (writer, number, sequence) => {
      const operation = operations[number]
      if (operation !== undefined) writeEntry(writer, sequence, operation, links[number] ?? 0)
    },
    options,
  )
  for (const [number, operation] of operations.entries()) {
    const refusal = refusals.get(number)
    const outcome = refusal === undefined ? successOf(operation) : outcomeOf(operation, refusal)
    if (!outcome.ok && operation.type === 'put') forget(belief, operation.resource)
    results[slots[number] ?? 0] = outcome
  }
}

/** With an IPv4 address its secondaries may go; with the last one, all routes and neighbours of the link. */
const successOf = ({ type, resource }: EntryOperation): OperationResult =>
  type === 'delete' && resource.kind === 'address' ? SUCCESS_STALE : SUCCESS

function remember(belief: Belief, { type, resource }: EntryOperation): void {
  if (type === 'delete') forget(belief, resource)
  else if (resource.kind === 'address') belief.addresses.add(resource.key)
  else if (resource.kind === 'neighbour') belief.neighbours.add(resource.key)
  else if (resource.kind === 'fdb') belief.forwarding.set(resource.key, resource.destination)
}

function forget(belief: Belief, resource: EntryResource): void {
  if (resource.kind === 'address') belief.addresses.delete(resource.key)
  else if (resource.kind === 'neighbour') belief.neighbours.delete(resource.key)
  else if (resource.kind === 'fdb') belief.forwarding.delete(resource.key)
  else belief.forgetRoute(resource)
}
