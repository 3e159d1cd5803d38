import { type Cidr, cidrOf, type Family, formatCidr, parseAddress } from '@selvedge/core/kit'
import { FakeKernelError } from './errors.js'
import type { LinkState, RouteState } from './types.js'

/** RT_TABLE_MAIN: gateways are looked up there. */
const MAIN = 254

/** Routes by where they lead, so that a gateway's own route is found without looking at all of them. */
export class RouteIndex {
  readonly #byDestination = new Map<string, Set<RouteState>>()
  /** How many destinations there are of each prefix length. */
  readonly #lengths: Record<Family, Map<number, number>> = { 4: new Map(), 6: new Map() }

  add(route: RouteState): void {
    const alike = this.#byDestination.get(route.destination)
    if (alike !== undefined) {
      alike.add(route)
      return
    }
    this.#byDestination.set(route.destination, new Set([route]))
    this.#count(route.network, 1)
  }

  delete(route: RouteState): void {
    const alike = this.#byDestination.get(route.destination)
    if (alike?.delete(route) !== true || alike.size > 0) return
    this.#byDestination.delete(route.destination)
    this.#count(route.network, -1)
  }

  /** Those to exactly this destination, the lowest metric first. */
  to(destination: string): readonly RouteState[] {
    return [...(this.#byDestination.get(destination) ?? [])].sort((a, b) => a.metric - b.metric)
  }

  /** The routes of the longest prefix that holds `address`, of those that `counts` lets count. */
  longestMatch(address: string, counts: (route: RouteState) => boolean = () => true): readonly RouteState[] {
    const parsed = parseAddress(address)
    if (parsed === undefined) throw new FakeKernelError('EINVAL', `${address} is no address`)
    const lengths = [...this.#lengths[parsed.family].keys()].sort((a, b) => b - a)
    for (const length of lengths) {
      const found = this.to(formatCidr(cidrOf(parsed, length))).filter(
        (route) => route.table === MAIN && counts(route),
      )
      if (found.length > 0) return found
    }
    return []
  }

  #count({ family, length }: Cidr, change: 1 | -1): void {
    const lengths = this.#lengths[family]
    const count = (lengths.get(length) ?? 0) + change
    if (count === 0) lengths.delete(length)
    else lengths.set(length, count)
  }
}

/** Refuses a gateway that packets sent out of `link` do not reach without another one, as Linux does. */
export function checkGateway(
  index: RouteIndex,
  link: LinkState,
  gateway: string,
  onLink: boolean,
  family: Family,
): void {
  if (!onLink) {
    const [route] = index.longestMatch(gateway, (held) => held.type === 'blackhole' || held.link === link)
    if (route !== undefined && route.type !== 'blackhole' && route.gateway === undefined) return
    throw new FakeKernelError(family === 4 ? 'ENETUNREACH' : 'EHOSTUNREACH', 'Nexthop has invalid gateway.')
  }
  if (family === 4) return
  // IPv6 believes `onlink` only if no route says otherwise.
  const found = index.longestMatch(gateway).filter(({ network }) => network.length > 0)
  const elsewhere = found.length > 0 && found.every((held) => held.type === 'unicast' && held.link !== link)
  if (elsewhere) {
    throw new FakeKernelError('EINVAL', 'Nexthop has invalid gateway or device mismatch.')
  }
}

/** The link that reaches a gateway, for a route that names none. */
export function linkTowards(index: RouteIndex, gateway: string): LinkState | undefined {
  const [route] = index.longestMatch(gateway)
  return route?.gateway === undefined ? route?.link : undefined
}
