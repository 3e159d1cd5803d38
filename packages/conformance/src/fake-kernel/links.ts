import {
  canonicalAddress,
  canonicalCidr,
  canonicalMac,
  type Family,
  familyOf,
  type LinkSettings,
} from '@selvedge/core/kit'
import { FakeKernelError } from './errors.js'
import { addConnectedRoute, flushRoutes, removeConnectedRoute } from './routes.js'
import { ALL_ZERO_MAC, type KernelState, MIN_IPV6_MTU, requireIpv6 } from './state.js'
import type { LinkState, VxlanState } from './types.js'

/** A link as it is asked for. What is absent is as the kernel makes it; it is down unless asked to be up. */
export interface FakeLink {
  /** No other link's. */
  readonly name: string
  /** IFLA_INFO_KIND: `vxlan`, `bridge`, `veth`, … */
  readonly type: string
  /** In bytes. Default: 1500; of a VXLAN link with a parent, what that leaves. */
  readonly mtu?: number | undefined
  /** Default: one that no other link has. */
  readonly macAddress?: string | undefined
  /** Default: false. */
  readonly up?: boolean | undefined
  /** IFLA_IFALIAS. Default: none. */
  readonly alias?: string | undefined
  /** net.ipv6.conf.<name>.accept_ra. Default: true. */
  readonly acceptRouterAdvertisements?: boolean | undefined
  /** Of type vxlan: as `FakeVxlan`. Those of any other type are kept as they are, and mean nothing to the fake. */
  readonly settings?: LinkSettings | undefined
}

/** Settings of a VXLAN link. */
export interface FakeVxlan {
  /** From 0 to 2²⁴ - 1 (RFC 7348). */
  readonly vni: number
  /** Default: 8472, as in the kernel. */
  readonly port?: number | undefined
  /** The source address of outer packets. Default: none, which makes it an IPv4 link. */
  readonly local?: string | undefined
  /** The name of the link that outer packets leave by. Default: none. */
  readonly parent?: string | undefined
  /** Default: true, as in the kernel. */
  readonly learning?: boolean | undefined
  /** Default: false. */
  readonly gbp?: boolean | undefined
}

/** What of a link can be changed in place. A field that is absent stays as it is. */
export interface FakeLinkChange {
  /** Of the link from now on. Throws EEXIST if another has it. */
  readonly name?: string | undefined
  /** In bytes. */
  readonly mtu?: number | undefined
  /** Linux drops the link's neighbours with it, even if it is the one that the link has. */
  readonly macAddress?: string | undefined
  /** False takes the link's routes with it. */
  readonly up?: boolean | undefined
  /** IFLA_IFALIAS. */
  readonly alias?: string | undefined
  /** net.ipv6.conf.<name>.accept_ra. */
  readonly acceptRouterAdvertisements?: boolean | undefined
}

/** RFC 791. */
const MIN_MTU = 68
/** Outer Ethernet (14), IP (20 or 40), UDP (8) and VXLAN (8) headers. */
const VXLAN_OVERHEAD: Record<Family, number> = { 4: 50, 6: 70 }

export function addLink(state: KernelState, asked: FakeLink): void {
  const { name, type } = asked
  if (state.links.has(name)) throw new FakeKernelError('EEXIST', `a link is named '${name}' already`)
  const vxlan = type === 'vxlan' ? makeVxlan(state, asked) : undefined
  const settings = type === 'vxlan' ? undefined : asked.settings
  const limit = maxMtu(vxlan)
  const index = state.nextIndex()
  const link: LinkState = {
    index,
    name,
    type,
    // Linux cuts what is too large when a VXLAN link is made, and refuses it afterwards.
    mtu: Math.min(asked.mtu ?? (vxlan?.parent === undefined ? 1500 : limit), limit),
    macAddress: asked.macAddress === undefined ? macAddressOf(index) : canonicalMac(asked.macAddress),
    up: false,
    alias: asked.alias,
    acceptRouterAdvertisements: asked.acceptRouterAdvertisements ?? true,
    vxlan,
    settings,
    addresses: new Map(),
    neighbours: new Map(),
    fdb: new Map(),
  }
  state.links.set(name, link)
  state.onChange({ verb: 'added', kind: 'link', link })
  if (asked.up ?? false) bringUp(state, link)
}

