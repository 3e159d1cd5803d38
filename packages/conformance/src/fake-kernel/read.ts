import { type ExternalInterface, OverlayError } from '@selvedge/core'
import {
  address,
  canonicalCidr,
  familyOf,
  fdb,
  type KernelResource,
  link,
  neighbour,
  route,
} from '@selvedge/core/kit'
import type { Ownership } from './ownership.js'
import type { KernelState } from './state.js'
import type { LinkState, RouteState } from './types.js'

/** What of a kernel is a driver's own, as resources. */
export function readOwn(state: KernelState, owns: Ownership): readonly KernelResource[] {
  const found: KernelResource[] = []
  for (const one of state.links.values()) if (owns.link(one)) readLink(one, owns, found)
  for (const routes of state.routes.values()) {
    // Another process may have appended a second route of ours at this key. The last one, which does not count, shows it.
    const own = routes.findLast(owns.route)
    if (own !== undefined) found.push(routeResource(own))
  }
  return found
}

function readLink(held: LinkState, owns: Ownership, found: KernelResource[]): void {
  const { name } = held
  found.push(linkResource(held))
  for (const { address: ip, prefixLength, madeByKernel } of held.addresses.values()) {
    if (!madeByKernel && owns.address(ip)) found.push(address({ link: name, address: ip, prefixLength }))
  }
  for (const { address: ip, macAddress, permanent } of held.neighbours.values()) {
    if (permanent) found.push(neighbour({ link: name, address: ip, macAddress }))
  }
  for (const { macAddress, destinations, permanent } of held.fdb.values()) {
    if (!permanent) continue
    for (const destination of destinations) found.push(fdb({ link: name, macAddress, destination }))
  }
}

export function linkResource(held: LinkState) {
  const { name, type, mtu, macAddress, up, alias, acceptRouterAdvertisements, vxlan, settings } = held
  return link({
    name,
    type,
    mtu,
    macAddress,
    up,
    alias,
    acceptRouterAdvertisements,
    settings: vxlan === undefined ? settings : { ...vxlan, parent: vxlan.parent?.name },
  })
}

export function routeResource({ link: held, gateway, ...fields }: RouteState) {
  const { destination, table, tos, metric, type, onLink } = fields
  return route({
    destination,
    table,
    tos,
    metric,
    type,
    onLink,
    ...(held === undefined ? {} : { device: held.name }),
    ...(gateway === undefined ? {} : { gateway }),
  })
}

export function findExternalInterface(state: KernelState, name: string | undefined): ExternalInterface {
  const links = [...state.links.values()]
  const found =
    name === undefined
      ? links.find((held) => held.type !== 'loopback' && ownAddresses(held).length > 0)
      : state.links.get(name)
  if (found === undefined) {
    const wanted = name === undefined ? 'an interface with an address' : `the interface '${name}'`
    const there = links.map((held) => held.name).join(', ') || 'none'
    throw new OverlayError('INTERFACE_NOT_FOUND', `looked for ${wanted}; there is ${there}`)
  }
  const addresses = ownAddresses(found)
  const first = (family: 4 | 6) => addresses.find((held) => familyOf(held.address) === family)?.address
  return {
    name: found.name,
    mtu: found.mtu,
    ipv4: first(4),
    ipv6: first(6),
    onLink: addresses.map((held) => canonicalCidr(`${held.address}/${held.prefixLength}`)),
  }
}

const ownAddresses = (held: LinkState) =>
  [...held.addresses.values()].filter(({ madeByKernel }) => !madeByKernel)
