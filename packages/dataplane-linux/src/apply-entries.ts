import type {
  AbortOptions,
  AddressResource,
  FdbResource,
  KernelResource,
  NeighbourResource,
  Operation,
  OperationResult,
  RouteResource,
} from '@selvedge/core'
import { applyRoutes } from './apply-routes.js'
import type { Belief } from './belief.js'
import {
  deleteAddress,
  deleteForwarding,
  deleteNeighbour,
  putAddress,
  putForwarding,
  putNeighbour,
  type WriteStep,
} from './entry-steps.js'
import { findLink } from './link-table.js'
import type { NetlinkConnection } from './netlink/index.js'
import { linkGone, outcomeOf, SUCCESS, SUCCESS_STALE } from './outcome.js'

export type EntryResource = Exclude<KernelResource, { kind: 'link' }>
export type EntryOperation = Operation<EntryResource>

/** What applying needs to know. */
export interface ApplyContext {
  readonly connection: NetlinkConnection
  readonly belief: Belief
  readonly routeProtocol: number
  /** Infinity where the kernel has no nexthop objects. */
  readonly nexthopThreshold: number
  readonly options: AbortOptions
}

/** An operation whose link was found, and where in the results its outcome goes. */
export interface Resolved<R extends EntryResource> {
  readonly operation: Operation<R>
  readonly index: number
  readonly slot: number
}

const linkOf = (resource: EntryResource): string | undefined =>
  resource.kind === 'route' ? resource.device : resource.link

/**
 * Applies operations on entries (anything but links), in their order, in as few system calls as they fit into.
 * Their outcomes go into `results` at `slots`.
 */
export async function applyEntries(
  context: ApplyContext,
  operations: readonly EntryOperation[],
  slots: readonly number[],
  results: OperationResult[],
): Promise<void> {
  const indexes = await resolveLinks(context, operations)
  const routes: Resolved<RouteResource>[] = []
  const others: Resolved<AddressResource | NeighbourResource | FdbResource>[] = []
  for (const [position, operation] of operations.entries()) {
    const slot = slots[position] ?? 0
    const name = linkOf(operation.resource)
    const index = name === undefined ? 0 : indexes.get(name)
    if (index === undefined) {
      // With a link all that is on it has gone.
      results[slot] = operation.type === 'delete' ? SUCCESS : linkGone(operation, name ?? '')
      if (operation.type === 'delete') forget(context.belief, operation.resource)
      continue
    }
    if (isRoute(operation)) routes.push({ operation, index, slot })
    else if (isOther(operation)) others.push({ operation, index, slot })
  }
  // The core hands over one kind at a time. In a mixed lot what routes lead through is put before them, and goes
  // after them.
  const puts = others.filter(({ operation }) => operation.type === 'put')
  const deletes = others.filter(({ operation }) => operation.type === 'delete')
  await applyOthers(context, puts, results)
  await applyRoutes(context, routes, results)
  await applyOthers(context, deletes, results)
}

const isRoute = (operation: EntryOperation): operation is Operation<RouteResource> =>
  operation.resource.kind === 'route'
const isOther = (
  operation: EntryOperation,
): operation is Operation<AddressResource | NeighbourResource | FdbResource> => !isRoute(operation)

async function resolveLinks(
  { connection, options }: ApplyContext,
  operations: readonly EntryOperation[],
): Promise<ReadonlyMap<string, number>> {
  const names = new Set<string>()
  for (const { resource } of operations) {
    const name = linkOf(resource)
    if (name !== undefined) names.add(name)
  }
  const indexes = new Map<string, number>()
  for (const name of names) {
    const link = await findLink(connection, name, options)
    if (link !== undefined) indexes.set(name, link.index)
  }
  return indexes
}

async function applyOthers(
  { connection, belief, options }: ApplyContext,
  operations: readonly Resolved<AddressResource | NeighbourResource | FdbResource>[],
  results: OperationResult[],
): Promise<void> {
  if (operations.length === 0) return
  const steps = operations.map(({ operation, index }) => stepOf(operation, index))
  // Before it is written, since the kernel tells of it while it is being written.
  for (const { operation } of operations) remember(belief, operation)
  const refusals = await connection.batch(
    steps.length,
    (writer, number, sequence) => steps[number]?.(writer, sequence),
    options,
  )
  for (const [number, { operation, slot }] of operations.entries()) {
    const refusal = refusals.get(number)
    const outcome = refusal === undefined ? successOf(operation) : outcomeOf(operation, refusal)
    if (!outcome.ok && operation.type === 'put') forget(belief, operation.resource)
    results[slot] = outcome
  }
}

/** With an IPv4 address its secondaries may go; with the last one, all routes and neighbours of the link. */
const successOf = ({ type, resource }: EntryOperation): OperationResult =>
  type === 'delete' && resource.kind === 'address' ? SUCCESS_STALE : SUCCESS

function stepOf(
  { type, resource }: Operation<AddressResource | NeighbourResource | FdbResource>,
  index: number,
): WriteStep {
  switch (resource.kind) {
    case 'address':
      return type === 'put' ? putAddress(resource, index) : deleteAddress(resource, index)
    case 'neighbour':
      return type === 'put' ? putNeighbour(resource, index) : deleteNeighbour(resource, index)
    case 'fdb':
      return type === 'put' ? putForwarding(resource, index) : deleteForwarding(resource, index)
  }
}

function remember(belief: Belief, { type, resource }: EntryOperation): void {
  if (type === 'delete') forget(belief, resource)
  else if (resource.kind === 'address') belief.addresses.add(resource.key)
  else if (resource.kind === 'neighbour') belief.neighbours.add(resource.key)
  else if (resource.kind === 'fdb') belief.forwarding.set(resource.key, resource.destination)
}

function forget(belief: Belief, { kind, key }: EntryResource): void {
  if (kind === 'address') belief.addresses.delete(key)
  else if (kind === 'neighbour') belief.neighbours.delete(key)
  else if (kind === 'fdb') belief.forwarding.delete(key)
  else belief.routes.delete(key)
}
