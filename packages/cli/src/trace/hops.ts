import type { KnownLease, ResourceEntry } from '@selvedge/agent'
import {
  containsAddress,
  familyOf,
  type LinkResource,
  parseAddress,
  type RouteResource,
} from '@selvedge/core/kit'
import type { LinkAnswer, RouteAnswer } from '@selvedge/dataplane-linux'
import { LeaseIndex } from '../inspect/lease-index.js'
import { describeResource } from '../output/describe-resource.js'
import type { AskedNeighbour, TraceFacts } from './facts.js'

/** One step of a packet's way: what the kernel has, and what the leases require there. */
export interface Hop {
  readonly step: string
  /** As the kernel answered. */
  readonly kernel: string
  /** What the leases require; undefined if they say nothing of this step. */
  readonly leases?: string | undefined
  readonly verdict: 'same' | 'differs' | 'unsaid'
}

/** Whose an address is. */
export type Owner = 'own pod' | 'own host' | 'pod' | 'host' | 'no lease' | 'outside' | 'unknown'

export interface Trace {
  readonly owner: Owner
  readonly lease?: KnownLease | undefined
  readonly hops: readonly Hop[]
}

export function traceOf(facts: TraceFacts): Trace {
  const { owner, lease } = ownerOf(facts.destination, facts.desired)
  const wanted = wantedOf(facts)
  const { asked } = facts
  const hops: Hop[] = [routeHop(asked.route, wanted, owner, lease?.backendType)]
  if (asked.link !== undefined) hops.push(linkHop('device', asked.link, wanted))
  if (asked.neighbour !== undefined) hops.push(neighbourHop(asked.neighbour, wanted))
  if (asked.fdb !== undefined) hops.push(fdbHop(asked.fdb, lease, wanted))
  for (const hop of otherHops(lease, wanted)) hops.push(hop)
  const { underlay } = asked
  if (underlay !== undefined) {
    hops.push(underlayHop(underlay.address, underlay.route, wanted))
    if (underlay.link !== undefined) hops.push(linkHop('underlay device', underlay.link, wanted))
    if (underlay.neighbour !== undefined)
      hops.push(neighbourHop(underlay.neighbour, wanted, 'underlay neighbour'))
  }
  return { owner, lease, hops }
}

export const differs = ({ hops }: Trace): boolean => hops.some(({ verdict }) => verdict === 'differs')

/** Whose an address is, by the leases. */
export function ownerOf(
  address: string,
  desired: TraceFacts['desired'],
): { readonly owner: Owner; readonly lease?: KnownLease | undefined } {
  const parsed = parseAddress(address)
  if (desired === undefined || parsed === undefined) return { owner: 'unknown' }
  const key = new LeaseIndex(desired.leases).ofAddress(address)
  if (key === undefined) {
    const isInside = desired.networks.some((network) => isIn(network, address))
    return { owner: isInside ? 'no lease' : 'outside' }
  }
  const lease = desired.leases.find((each) => each.key === key)
  const isHost = lease?.publicIp === address || lease?.publicIpv6 === address
  if (key === desired.own) return { owner: isHost ? 'own host' : 'own pod', lease }
  return { owner: isHost ? 'host' : 'pod', lease }
}

const isIn = (network: string, address: string): boolean =>
  familyOf(network) === familyOf(address) && containsAddress(network, address)

/** What the leases require, where it concerns this packet. */
interface Wanted {
  readonly isKnown: boolean
  readonly entries: readonly ResourceEntry[]
  readonly links: ReadonlyMap<string, LinkResource>
  /** The most specific one that contains the destination. */
  readonly route: RouteResource | undefined
}

function wantedOf({ destination, desired }: TraceFacts): Wanted {
  const entries = (desired?.entries ?? []).filter(({ state }) => state !== 'stale')
  const links = new Map<string, LinkResource>()
  let route: RouteResource | undefined
  let longest = -1
  for (const { resource } of entries) {
    if (resource.kind === 'link') links.set((resource as LinkResource).name, resource as LinkResource)
    if (resource.kind !== 'route') continue
    const candidate = resource as RouteResource
    const length = Number(candidate.destination.split('/')[1])
    if (length > longest && isIn(candidate.destination, destination)) {
      route = candidate
      longest = length
    }
  }
  return { isKnown: desired !== undefined, entries, links, route }
}

function routeHop(
  answer: RouteAnswer,
  { isKnown, route, links }: Wanted,
  owner: Owner,
  backendType: string | undefined,
): Hop {
  const step = 'route'
  const kernel = routeText(answer)
  if (!isKnown) return { step, kernel, verdict: 'unsaid' }
  if (route !== undefined) {
    return { step, kernel, leases: describeResource(route), verdict: verdictOf(isRoute(answer, route)) }
  }
  const isThroughOverlay = answer.device !== undefined && links.has(answer.device)
  switch (owner) {
    case 'own pod': {
      const isFine = answer.error === undefined && !isThroughOverlay && answer.type !== 'blackhole'
      // Every host has a default route: a pod is reached by one of its own subnet.
      const isDefault = answer.destination?.endsWith('/0') === true
      return {
        step,
        kernel,
        leases: "a route of this node's pods, not of the overlay",
        verdict: verdictOf(isFine && !isDefault),
      }
    }
    case 'own host':
      return { step, kernel, leases: 'an address of this host', verdict: verdictOf(answer.type === 'local') }
    case 'pod':
      return backendType === 'alloc'
        ? { step, kernel, leases: 'the backend alloc makes no routes', verdict: 'unsaid' }
        : {
            step,
            kernel,
            leases: "none: the lease is refused, and the agent's log says why",
            verdict: 'differs',
          }
    case 'no lease':
      return { step, kernel, leases: 'no lease, no route', verdict: verdictOf(!isThroughOverlay) }
    default:
      return { step, kernel, leases: 'not through the overlay', verdict: verdictOf(!isThroughOverlay) }
  }
}

