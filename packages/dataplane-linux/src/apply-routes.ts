import { familyOf, type OperationResult, OverlayError, type RouteResource } from '@selvedge/core'
import type { ApplyContext, Resolved } from './apply-entries.js'
import { deleteNexthop, deleteRoute, putNexthop, putRoute, type WriteStep } from './entry-steps.js'
import {
  AF_INET,
  AF_INET6,
  type Refusal,
  type RouteMessage,
  RTN_BLACKHOLE,
  RTNH_F_ONLINK,
  readRoute,
  writeGetRoutes,
} from './netlink/index.js'
import { pathKey } from './nexthop-table.js'
import { describe, outcomeOf, SUCCESS } from './outcome.js'
import { routeKey } from './ownership.js'

/**
 * Routes are held in one of two ways, which the core does not tell apart: inline, as flannel and people write them,
 * or through nexthop objects. The kernel compares an inline IPv4 route's next hop with all others of the same device,
 * which takes quadratic time; through objects it does not (README). So the first few hundred on a device are written
 * inline and stay so, and lots that would go beyond lead through objects. An object is made before its route and
 * goes after it; a route that changes from one way to the other is replaced where it stands.
 */

type ResolvedRoute = Resolved<RouteResource>

/** How often an id that turns out to be somebody else's is drawn anew. */
const DRAWS = 8

export async function applyRoutes(
  context: ApplyContext,
  routes: readonly ResolvedRoute[],
  results: OperationResult[],
): Promise<void> {
  const puts = routes.filter(({ operation }) => operation.type === 'put')
  const deletes = routes.filter(({ operation }) => operation.type === 'delete')
  if (puts.length > 0) await applyPuts(context, puts, results)
  if (deletes.length > 0) await applyDeletes(context, deletes, results)
}

async function applyPuts(
  context: ApplyContext,
  puts: readonly ResolvedRoute[],
  results: OperationResult[],
): Promise<void> {
  const { belief } = context
  const nexthopIds = await makeNexthops(context, puts, results)
  const ready = puts.filter(({ slot }) => results[slot] === undefined)
  const before = ready.map(({ operation }) => belief.routes.get(operation.resource.key))
  const refusals = await writePuts(context, ready, nexthopIds, ({ operation }) => {
    const { key } = operation.resource
    return operation.type === 'put' && (operation.actual !== undefined || belief.routes.has(key))
  })
  const taken = await takeOver(context, ready, nexthopIds, refusals)
  const abandoned: number[] = []
  for (const [number, { operation, slot }] of ready.entries()) {
    const outcome = taken.get(number) ?? SUCCESS
    results[slot] = outcome
    const id = nexthopIds.get(slot) ?? 0
    if (!outcome.ok) {
      if (id !== 0) abandoned.push(id)
      continue
    }
    const { key, device, gateway } = operation.resource
    const previous = before[number]
    belief.nexthops.use(id)
    belief.routes.set(key, id)
    belief.surplusRoutes.delete(key)
    if (previous !== undefined && previous !== 0) {
      belief.nexthops.release(previous)
      abandoned.push(previous)
    }
    if (previous === undefined && gateway !== undefined && familyOf(gateway) === 4) {
      belief.countRoute(device, 1)
    }
  }
  await deleteNexthops(context, abandoned)
}

/** Makes the nexthop objects that these routes are to lead through, and returns their ids by slot. */
async function makeNexthops(
  context: ApplyContext,
  puts: readonly ResolvedRoute[],
  results: OperationResult[],
): Promise<ReadonlyMap<number, number>> {
  const { connection, belief, routeProtocol, options } = context
  const ids = new Map<number, number>()
  let left = putsThroughNexthops(context, puts)
  for (let attempt = 0; left.length > 0; attempt += 1) {
    const steps: WriteStep[] = []
    for (const { operation, index: oif, slot } of left) {
      const { gateway = '', onLink } = operation.resource
      const path = pathKey(oif, gateway, onLink)
      const known = belief.nexthops.idOf(path)
      const id = known ?? belief.nexthops.draw(path)
      ids.set(slot, id)
      steps.push(
        putNexthop({ id, protocol: routeProtocol, oif, gateway, onLink, known: known !== undefined }),
      )
    }
    const refusals = await connection.batch(
      steps.length,
      (writer, number, sequence) => steps[number]?.(writer, sequence),
      options,
    )
    const again: ResolvedRoute[] = []
    for (const [number, refusal] of refusals) {
      const route = left[number]
      if (route === undefined) continue
      belief.nexthops.forget(ids.get(route.slot) ?? 0)
      ids.delete(route.slot)
      if (refusal.errno === 'EEXIST' && attempt < DRAWS) again.push(route)
      else results[route.slot] = outcomeOf(route.operation, refusal)
    }
    left = again
  }
  return ids
}

