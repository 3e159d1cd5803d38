import type { AbortOptions, OwnershipScope } from '@selvedge/core'
import {
  type FdbResource,
  type KernelResource,
  type NeighbourResource,
  Slices,
  systemClock,
} from '@selvedge/core/kit'
import { KernelState } from '../cache/kernel-state.js'
import type { MessageReader } from '../netlink/index.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_F_PERMANENT,
  type LinkMessage,
  NTF_PROXY,
  NTF_SELF,
  NUD_PERMANENT,
  readAddressMessage,
  readNeighbour,
  writeGetAddresses,
  writeGetNeighbours,
} from '../rtnetlink/index.js'
import { addressResource, fdbResource, neighbourResource } from './kernel-resources.js'
import { fingerprint, isOwnLink, LinkTable, linkResource } from './link-table.js'
import type { SnapshotReading, SnapshotSource } from './reading.js'
import { readRoutes } from './routes.js'

export interface Snapshot {
  readonly resources: readonly KernelResource[]
  readonly state: KernelState
}

/** Reads everything that is the overlay's own. */
export async function readSnapshot(
  source: SnapshotSource,
  scope: OwnershipScope,
  options: AbortOptions,
): Promise<Snapshot> {
  const { connection, routeProtocol, linkTypes } = source
  const links = await LinkTable.read(connection, options)
  const state = new KernelState(scope, routeProtocol)
  const slices = new Slices(systemClock)
  const reading: SnapshotReading = { source, links, options, slices, state, resources: [] }
  const external = links.byName(scope.externalInterface ?? '')
  if (external !== undefined) {
    state.externalIndex = external.index
    state.watchLink(external, fingerprint(external))
  }
  const own = links.links.filter((link) => isOwnLink(link, scope, linkTypes))
  addLinks(reading, own)
  for (const link of own) {
    await readAddresses(reading, link)
    await readNeighbours(reading, link)
    if (linkTypes.get(link.kind ?? '')?.hasFdb === true) await readFdb(reading, link)
  }
  await readRoutes(reading)
  return reading
}

function addLinks({ source, links, state, resources }: SnapshotReading, own: readonly LinkMessage[]): void {
  const accepting = source.sysctl.acceptRouterAdvertisements(own.map(({ name }) => name))
  for (const link of own) {
    const resource = linkResource(link, links, source.linkTypes, accepting.get(link.name) ?? false)
    const parent = links.byName(String(resource.settings?.parent ?? ''))
    state.ownLinks.set(link.index, link.name)
    state.watchLink(link, fingerprint(link))
    if (parent !== undefined) state.watchLink(parent, fingerprint(parent))
    resources.push(resource)
  }
}

async function readAddresses(
  { source, state, resources, options }: SnapshotReading,
  { index, name }: LinkMessage,
): Promise<void> {
  const addresses = await source.connection.dump(
    `reading addresses of ${name}`,
    (writer, flags, sequence) => writeGetAddresses(writer, flags, sequence, { index }),
    readAddressMessage,
    options,
  )
  for (const { local, prefixLength, flags, index: on } of addresses) {
    if (on !== index || (flags & IFA_F_PERMANENT) === 0 || !state.ownership.isOwnAddress(local)) continue
    const resource = addressResource(name, local, prefixLength)
    state.add(resource)
    resources.push(resource)
  }
}

async function readNeighbours(reading: SnapshotReading, { index, name }: LinkMessage): Promise<void> {
  for (const family of [AF_INET, AF_INET6] as const) {
    const entries = await reading.source.connection.dump(
      `reading neighbours on ${name}`,
      (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family, index }),
      (message) => readNeighbourEntry(message, family, index, name),
      reading.options,
    )
    await addEntries(reading, entries)
  }
}

/** A permanent entry of the link; undefined for any other. */
function readNeighbourEntry(
  message: MessageReader,
  family: number,
  index: number,
  name: string,
): NeighbourResource | undefined {
  const entry = readNeighbour(message)
  // A kernel without strict dumps lists the entries of other links and families too.
  if (entry === undefined || entry.index !== index || entry.family !== family) return undefined
  const { state, flags, destination, macAddress } = entry
  if ((state & NUD_PERMANENT) === 0 || (flags & NTF_PROXY) !== 0) return undefined
  if (destination === undefined || macAddress?.length !== 17) return undefined
  return neighbourResource(name, destination, macAddress)
}

async function readFdb(reading: SnapshotReading, { index, name }: LinkMessage): Promise<void> {
  const entries = await reading.source.connection.dump(
    `reading the fdb of ${name}`,
    (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family: AF_BRIDGE, index }),
    (message) => readFdbEntry(message, index, name),
    reading.options,
  )
  await addEntries(reading, entries)
}

/** A permanent entry of the link's own fdb; undefined for any other. */
function readFdbEntry(message: MessageReader, index: number, name: string): FdbResource | undefined {
  const entry = readNeighbour(message)
  if (entry === undefined || entry.index !== index) return undefined
  const { state, flags, destination, macAddress, differs } = entry
  if ((state & NUD_PERMANENT) === 0 || (flags & NTF_SELF) === 0) return undefined
  // No desired entry has a port, VNI or link of its own. Such an entry is left out, so that the desired one replaces it.
  if (destination === undefined || macAddress === undefined || differs) return undefined
  return fdbResource(name, macAddress, destination)
}

async function addEntries(
  { state, resources, options, slices }: SnapshotReading,
  entries: readonly (NeighbourResource | FdbResource)[],
): Promise<void> {
  for (const entry of entries) {
    if (slices.isOver()) await slices.turn(options)
    state.add(entry)
    resources.push(entry)
  }
}
