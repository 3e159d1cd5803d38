import { OverlayError } from '@selvedge/core'
import {
  type AddressResource,
  type FdbResource,
  type KernelResource,
  type LinkResource,
  linkChange,
  type NeighbourResource,
  type RouteResource,
  satisfies,
} from '@selvedge/core/kit'
import { FakeKernelError } from './errors.js'
import { addAddress, addLink, changeLink, deleteAddress, deleteLink } from './links.js'
import { addFdbEntry, addNeighbour, deleteFdbEntry, deleteNeighbour, leadsToMany } from './neighbours.js'
import type { Ownership } from './ownership.js'
import { linkResource, routeResource } from './read.js'
import { addRoute, deleteRoute } from './routes.js'
import type { KernelState } from './state.js'

/** In whose name a driver writes: the number that its routes bear, and what it calls its own. */
export interface Writer {
  readonly protocol: number
  readonly owns: Ownership
}

/** Makes the kernel hold a resource, and writes nothing if it does already. */
export function putResource(state: KernelState, desired: KernelResource, writer: Writer): void {
  switch (desired.kind) {
    case 'link':
      putLink(state, desired)
      break
    case 'address':
      putAddress(state, desired)
      break
    case 'route':
      putRoute(state, desired, writer)
      break
    case 'neighbour':
      putNeighbour(state, desired)
      break
    case 'fdb':
      putFdb(state, desired)
  }
}

/** Deletes what is held at a resource's key, whatever else it says there. */
export function deleteResource(state: KernelState, gone: KernelResource, writer: Writer): void {
  switch (gone.kind) {
    case 'link':
      requireType(state, gone)
      deleteLink(state, gone.name)
      break
    case 'address':
      deleteAddress(state, gone.link, gone.address, gone.prefixLength)
      break
    case 'route':
      deleteOwnRoutes(state, gone, writer)
      break
    case 'neighbour':
      deleteNeighbour(state, gone.link, gone.address)
      break
    case 'fdb': {
      const destination = leadsToMany(gone.macAddress) ? gone.destination : undefined
      deleteFdbEntry(state, gone.link, gone.macAddress, destination)
    }
  }
}

function putLink(state: KernelState, desired: LinkResource): void {
  requireType(state, desired)
  const held = state.links.get(desired.name)
  const actual = held === undefined ? undefined : linkResource(held)
  const change = actual === undefined ? 'recreate' : linkChange(actual, desired)
  if (change === 'recreate') {
    if (held !== undefined) deleteLink(state, desired.name)
    makeLink(state, desired)
  } else if (change === 'change') {
    const { mtu, macAddress, alias, up, acceptRouterAdvertisements } = desired
    changeLink(state, desired.name, {
      mtu,
      // Setting a MAC costs the link its neighbours, so it is set only if it differs.
      macAddress: macAddress === actual?.macAddress ? undefined : macAddress,
      alias,
      up,
      acceptRouterAdvertisements,
    })
  }
}

/** A link of another type is foreign and merely has our name. */
function requireType(state: KernelState, { name, type }: LinkResource): void {
  const held = state.links.get(name)
  if (held === undefined || held.type === type) return
  throw new OverlayError(
    'RESOURCE_CONFLICT',
    `the link ${name} is of type ${held.type}, not ${type}, and is not ours`,
  )
}

function putAddress(state: KernelState, { link, address, prefixLength }: AddressResource): void {
  const held = state.requireLink(link).addresses.has(`${address}/${prefixLength}`)
  if (!held) addAddress(state, link, address, prefixLength)
}

function putNeighbour(state: KernelState, desired: NeighbourResource): void {
  const held = state.requireLink(desired.link).neighbours.get(desired.address)
  if (held?.permanent === true && held.macAddress === desired.macAddress) return
  addNeighbour(state, desired, 'replace')
}

function putFdb(state: KernelState, desired: FdbResource): void {
  const held = state.requireLink(desired.link).fdb.get(desired.macAddress)
  if (held?.permanent === true && held.destinations.includes(desired.destination)) return
  addFdbEntry(state, desired, leadsToMany(desired.macAddress) ? 'append' : 'replace')
}

/** A VXLAN link is made in one request, and fails as a whole if its settings are another link's. */
function makeLink(state: KernelState, desired: LinkResource): void {
  try {
    addLink(state, desired)
  } catch (error) {
    if (!(error instanceof FakeKernelError) || error.errno !== 'EEXIST') throw error
    throw new OverlayError('RESOURCE_CONFLICT', `to make the link ${desired.name}: ${error.message}`, {
      cause: error,
      errno: error.errno,
    })
  }
}

/**
 * A foreign route at our key is not ours to change, unless it leads the same way (as what flanneld leaves behind does:
 * adopting it changes nothing for traffic) or through a link of ours.
 */
function putRoute(state: KernelState, desired: RouteResource, { protocol, owns }: Writer): void {
  for (let copies = ownCopies(state, desired, protocol); copies > 1; copies -= 1) {
    deleteRouteOf(state, desired, protocol)
  }
  const first = state.routes.get(desired.key)?.[0]
  const same = first !== undefined && satisfies(routeResource(first), desired)
  if (same && first.protocol === protocol) return
  const mayReplace = first === undefined || same || owns.route(first) || owns.link(first.link)
  if (first !== undefined && first.protocol !== protocol && !mayReplace) {
    const message = `to put ${desired.key}: a route of protocol ${first.protocol} is there and leads elsewhere`
    throw new OverlayError('RESOURCE_CONFLICT', message, { errno: 'EEXIST' })
  }
  addRoute(state, { ...desired, protocol }, 'replace')
}

/** How many routes of ours there are at one key: more than one only if another process has appended one. */
const ownCopies = (state: KernelState, { key }: RouteResource, protocol: number): number =>
  state.routes.get(key)?.filter((held) => held.protocol === protocol).length ?? 0

/** Each of them, of whichever protocol; and as the kernel answers if there is none. */
function deleteOwnRoutes(state: KernelState, gone: RouteResource, { protocol, owns }: Writer): void {
  const own =
    state.routes.get(gone.key)?.filter((held) => held.protocol === protocol || owns.route(held)) ?? []
  for (const held of own) deleteRouteOf(state, gone, held.protocol)
  if (own.length === 0) deleteRouteOf(state, gone, protocol)
}

function deleteRouteOf(state: KernelState, route: RouteResource, protocol: number): void {
  const { destination, table, tos, metric } = route
  deleteRoute(state, { destination, table, tos, metric, protocol })
}
