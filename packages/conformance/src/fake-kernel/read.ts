import { type ExternalInterface, type ExternalInterfaceOptions, OverlayError } from '@selvedge/core'
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

/**
 * @param name the one that an operator chose, if any
 * @param former the one in force, and that of an earlier run: found while it is up and bears its addresses
 */
export function findExternalInterface(
  state: KernelState,
  name: string | undefined,
  { current, previous }: Pick<ExternalInterfaceOptions, 'current' | 'previous'> = {},
): ExternalInterface {
  for (const former of [current, name === undefined ? previous : undefined]) {
    const kept = former && state.links.get(former.name)
    if (former === undefined || kept?.up !== true) continue
    const addresses = [former.ipv4, former.ipv6].filter((address) => address !== undefined)
    const borne = ownAddresses(kept).map(({ address }) => address)
    if (addresses.every((address) => borne.includes(address))) {
      return describeInterface(kept, addresses, former.reason)
    }
  }
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
  return describeInterface(found, [], 'it is the first with an address')
}

function describeInterface(
  held: LinkState,
  preferred: readonly string[],
  reason: string | undefined,
): ExternalInterface {
  const own = ownAddresses(held)
  const addresses = [...preferred, ...own.map(({ address }) => address)]
  return {
    name: held.name,
    macAddress: held.macAddress,
    mtu: held.mtu,
    ipv4: addresses.find((address) => familyOf(address) === 4),
    ipv6: addresses.find((address) => familyOf(address) === 6),
    onLink: own.map(({ address, prefixLength }) => canonicalCidr(`${address}/${prefixLength}`)),
    reason,
  }
}

const ownAddresses = (held: LinkState) =>
  [...held.addresses.values()].filter(({ madeByKernel }) => !madeByKernel)
