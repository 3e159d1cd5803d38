import { canonicalAddress, canonicalMac, familyOf } from '@selvedge/core/kit'
import { FakeKernelError } from './errors.js'
import { ALL_ZERO_MAC, type KernelState, requireIpv6 } from './state.js'
import type { LinkState } from './types.js'

/** A neighbour as it is asked for: permanent by default, else as one that the kernel resolved by itself. */
export interface FakeNeighbour {
  /** The name of the link that it is on. */
  readonly link: string
  /** The neighbour's IP address. */
  readonly address: string
  /** Where packets to it are sent on the link. */
  readonly macAddress: string
  /** Default: true. */
  readonly permanent?: boolean | undefined
}

/** An fdb entry of a VXLAN link as it is asked for: permanent by default, else as one learned. */
export interface FakeFdbEntry {
  /** The name of a VXLAN link. */
  readonly link: string
  /** Of the VTEP behind it; all zero for what no other entry matches. */
  readonly macAddress: string
  /** The remote VTEP's underlay address, of the family of the link's local address. */
  readonly destination: string
  /** Default: true. */
  readonly permanent?: boolean | undefined
}

export function addNeighbour(state: KernelState, asked: FakeNeighbour, mode: 'add' | 'replace'): void {
  const link = state.requireLink(asked.link)
  const address = canonicalAddress(asked.address)
  if (familyOf(address) === 6) requireIpv6(link, 'EINVAL')
  const held = link.neighbours.has(address)
  if (held && mode === 'add')
    throw new FakeKernelError('EEXIST', `${address} is a neighbour on '${asked.link}'`)
  const permanent = asked.permanent ?? true
  link.neighbours.set(address, { address, macAddress: canonicalMac(asked.macAddress), permanent })
  state.onChange({ verb: held ? 'changed' : 'added', kind: 'neighbour', link, permanent })
}

export function deleteNeighbour(state: KernelState, linkName: string, address: string): void {
  const link = state.requireLink(linkName)
  const held = link.neighbours.get(canonicalAddress(address))
  if (held === undefined) throw new FakeKernelError('ENOENT', `${address} is no neighbour on '${linkName}'`)
  link.neighbours.delete(held.address)
  state.onChange({ verb: 'removed', kind: 'neighbour', link, permanent: held.permanent })
}

/**
 * As `bridge fdb add`, `replace` and `append` do. A unicast MAC leads to one destination: appending another does
 * nothing to it, and Linux does not say so. Only a multicast or the all-zero MAC leads to several, and is not
 * replaced. Whether an entry is permanent is said of the MAC, by whoever wrote last, be the rest refused or not.
 */
export function addFdbEntry(
  state: KernelState,
  asked: FakeFdbEntry,
  mode: 'add' | 'replace' | 'append',
): void {
  const link = requireVxlan(state, asked.link)
  const macAddress = canonicalMac(asked.macAddress)
  const destination = canonicalAddress(asked.destination)
  const permanent = asked.permanent ?? true
  if (familyOf(destination) !== familyOf(link.vxlan?.local ?? '')) {
    throw new FakeKernelError('EAFNOSUPPORT', `${destination} is not of the family of '${asked.link}'`)
  }
  const held = link.fdb.get(macAddress)
  if (held !== undefined && mode === 'add') {
    throw new FakeKernelError('EEXIST', `'${asked.link}' has an entry for ${macAddress}`)
  }
  const many = leadsToMany(macAddress)
  const refused = many && mode === 'replace'
  const destinations =
    held === undefined || (mode === 'replace' && !many)
      ? [destination]
      : many && mode === 'append' && !held.destinations.includes(destination)
        ? [...held.destinations, destination]
        : held.destinations
  if (held !== undefined || !refused) {
    link.fdb.set(macAddress, { macAddress, destinations, permanent })
    const verb = held === undefined ? 'added' : 'changed'
    state.onChange({ verb, kind: 'fdb', link, permanent: permanent || held?.permanent === true })
  }
  if (refused) throw new FakeKernelError('EOPNOTSUPP', 'only a unicast MAC can be replaced')
}

/**
 * Deletes one destination of a MAC, or without one the whole entry. A destination that the entry does not lead to
 * deletes nothing, and Linux does not say so.
 */
export function deleteFdbEntry(
  state: KernelState,
  linkName: string,
  macAddress: string,
  destination?: string,
): void {
  const link = requireVxlan(state, linkName)
  const held = link.fdb.get(canonicalMac(macAddress))
  if (held === undefined) throw new FakeKernelError('ENOENT', `'${linkName}' has no entry for ${macAddress}`)
  const gone = destination === undefined ? undefined : canonicalAddress(destination)
  const destinations = held.destinations.filter((other) => gone !== undefined && other !== gone)
  if (destinations.length === held.destinations.length) return
  if (destinations.length === 0) link.fdb.delete(held.macAddress)
  else link.fdb.set(held.macAddress, { ...held, destinations })
  state.onChange({ verb: 'removed', kind: 'fdb', link, permanent: held.permanent })
}

/** The group bit is the lowest of the first octet (IEEE 802-2014, 8.2). */
export const leadsToMany = (mac: string): boolean =>
  mac === ALL_ZERO_MAC || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1

function requireVxlan(state: KernelState, name: string): LinkState {
  const link = state.requireLink(name)
  if (link.vxlan === undefined) throw new FakeKernelError('EOPNOTSUPP', `'${name}' is no VXLAN link`)
  return link
}
