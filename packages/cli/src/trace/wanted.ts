import type { KnownLease, ResourceEntry } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'
import {
  containsAddress,
  familyOf,
  type LinkResource,
  parseAddress,
  type RouteResource,
} from '@selvedge/core/kit'
import { LeaseIndex } from '../inspect/lease-index.js'
import type { DesiredState } from './facts.js'

/** Whose an address is. */
export type Owner = 'own pod' | 'own host' | 'pod' | 'host' | 'no lease' | 'outside' | 'unknown'

/** What the leases require, where it concerns one packet. */
export interface Wanted {
  readonly isKnown: boolean
  /** The type of the backend. */
  readonly backend: string | undefined
  readonly owner: Owner
  /** Whose the destination is. */
  readonly lease: KnownLease | undefined
  /** This node's. */
  readonly own: string | undefined
  /** Without those that are not desired. */
  readonly entries: readonly ResourceEntry[]
  readonly links: ReadonlyMap<string, ResourceEntry>
  /** The one that the packet is to meet: of those that contain the destination the longest, and of these the first. */
  readonly route: RouteResource | undefined
}

export function wantedOf(destination: string, desired: DesiredState | undefined): Wanted {
  const entries = (desired?.entries ?? []).filter(({ state }) => state !== 'stale')
  const links = new Map<string, ResourceEntry>()
  let route: RouteResource | undefined
  for (const entry of entries) {
    const { resource } = entry
    if (resource.kind === 'link') links.set((resource as LinkResource).name, entry)
    if (resource.kind !== 'route') continue
    const candidate = resource as RouteResource
    if (isIn(candidate.destination, destination) && (route === undefined || comesFirst(candidate, route))) {
      route = candidate
    }
  }
  const { owner, lease } = ownerOf(destination, desired)
  return {
    isKnown: desired !== undefined,
    backend: desired?.backend,
    owner,
    lease,
    own: desired?.own,
    entries,
    links,
    route,
  }
}

function comesFirst(route: RouteResource, other: RouteResource): boolean {
  const [length, otherLength] = [route, other].map((each) => Number(each.destination.split('/')[1]))
  if (length !== otherLength) return Number(length) > Number(otherLength)
  return route.metric < other.metric
}

/** Whose an address is, by the leases. */
export function ownerOf(
  address: string,
  desired: DesiredState | undefined,
): { readonly owner: Owner; readonly lease?: KnownLease | undefined } {
  if (desired === undefined || parseAddress(address) === undefined) return { owner: 'unknown' }
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

/** Fields of a resource that say which packets it is for, as CIDRs. */
const PACKETS = ['destination', 'subnet', 'remoteSubnet', 'allowedIps'] as const

/** Whether an entry is about packets to an address; one that names no networks is about all. */
export function concerns(resource: Resource, address: string): boolean {
  const networks = PACKETS.flatMap((name): unknown[] => {
    const value: unknown = Reflect.get(resource, name)
    return value === undefined ? [] : Array.isArray(value) ? value : [value]
  })
  return networks.length === 0 || networks.some((network) => isIn(String(network), address))
}

/** Whether a CIDR contains an address. */
export const isIn = (network: string, address: string): boolean =>
  network.includes('/') && familyOf(network) === familyOf(address) && containsAddress(network, address)
