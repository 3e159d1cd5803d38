import type { AbortOptions, OwnershipScope } from '@selvedge/core'
import type { FdbResource, KernelResource } from '@selvedge/core/kit'
import { Belief } from '../cache/kernel-state.js'
import type { Nexthop } from '../cache/nexthop-table.js'
import { routeResource } from '../cache/ownership.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_F_PERMANENT,
  type LinkMessage,
  type MessageReader,
  type NetlinkConnection,
  type NexthopMessage,
  NTF_PROXY,
  NTF_SELF,
  NUD_PERMANENT,
  type RouteMessage,
  RTNH_F_ONLINK,
  readAddressMessage,
  readNeighbour,
  readNexthop,
  readRoute,
  writeGetAddresses,
  writeGetNeighbours,
  writeGetNexthops,
  writeGetRoutes,
} from '../netlink/index.js'
import type { Sysctl } from '../sysctl.js'
import { heldAddress, heldForwarding, heldNeighbour } from './kernel-resources.js'
import { fingerprint, isOwnLink, LinkTable, linkResource } from './link-table.js'

export interface SnapshotSource {
  readonly connection: NetlinkConnection
  readonly sysctl: Sysctl
  readonly routeProtocol: number
  /** Whether this kernel has nexthop objects (Linux 5.3). */
  readonly hasNexthops: boolean
  /** The interface that packets to peers leave by, as it was last found. */
  readonly external: LinkMessage | undefined
}

export interface Snapshot {
  readonly resources: readonly KernelResource[]
  readonly belief: Belief
}

/** Reads all that is the overlay's own. */
export async function readSnapshot(
  source: SnapshotSource,
  scope: OwnershipScope,
  options: AbortOptions,
): Promise<Snapshot> {
  const belief = new Belief(scope, source.routeProtocol)
  const resources: KernelResource[] = []
  const links = await LinkTable.read(source.connection, options)
  const own = links.links.filter((link) => isOwnLink(link, scope))
  if (source.external !== undefined) {
    const external = links.byIndex(source.external.index) ?? source.external
    belief.watchExternal(external, fingerprint(external))
  }
  collectLinks(source.sysctl, links, own, belief, resources)
  for (const link of own) {
    await readAddresses(source.connection, link, belief, resources, options)
    await readNeighbours(source.connection, link, belief, resources, options)
    if (link.kind === 'vxlan') await readForwarding(source.connection, link, belief, resources, options)
  }
  await readRoutes(source, links, belief, resources, options)
  return { resources, belief }
}

function collectLinks(
  sysctl: Sysctl,
  links: LinkTable,
  own: readonly LinkMessage[],
  belief: Belief,
  resources: KernelResource[],
): void {
  const accepting = sysctl.acceptRouterAdvertisements(own.map(({ name }) => name))
  for (const link of own) {
    const parent = links.byIndex(link.vxlan?.parent ?? 0)
    belief.ownLinks.set(link.index, link.name)
    belief.watch(link, fingerprint(link))
    if (parent !== undefined) belief.watch(parent, fingerprint(parent))
    resources.push(linkResource(link, parent?.name, accepting.get(link.name) ?? false))
  }
}

async function readAddresses(
  connection: NetlinkConnection,
  { index, name }: LinkMessage,
  belief: Belief,
  resources: KernelResource[],
  options: AbortOptions,
): Promise<void> {
  const addresses = await connection.dump(
    `reading addresses of ${name}`,
    (writer, flags, sequence) => writeGetAddresses(writer, flags, sequence, { index }),
    readAddressMessage,
    options,
  )
  for (const { local, prefixLength, flags, index: on } of addresses) {
    if (on !== index || (flags & IFA_F_PERMANENT) === 0 || isLinkLocal(local)) continue
    const resource = heldAddress(name, local, prefixLength)
    belief.addresses.add(resource.key)
    resources.push(resource)
  }
}

async function readNeighbours(
  connection: NetlinkConnection,
  { index, name }: LinkMessage,
  belief: Belief,
  resources: KernelResource[],
  options: AbortOptions,
): Promise<void> {
  for (const family of [AF_INET, AF_INET6] as const) {
    const neighbours = await connection.dump(
      `reading neighbours on ${name}`,
      (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family, index }),
      readNeighbour,
      options,
    )
    for (const { state, flags, destination, macAddress, index: on, family: of } of neighbours) {
      if (of !== family || on !== index || (state & NUD_PERMANENT) === 0 || (flags & NTF_PROXY) !== 0)
        continue
      if (destination === undefined || macAddress?.length !== 17) continue
      const resource = heldNeighbour(name, destination, macAddress)
      belief.neighbours.add(resource.key)
      resources.push(resource)
    }
  }
}

