import { type Operation, type OperationResult, OverlayError } from '@selvedge/core'
import { familyOf, type RouteResource } from '@selvedge/core/kit'
import { routeKey } from '../cache/ownership.js'
import {
  AF_INET,
  AF_INET6,
  type Refusal,
  type RouteMessage,
  RTN_BLACKHOLE,
  RTNH_F_ONLINK,
  readRoute,
  writeGetRoutes,
} from '../netlink/index.js'
import { writePutRoute } from './encode.js'
import type { ApplyContext } from './entries.js'
import { describe, outcomeOf } from './outcome.js'
import type { RouteLot } from './routes.js'

/**
 * Decides what becomes of the routes that were refused. One that stands in the place of ours (EEXIST) is taken over
 * where it leads the same way (flanneld's, which bears another protocol number) or goes through a link of ours; one
 * that leads elsewhere is somebody else's and stays.
 *
 * @returns the outcomes of those that did not succeed in the end
 */
export async function takeOver(
  context: ApplyContext,
  puts: RouteLot,
  refusals: ReadonlyMap<number, Refusal>,
): Promise<ReadonlyMap<number, OperationResult>> {
  const { connection, routeProtocol, options } = context
  const { operations, links, nexthops } = puts
  const outcomes = new Map<number, OperationResult>()
  const standing: number[] = []
  for (const [number, refusal] of refusals) {
    const operation = operations[number]
    if (refusal.errno === 'EEXIST') standing.push(number)
    else if (operation !== undefined) outcomes.set(number, outcomeOf(operation, refusal))
  }
  if (standing.length === 0) return outcomes
  const inPlace = await readInPlace(context, puts, standing)
  const takeable: number[] = []
  for (const number of standing) {
    const operation = operations[number]
    if (operation === undefined) continue
    const rival = inPlace.get(operation.resource.key)
    if (rival === undefined || mayTakeOver(context, rival, operation.resource, links[number] ?? 0)) {
      takeable.push(number)
    } else {
      outcomes.set(number, conflict(operation, rival))
    }
  }
  const refused = await connection.batch(
    takeable.length,
    (writer, at, sequence) => {
      const number = takeable[at] ?? 0
      const operation = operations[number]
      if (operation === undefined) return
      writePutRoute(writer, sequence, operation.resource, {
        protocol: routeProtocol,
        oif: links[number] ?? 0,
        nexthopId: nexthops[number]?.id ?? 0,
        replace: true,
      })
    },
    options,
  )
  for (const [at, refusal] of refused) {
    const number = takeable[at] ?? 0
    const operation = operations[number]
    if (operation !== undefined) outcomes.set(number, outcomeOf(operation, refusal))
  }
  return outcomes
}

/** The routes that carry traffic in the place of ours, by key. */
async function readInPlace(
  { connection, options }: ApplyContext,
  { operations }: RouteLot,
  standing: readonly number[],
): Promise<ReadonlyMap<string, RouteMessage>> {
  const tables = new Map<string, { readonly family: number; readonly table: number }>()
  for (const number of standing) {
    const { destination = '', table = 0 } = operations[number]?.resource ?? {}
    const family = familyOf(destination) === 4 ? AF_INET : AF_INET6
    tables.set(`${family} ${table}`, { family, table })
  }
  const found = new Map<string, RouteMessage>()
  for (const filter of tables.values()) {
    const routes = await connection.dump(
      'reading the routes that are in the way',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, filter),
      readRoute,
      options,
    )
    for (const route of routes) {
      const key = routeKey(route)
      // Of several the first carries traffic, and is what a replacement takes the place of.
      if (!found.has(key)) found.set(key, route)
    }
  }
  return found
}

function mayTakeOver(
  { belief, routeProtocol }: ApplyContext,
  rival: RouteMessage,
  { type, gateway, onLink }: RouteResource,
  oif: number,
): boolean {
  if (rival.protocol === routeProtocol || belief.ownLinks.has(rival.oif)) return true
  if (type === 'blackhole') return rival.type === RTN_BLACKHOLE
  const isOnLink = (rival.flags & RTNH_F_ONLINK) !== 0
  return rival.paths.length === 0 && rival.oif === oif && rival.gateway === gateway && isOnLink === onLink
}

function conflict(operation: Operation<RouteResource>, rival: RouteMessage): OperationResult {
  const via = rival.gateway === undefined ? '' : ` via ${rival.gateway}`
  const error = new OverlayError(
    'RESOURCE_CONFLICT',
    `${describe(operation)}: a route${via} through interface ${rival.oif}, of protocol ${rival.protocol}, stands in ` +
      `its place and is not ours; remove it (ip route del ${rival.destination} proto ${rival.protocol}) or choose another network`,
    { errno: 'EEXIST' },
  )
  return { ok: false, error }
}