/** Those of the routes that are to lead through nexthop objects. */
function putsThroughNexthops(
  { belief, nexthopThreshold }: ApplyContext,
  puts: readonly ResolvedRoute[],
): ResolvedRoute[] {
  const candidates = puts.filter(({ operation: { resource } }) => {
    const { gateway, device } = resource
    // IPv6 keeps next hops with their routes, so that inline is as fast; and an IPv6 gateway of IPv4 is nobody's wish.
    return gateway !== undefined && device !== undefined && familyOf(gateway) === 4
  })
  const added = new Map<string, number>()
  for (const { operation } of candidates) {
    const { key, device = '' } = operation.resource
    if (!belief.routes.has(key)) added.set(device, (added.get(device) ?? 0) + 1)
  }
  return candidates.filter(({ operation }) => {
    const { device = '' } = operation.resource
    return (belief.routesThrough.get(device) ?? 0) + (added.get(device) ?? 0) > nexthopThreshold
  })
}

/** Writes the routes, and returns what was refused by their number. */
async function writePuts(
  { connection, belief, routeProtocol, options }: ApplyContext,
  puts: readonly ResolvedRoute[],
  nexthopIds: ReadonlyMap<number, number>,
  replaces: (route: ResolvedRoute) => boolean,
): Promise<Map<number, Refusal>> {
  const steps: WriteStep[] = []
  /** Which route each step belongs to; -1 for one whose refusal does not matter. */
  const owners: number[] = []
  for (const [number, put] of puts.entries()) {
    const { resource } = put.operation
    // Replacing takes the place of the first alone.
    for (let surplus = belief.surplusRoutes.get(resource.key) ?? 0; surplus > 0; surplus -= 1) {
      steps.push(deleteRoute(resource, routeProtocol))
      owners.push(-1)
    }
    steps.push(
      putRoute({
        resource,
        protocol: routeProtocol,
        oif: put.index,
        nexthopId: nexthopIds.get(put.slot) ?? 0,
        replace: replaces(put),
      }),
    )
    owners.push(number)
  }
  const refused = await connection.batch(
    steps.length,
    (writer, step, sequence) => steps[step]?.(writer, sequence),
    options,
  )
  const refusals = new Map<number, Refusal>()
  for (const [step, refusal] of refused) {
    const owner = owners[step] ?? -1
    if (owner >= 0) refusals.set(owner, refusal)
  }
  return refusals
}

/**
 * Decides what becomes of the routes that were refused. One that stands in the place of ours (EEXIST) is taken over
 * where it leads the same way (flanneld's, which bears another protocol number) or goes through a link of ours; one
 * that leads elsewhere is somebody else's and stays.
 */
async function takeOver(
  context: ApplyContext,
  puts: readonly ResolvedRoute[],
  nexthopIds: ReadonlyMap<number, number>,
  refusals: ReadonlyMap<number, Refusal>,
): Promise<ReadonlyMap<number, OperationResult>> {
  const outcomes = new Map<number, OperationResult>()
  const standing: number[] = []
  for (const [number, refusal] of refusals) {
    const put = puts[number]
    if (put === undefined) continue
    if (refusal.errno === 'EEXIST') standing.push(number)
    else outcomes.set(number, outcomeOf(put.operation, refusal))
  }
  if (standing.length === 0) return outcomes
  const inPlace = await readInPlace(context, puts, standing)
  const takeable: number[] = []
  for (const number of standing) {
    const put = puts[number]
    if (put === undefined) continue
    const rival = inPlace.get(put.operation.resource.key)
    if (rival === undefined || mayTakeOver(context, rival, put)) takeable.push(number)
    else outcomes.set(number, conflict(put, rival))
  }
  const retried = takeable.flatMap((number) => puts[number] ?? [])
  const refused = await writePuts(context, retried, nexthopIds, () => true)
  for (const [position, refusal] of refused) {
    const put = retried[position]
    const number = takeable[position]
    if (put !== undefined && number !== undefined) outcomes.set(number, outcomeOf(put.operation, refusal))
  }
  return outcomes
}