async function readForwarding(
  connection: NetlinkConnection,
  { index, name }: LinkMessage,
  belief: Belief,
  resources: KernelResource[],
  options: AbortOptions,
): Promise<void> {
  const entries = await connection.dump(
    `reading forwarding entries of ${name}`,
    (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family: AF_BRIDGE, index }),
    (message) => readForwardingEntry(message, index, name),
    options,
  )
  for (const resource of entries) {
    belief.forwarding.set(resource.key, resource.destination)
    resources.push(resource)
  }
}

/** A permanent entry of the link's own table; undefined for any other. */
function readForwardingEntry(message: MessageReader, index: number, name: string): FdbResource | undefined {
  const entry = readNeighbour(message)
  if (entry === undefined) return undefined
  const { state, flags, destination, macAddress, differs, index: on } = entry
  if (on !== index || (state & NUD_PERMANENT) === 0 || (flags & NTF_SELF) === 0) return undefined
  // One to another port, VNI or link than the device's is not the entry that anybody wishes for: it is not told, so
  // that the entry wished for is put in its place.
  if (destination === undefined || macAddress === undefined || differs) return undefined
  return heldForwarding(name, macAddress, destination)
}

async function readRoutes(
  source: SnapshotSource,
  links: LinkTable,
  belief: Belief,
  resources: KernelResource[],
  options: AbortOptions,
): Promise<void> {
  const routes = await readOwnRoutes(source, belief, options)
  const nexthops = await readNexthops(source, options)
  for (const { id, protocol, oif, gateway, flags } of nexthops.values()) {
    if (protocol !== source.routeProtocol || gateway === undefined || !belief.ownLinks.has(oif)) continue
    belief.nexthops.add(id, oif, gateway, (flags & RTNH_F_ONLINK) !== 0)
  }
  const nameOf = (index: number) => links.nameOf(index)
  for (const route of routes) {
    const nexthop = nexthops.get(route.nexthopId)
    const resource = routeResource(route, nexthop, nameOf)
    if (belief.hasRoute(resource.key)) {
      tellSurplus(belief, resources, route)
      continue
    }
    belief.holdRoute(resource, ownNexthop(source, belief, nexthop))
    const oif = (nexthop ?? route).oif
    const device = belief.watchedLinks.has(oif) ? undefined : links.byIndex(oif)
    if (device !== undefined) belief.watch(device, fingerprint(device))
    resources.push(resource)
  }
}

/** Of a key that several routes share, one is told that leads nowhere: no wish is like that, so it is put right. */
function tellSurplus(belief: Belief, resources: KernelResource[], route: RouteMessage): void {
  const bare = routeResource({ ...route, paths: [route] }, undefined, () => undefined)
  belief.surplusRoutes.set(bare.key, (belief.surplusRoutes.get(bare.key) ?? 1) + 1)
  resources[resources.findIndex(({ key }) => key === bare.key)] = bare
}

/** What a route of ours leads through. On a device that others use too, that is ours and nothing else is. */
function ownNexthop(
  { routeProtocol }: SnapshotSource,
  belief: Belief,
  nexthop: NexthopMessage | undefined,
): Nexthop | undefined {
  if (nexthop?.gateway === undefined || nexthop.protocol !== routeProtocol) return undefined
  const { id, oif, gateway, flags } = nexthop
  return belief.nexthops.add(id, oif, gateway, (flags & RTNH_F_ONLINK) !== 0)
}

async function readOwnRoutes(
  { connection, routeProtocol }: SnapshotSource,
  belief: Belief,
  options: AbortOptions,
): Promise<RouteMessage[]> {
  const own: RouteMessage[] = []
  for (const family of [AF_INET, AF_INET6]) {
    // Filtered by the kernel, since a host may hold a million routes of its own.
    const filter = { family, protocol: routeProtocol }
    const routes = await connection.dump(
      'reading routes',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, filter),
      readRoute,
      options,
    )
    for (const route of routes) {
      // A kernel without IPv6 answers with IPv4's.
      if (route.family === family && belief.isOwnRoute(route)) own.push(route)
    }
  }
  return own
}

async function readNexthops(
  { connection, hasNexthops }: SnapshotSource,
  options: AbortOptions,
): Promise<ReadonlyMap<number, NexthopMessage>> {
  if (!hasNexthops) return new Map()
  const nexthops = await connection.dump('reading nexthops', writeGetNexthops, readNexthop, options)
  return new Map(nexthops.map((nexthop) => [nexthop.id, nexthop]))
}

/** The address that the kernel itself gives to every interface that speaks IPv6 (RFC 4291, 2.5.6). */
const isLinkLocal = (address: string): boolean => /^fe[89ab][0-9a-f]:/.test(address)