function makeVxlan(state: KernelState, { name, settings }: FakeLink): VxlanState {
  if (!isVxlan(settings)) throw new FakeKernelError('EINVAL', `a VXLAN link ('${name}') needs a VNI`)
  const { vni, port = 8472, learning = true, gbp = false } = settings
  const local = settings.local === undefined ? undefined : canonicalAddress(settings.local)
  const family = familyOf(local ?? '')
  for (const other of state.links.values()) {
    const taken =
      other.vxlan?.vni === vni && other.vxlan.port === port && familyOf(other.vxlan.local ?? '') === family
    if (taken) throw new FakeKernelError('EEXIST', 'A VXLAN device with the specified VNI already exists.')
  }
  const parent = settings.parent === undefined ? undefined : state.requireLink(settings.parent)
  return { vni, port, local, parent, learning, gbp }
}

const isVxlan = (settings: LinkSettings | undefined): settings is LinkSettings & FakeVxlan =>
  typeof settings?.vni === 'number'

function maxMtu(vxlan: VxlanState | undefined): number {
  if (vxlan?.parent === undefined) return 65_535
  return vxlan.parent.mtu - VXLAN_OVERHEAD[familyOf(vxlan.local ?? '')]
}

/** A MAC that no other link was given: a recreated link has another one, as in Linux. */
function macAddressOf(index: number): string {
  const octets = [index >> 16, index >> 8, index].map((part) => (part & 0xff).toString(16).padStart(2, '0'))
  return `02:00:00:${octets.join(':')}`
}

export function changeLink(state: KernelState, name: string, change: FakeLinkChange): void {
  const link = state.requireLink(name)
  const { mtu } = change
  if (change.name !== undefined && change.name !== name && state.links.has(change.name)) {
    throw new FakeKernelError('EEXIST', `a link is named '${change.name}' already`)
  }
  if (mtu !== undefined && mtu !== link.mtu && (mtu < MIN_MTU || mtu > maxMtu(link.vxlan))) {
    throw new FakeKernelError('EINVAL', `the MTU of '${name}' is from ${MIN_MTU} to ${maxMtu(link.vxlan)}`)
  }
  if (change.name !== undefined && change.name !== name) rename(state, link, change.name)
  if (change.alias !== undefined) link.alias = change.alias
  if (change.acceptRouterAdvertisements !== undefined) {
    link.acceptRouterAdvertisements = change.acceptRouterAdvertisements
  }
  state.onChange({ verb: 'changed', kind: 'link', link })
  if (change.macAddress !== undefined) {
    link.macAddress = canonicalMac(change.macAddress)
    // Linux drops every neighbour of a link whose MAC is set, permanent ones too, even if it is set to what it is.
    flushNeighbours(state, link)
  }
  if (mtu !== undefined) changeMtu(state, link, mtu)
  if (change.up === true) bringUp(state, link)
  if (change.up === false) takeDown(state, link)
}

function rename(state: KernelState, link: LinkState, name: string): void {
  state.links.delete(link.name)
  link.name = name
  state.links.set(name, link)
}

function changeMtu(state: KernelState, link: LinkState, mtu: number): void {
  const before = link.mtu
  link.mtu = mtu
  if (mtu < MIN_IPV6_MTU && before >= MIN_IPV6_MTU) takeIpv6Off(state, link)
  else if (mtu >= MIN_IPV6_MTU && before < MIN_IPV6_MTU && link.up) addLinkLocal(state, link)
}

/** Brings back the routes to the link's own networks, and no others. */
function bringUp(state: KernelState, link: LinkState): void {
  if (link.up) return
  link.up = true
  state.onChange({ verb: 'changed', kind: 'link', link })
  for (const { address, prefixLength } of link.addresses.values()) {
    addConnectedRoute(state, link, canonicalCidr(`${address}/${prefixLength}`))
  }
  addLinkLocal(state, link)
}

/** Routes go, neighbours go, IPv6 addresses go; IPv4 addresses and permanent fdb entries stay. */
function takeDown(state: KernelState, link: LinkState): void {
  if (!link.up) return
  link.up = false
  state.onChange({ verb: 'changed', kind: 'link', link })
  flushRoutes(state, link, 4)
  takeIpv6Off(state, link)
  flushNeighbours(state, link)
  for (const { macAddress, permanent } of link.fdb.values()) {
    if (!permanent && macAddress !== ALL_ZERO_MAC) link.fdb.delete(macAddress)
  }
}

