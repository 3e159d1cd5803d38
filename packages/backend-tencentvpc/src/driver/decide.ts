import { canonicalAddress, parseAddress } from '@selvedge/core/kit'
import { type VpcRouteResource, vpcRoute } from '../resource.js'
import type { RouteTable, TableRoute } from './route-table.js'

/** The instance whose routes are ours. */
export interface Identity {
  /** Its id, such as `ins-3g445roi`. */
  readonly instance: string
  /** Its private address. */
  readonly address: string
}

/** An instance, as the next hop of a route. */
export const INSTANCE = 'NORMAL_CVM'

const MARK = /^selvedge [\w-]{1,64}$/

/** The description that marks a route as an instance's. */
export const markOf = ({ instance }: Identity): string => `selvedge ${instance}`

/** Whether some node's selvedge wrote it. */
export const isMarked = ({ type, gatewayType, description }: TableRoute): boolean =>
  type === 'USER' && gatewayType === INSTANCE && MARK.test(description)

/**
 * Whether it is ours: marked as this instance's, or as another's that had our address before us, since what leads to our
 * address can be no other's now.
 */
export const isOwn = (route: TableRoute, identity: Identity): boolean =>
  isMarked(route) && (route.description === markOf(identity) || leadsTo(route, identity.address))

const leadsTo = ({ gatewayType, gateway }: TableRoute, address: string): boolean =>
  gatewayType === INSTANCE && sameAddress(gateway, address)

function sameAddress(one: string, other: string): boolean {
  return isAddress(one) && canonicalAddress(one) === canonicalAddress(other)
}

const isAddress = (text: string): boolean => parseAddress(text) !== undefined

/** What it takes to make a table hold a node's route. */
export type Step =
  | { readonly type: 'create' }
  /** Make this entry lead to us, with our mark. */
  | { readonly type: 'replace'; readonly route: TableRoute }
  | { readonly type: 'enable'; readonly route: TableRoute }
  | { readonly type: 'delete'; readonly route: TableRoute }
  /** Another holds the destination. */
  | { readonly type: 'conflict'; readonly route: TableRoute }

/**
 * The steps for one table that the route belongs in; none if it holds it. A route of the destination that leads elsewhere
 * is a conflict, unless another node's selvedge wrote it and `isGone` says of its gateway that the VPC has no such
 * address any more: that node is no more, and the subnet is leased to this one. A route that leads to us without a
 * mark, as flannel writes it, becomes ours.
 */
export function stepsFor(
  { routes }: RouteTable,
  { destination, gateway }: VpcRouteResource,
  identity: Identity,
  isGone: (address: string) => boolean,
): readonly Step[] {
  const there = routes.filter((route) => route.destination === destination)
  const mine = there.filter(
    (route) => route.type === 'USER' && (isOwn(route, identity) || leadsTo(route, gateway)),
  )
  const others = there.filter((route) => route.enabled && !mine.includes(route))
  const dead = others.filter((route) => isMarked(route) && isGone(route.gateway))
  const rival = others.find((route) => !dead.includes(route))
  if (rival !== undefined) return [{ type: 'conflict', route: rival }]
  const isRight = (route: TableRoute) => leadsTo(route, gateway) && route.description === markOf(identity)
  const [kept = dead[0], ...surplus] = mine.toSorted((a, b) => Number(isRight(b)) - Number(isRight(a)))
  const deleted = [...surplus, ...dead].filter((route) => route !== kept)
  const steps: Step[] = deleted.map((route) => ({ type: 'delete', route }))
  if (kept === undefined) return [...steps, { type: 'create' }]
  if (!isRight(kept)) steps.push({ type: 'replace', route: kept })
  if (!kept.enabled) steps.push({ type: 'enable', route: kept })
  return steps
}

/** The destinations of what is ours in these tables. */
export const ownDestinations = (tables: readonly RouteTable[], identity: Identity): readonly string[] => [
  ...new Set(
    tables.flatMap(({ routes }) =>
      routes
        .filter((route) => isOwn(route, identity))
        .map(({ destination }) => destination)
        .filter((destination) => destination !== undefined),
    ),
  ),
]

/** What the tables hold of ours at a destination; undefined if nothing. @param chosen the tables that it belongs in */
export function heldAt(
  destination: string,
  tables: readonly RouteTable[],
  chosen: readonly RouteTable[],
  identity: Identity,
): VpcRouteResource | undefined {
  const own = new Map(tables.map((table) => [table, ownAt(table, destination, identity)]))
  const [first] = [...chosen, ...tables].flatMap((table) => own.get(table) ?? [])
  if (first === undefined || !isAddress(first.gateway)) return undefined
  const held = vpcRoute({ destination, gateway: first.gateway })
  const isThere = chosen.every((table) => stepsFor(table, held, identity, () => false).length === 0)
  const isElsewhere = tables.some((table) => !chosen.includes(table) && own.get(table)?.length !== 0)
  return { ...held, complete: isThere && !isElsewhere }
}

/** What is ours in a table at a destination. */
export const ownAt = (
  { routes }: RouteTable,
  destination: string,
  identity: Identity,
): readonly TableRoute[] =>
  routes.filter((route) => route.destination === destination && isOwn(route, identity))
