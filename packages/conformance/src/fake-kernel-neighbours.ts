import { canonicalAddress, canonicalMac, familyOf } from '@selvedge/core'
import { FakeKernelError, type FdbState, type KernelState, type LinkState } from './fake-kernel-state.js'

/** A neighbour as somebody asks for it; permanent where absent, else as one that the kernel resolved by itself. */
export interface FakeNeighbour {
  readonly link: string
  readonly address: string
  readonly macAddress: string
  readonly permanent?: boolean | undefined
}

/** A forwarding entry of a VXLAN link as somebody asks for it; permanent where absent, else as one learned. */
export interface FakeFdbEntry {
  readonly link: string
  readonly macAddress: string
  readonly destination: string
  readonly permanent?: boolean | undefined
}

export function addNeighbour(state: KernelState, asked: FakeNeighbour, mode: 'add' | 'replace'): void {
  const link = state.requireLink(asked.link)
  const address = canonicalAddress(asked.address)
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
 * nothing, and Linux does not say so. Only a multicast or the all-zero MAC leads to several, and is not replaced.
 */
export function addFdbEntry(
  state: KernelState,
  asked: FakeFdbEntry,
  mode: 'add' | 'replace' | 'append',
): void {
  const link = requireVxlan(state, asked.link)
  const entry: FdbState = {
    macAddress: canonicalMac(asked.macAddress),
    destination: canonicalAddress(asked.destination),
    permanent: asked.permanent ?? true,
  }
  if (familyOf(entry.destination) !== familyOf(link.vxlan?.local ?? '')) {
    throw new FakeKernelError('EAFNOSUPPORT', `${entry.destination} is not of the family of '${asked.link}'`)
  }
  const held = link.fdb.get(entry.macAddress) ?? []
  if (held.length > 0 && mode === 'add') {
    throw new FakeKernelError('EEXIST', `'${asked.link}' has an entry for ${entry.macAddress}`)
  }
  const many = leadsToMany(entry.macAddress)
  if (many && mode === 'replace')
    throw new FakeKernelError('EOPNOTSUPP', 'only a unicast MAC can be replaced')
  if (mode === 'append' && held.length > 0) {
    if (!many || held.some(({ destination }) => destination === entry.destination)) return
    link.fdb.set(entry.macAddress, [...held, entry])
  } else {
    link.fdb.set(entry.macAddress, [entry])
  }
  const verb = held.length > 0 ? 'changed' : 'added'
  state.onChange({ verb, kind: 'fdb', link, permanent: entry.permanent })
}

/**
 * Deletes the entry for a MAC to one destination, or without one every entry for the MAC. A destination that the
 * entry does not lead to deletes nothing, and Linux does not say so.
 */
export function deleteFdbEntry(
  state: KernelState,
  linkName: string,
  macAddress: string,
  destination?: string,
): void {
  const link = requireVxlan(state, linkName)
  const mac = canonicalMac(macAddress)
  const held = link.fdb.get(mac)
  if (held === undefined) throw new FakeKernelError('ENOENT', `'${linkName}' has no entry for ${mac}`)
  const left = destination === undefined ? [] : held.filter((entry) => entry.destination !== destination)
  if (left.length === held.length) return
  if (left.length === 0) link.fdb.delete(mac)
  else link.fdb.set(mac, left)
  state.onChange({ verb: 'removed', kind: 'fdb', link, permanent: held.some((entry) => entry.permanent) })
}

/** The all-zero MAC stands for every destination that is not known; the group bit is the lowest of the first octet. */
export const leadsToMany = (mac: string): boolean =>
  mac === '00:00:00:00:00:00' || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1

function requireVxlan(state: KernelState, name: string): LinkState {
  const link = state.requireLink(name)
  if (link.vxlan === undefined) throw new FakeKernelError('EOPNOTSUPP', `'${name}' is no VXLAN link`)
  return link
}