function addLinkLocal(state: KernelState, link: LinkState): void {
  if (link.mtu < MIN_IPV6_MTU || link.type === 'loopback') return
  const address = linkLocalAddress(link.macAddress)
  link.addresses.set(`${address}/64`, { address, prefixLength: 64, madeByKernel: true })
  state.onChange({ verb: 'added', kind: 'address', link })
  addConnectedRoute(state, link, 'fe80::/64')
}

/** RFC 4291, appendix A: the MAC with ff:fe in its middle and the universal bit turned. */
function linkLocalAddress(mac: string): string {
  const [a = '', b, c, d, e, f] = mac.split(':')
  const first = (Number.parseInt(a, 16) ^ 2).toString(16)
  return canonicalAddress(`fe80::${first}${b}:${c}ff:fe${d}:${e}${f}`)
}

function takeIpv6Off(state: KernelState, link: LinkState): void {
  flushRoutes(state, link, 6)
  for (const [key, { address }] of link.addresses) {
    if (familyOf(address) === 4) continue
    link.addresses.delete(key)
    state.onChange({ verb: 'removed', kind: 'address', link })
  }
  flushNeighbours(state, link, 6)
}

function flushNeighbours(state: KernelState, link: LinkState, family?: Family): void {
  for (const { address, permanent } of link.neighbours.values()) {
    if (family !== undefined && familyOf(address) !== family) continue
    link.neighbours.delete(address)
    state.onChange({ verb: 'removed', kind: 'neighbour', link, permanent })
  }
}

/** Deletes a link and all that is on it: what leads through it, and the VXLAN links whose parent it is. */
export function deleteLink(state: KernelState, name: string): void {
  const link = state.requireLink(name)
  for (const other of [...state.links.values()]) {
    if (other.vxlan?.parent === link) deleteLink(state, other.name)
  }
  takeDown(state, link)
  for (const key of [...link.addresses.keys()]) {
    link.addresses.delete(key)
    state.onChange({ verb: 'removed', kind: 'address', link })
  }
  flushNeighbours(state, link)
  link.fdb.clear()
  state.links.delete(name)
  state.onChange({ verb: 'removed', kind: 'link', link })
}

export function addAddress(
  state: KernelState,
  linkName: string,
  address: string,
  prefixLength: number,
): void {
  const link = state.requireLink(linkName)
  const canonical = canonicalAddress(address)
  const key = `${canonical}/${prefixLength}`
  const family = familyOf(canonical)
  if (link.addresses.has(key)) throw new FakeKernelError('EEXIST', `ipv${family}: Address already assigned.`)
  if (family === 6) requireIpv6(link, 'EINVAL')
  link.addresses.set(key, { address: canonical, prefixLength, madeByKernel: false })
  state.onChange({ verb: 'added', kind: 'address', link })
  addConnectedRoute(state, link, canonicalCidr(key))
}

/** `10.244.1.0/32` by its parts. */
export function splitAddress(text: string): [address: string, prefixLength: number] {
  const [address = '', length = ''] = text.split('/')
  if (!/^\d+$/.test(length)) throw new TypeError(`'${text}' is not an address with its prefix length`)
  return [address, Number(length)]
}

export function deleteAddress(
  state: KernelState,
  linkName: string,
  address: string,
  prefixLength: number,
): void {
  const link = state.requireLink(linkName)
  const canonical = canonicalAddress(address)
  const family = familyOf(canonical)
  const key = `${canonical}/${prefixLength}`
  if (!link.addresses.delete(key))
    throw new FakeKernelError('EADDRNOTAVAIL', `ipv${family}: Address not found.`)
  state.onChange({ verb: 'removed', kind: 'address', link })
  const network = canonicalCidr(key)
  const left = [...link.addresses.values()].filter((held) => familyOf(held.address) === family)
  if (!left.some((held) => canonicalCidr(`${held.address}/${held.prefixLength}`) === network)) {
    removeConnectedRoute(state, link, network)
  }
  // With the last IPv4 address Linux takes IPv4 off the link: every route through it, and its neighbours.
  if (family === 4 && left.length === 0) {
    flushRoutes(state, link, 4)
    flushNeighbours(state, link, 4)
  }
}