async function readInPlace(
  { connection, options }: ApplyContext,
  puts: readonly ResolvedRoute[],
  standing: readonly number[],
): Promise<ReadonlyMap<string, RouteMessage>> {
  const tables = new Set<string>()
  for (const number of standing) {
    const resource = puts[number]?.operation.resource
    if (resource !== undefined) tables.add(`${familyOf(resource.destination)} ${resource.table}`)
  }
  const found = new Map<string, RouteMessage>()
  for (const which of tables) {
    const [family, table] = which.split(' ').map(Number)
    const filter = { family: family === 4 ? AF_INET : AF_INET6, table }
    const routes = await connection.dump(
      'reading the routes that are in the way',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, filter),
      readRoute,
      options,
    )
    for (const route of routes) {
      const key = routeKey(route)
      // The first of a key is the one that carries traffic, and the one that a replacement takes the place of.
      if (!found.has(key)) found.set(key, route)
    }
  }
  return found
}

function mayTakeOver(
  { belief, routeProtocol }: ApplyContext,
  rival: RouteMessage,
  { operation, index }: ResolvedRoute,
): boolean {
  const { type, gateway, onLink } = operation.resource
  if (rival.protocol === routeProtocol || belief.ownLinks.has(rival.oif)) return true
  if (type === 'blackhole') return rival.type === RTN_BLACKHOLE
  const isOnLink = (rival.flags & RTNH_F_ONLINK) !== 0
  return rival.paths.length === 0 && rival.oif === index && rival.gateway === gateway && isOnLink === onLink
}

function conflict({ operation }: ResolvedRoute, rival: RouteMessage): OperationResult {
  const via = rival.gateway === undefined ? '' : ` via ${rival.gateway}`
  const error = new OverlayError(
    'RESOURCE_CONFLICT',
    `${describe(operation)}: a route${via} through interface ${rival.oif}, of protocol ${rival.protocol}, stands in ` +
      `its place and is not ours; remove it (ip route del ${rival.destination} proto ${rival.protocol}) or choose another network`,
    { errno: 'EEXIST' },
  )
  return { ok: false, error }
}

async function applyDeletes(
  { connection, belief, routeProtocol, options }: ApplyContext,
  deletes: readonly ResolvedRoute[],
  results: OperationResult[],
): Promise<void> {
  const steps: WriteStep[] = []
  const owners: number[] = []
  const abandoned: number[] = []
  for (const [number, { operation }] of deletes.entries()) {
    const { key, gateway, device } = operation.resource
    for (let copies = belief.surplusRoutes.get(key) ?? 1; copies > 0; copies -= 1) {
      steps.push(deleteRoute(operation.resource, routeProtocol))
      owners.push(number)
    }
    const id = belief.routes.get(key)
    if (id === undefined) continue
    belief.routes.delete(key)
    belief.nexthops.release(id)
    abandoned.push(id)
    if (gateway !== undefined && familyOf(gateway) === 4) belief.countRoute(device, -1)
  }
  // In the same lot, so that no crash comes between a route's end and that of what it led through.
  const unused = belief.nexthops.unused(new Set(abandoned))
  steps.push(...unused.map(deleteNexthop))
  const refusals = await connection.batch(
    steps.length,
    (writer, step, sequence) => steps[step]?.(writer, sequence),
    options,
  )
  for (const id of unused) belief.nexthops.forget(id)
  for (const { operation, slot } of deletes) {
    belief.surplusRoutes.delete(operation.resource.key)
    results[slot] = SUCCESS
  }
  for (const [step, refusal] of refusals) {
    const route = deletes[owners[step] ?? -1]
    if (route !== undefined) results[route.slot] = outcomeOf(route.operation, refusal)
  }
}

/** Deletes those of these nexthop objects that no route of ours leads through any more. */
async function deleteNexthops(
  { connection, belief, options }: ApplyContext,
  candidates: readonly number[],
): Promise<void> {
  const unused = belief.nexthops.unused(new Set(candidates))
  if (unused.length === 0) return
  for (const id of unused) belief.nexthops.forget(id)
  await connection.batch(
    unused.length,
    (writer, number, sequence) => deleteNexthop(unused[number] ?? 0)(writer, sequence),
    options,
  )
}