/** A blackhole answers with an error, EINVAL for IPv4. */
function isRoute(answer: RouteAnswer, route: RouteResource): boolean {
  if (route.type === 'blackhole') return answer.type === 'blackhole' || answer.error !== undefined
  return (
    answer.type === 'unicast' &&
    answer.destination === route.destination &&
    answer.device === route.device &&
    answer.gateway === route.gateway &&
    answer.isMultipath !== true
  )
}

function linkHop(step: string, answer: LinkAnswer, { links }: Wanted): Hop {
  const kernel = `${answer.name} ${answer.type ?? 'hardware'} mtu ${answer.mtu} ${answer.up ? 'up' : 'down'}`
  const link = links.get(answer.name)
  if (link === undefined)
    return { step, kernel, verdict: answer.up ? 'unsaid' : 'differs', leases: answer.up ? undefined : 'up' }
  const isSame = answer.up === link.up && answer.mtu === (link.mtu ?? answer.mtu) && answer.type === link.type
  return { step, kernel, leases: describeResource(link), verdict: verdictOf(isSame) }
}

function neighbourHop(
  { link, address, answer }: AskedNeighbour,
  { entries }: Wanted,
  step = 'neighbour',
): Hop {
  const kernel =
    answer === undefined
      ? `${address} dev ${link}: no entry yet`
      : `${address} lladdr ${answer.macAddress ?? '-'} dev ${link} ${answer.state}`
  const wanted = entries.find(({ resource }) => isEntry(resource, 'neighbour', { link, address }))
  if (wanted === undefined) return { step, kernel, verdict: 'unsaid' }
  const isSame =
    answer?.state === 'permanent' && answer.macAddress === Reflect.get(wanted.resource, 'macAddress')
  return { step, kernel, leases: describeResource(wanted.resource), verdict: verdictOf(isSame) }
}

function fdbHop(
  { macAddress, answer }: { readonly macAddress: string; readonly answer: readonly string[] },
  lease: KnownLease | undefined,
  { entries }: Wanted,
): Hop {
  const kernel = answer.length === 0 ? `${macAddress}: no entry` : `${macAddress} dst ${answer.join(', ')}`
  const wanted = entries.find(
    ({ resource, owners }) =>
      isEntry(resource, 'fdb', { macAddress }) && (lease === undefined || owners.includes(lease.key)),
  )
  if (wanted === undefined) {
    const leases = lease === undefined ? undefined : 'no such entry'
    return { step: 'fdb', kernel, leases, verdict: lease === undefined ? 'unsaid' : 'differs' }
  }
  const isSame = answer.length === 1 && answer[0] === Reflect.get(wanted.resource, 'destination')
  return { step: 'fdb', kernel, leases: describeResource(wanted.resource), verdict: verdictOf(isSame) }
}

/** What other drivers hold for the lease, such as WireGuard's peer: the agent has compared it. */
function otherHops(lease: KnownLease | undefined, { entries }: Wanted): readonly Hop[] {
  if (lease === undefined) return []
  return entries
    .filter(({ resource, owners }) => owners.includes(lease.key) && !KERNEL_KINDS.includes(resource.kind))
    .map(({ resource, state, actual }): Hop => {
      const leases = describeResource(resource)
      if (state === 'held') return { step: resource.kind, kernel: leases, leases, verdict: 'same' }
      const kernel = actual === undefined ? 'no such entry' : describeResource(actual)
      return { step: resource.kind, kernel, leases, verdict: 'differs' }
    })
}

const KERNEL_KINDS = ['link', 'address', 'route', 'neighbour', 'fdb', 'ruleset']

function underlayHop(address: string, answer: RouteAnswer, { links, isKnown }: Wanted): Hop {
  const isThroughOverlay = answer.device !== undefined && links.has(answer.device)
  const isFine = answer.error === undefined && answer.type === 'unicast' && !isThroughOverlay
  return {
    step: 'underlay route',
    kernel: `to ${address}: ${routeText(answer)}`,
    leases: isKnown ? 'a route outside of the overlay' : undefined,
    verdict: isKnown || !isFine ? verdictOf(isFine) : 'unsaid',
  }
}

const isEntry = (
  resource: ResourceEntry['resource'],
  kind: string,
  fields: Readonly<Record<string, string>>,
): boolean =>
  resource.kind === kind &&
  Object.entries(fields).every(([name, value]) => Reflect.get(resource, name) === value)

function routeText(answer: RouteAnswer): string {
  const { type, error, destination, table, protocol, device, gateway, onLink, source, isMultipath } = answer
  if (error !== undefined) return `none: ${error}`
  const via = gateway === undefined ? '' : ` via ${gateway}`
  const on = device === undefined ? '' : ` dev ${device}`
  const table_ = table === undefined ? '' : ` table ${TABLES[table] ?? table}`
  const rest = [
    onLink === true && ' onlink',
    source && ` src ${source}`,
    isMultipath === true && ', one of several paths',
  ]
  return `${type === 'unicast' ? '' : `${type} `}${destination}${via}${on}${table_} proto ${protocol}${rest.filter(Boolean).join('')}`
}

const TABLES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' }

const verdictOf = (isSame: boolean): Hop['verdict'] => (isSame ? 'same' : 'differs')
