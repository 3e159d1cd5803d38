import type { AddressResource, FdbResource, NeighbourResource, RouteResource } from '@selvedge/core/kit'
import { leadsToMany } from '../write/encode.js'

/*
 * Resources as the core's own functions make them, from what the kernel told. The codec writes addresses in the
 * canonical form already; parsing each of 60,000 once more took longer than reading them. held.test.ts holds these to
 * the core's.
 */

export const heldAddress = (link: string, address: string, prefixLength: number): AddressResource => ({
  kind: 'address',
  key: `address ${link} ${address}/${prefixLength}`,
  link,
  address,
  prefixLength,
})

export const heldNeighbour = (link: string, address: string, macAddress: string): NeighbourResource => ({
  kind: 'neighbour',
  key: `neighbour ${link} ${address}`,
  link,
  address,
  macAddress,
})

export const heldForwarding = (link: string, macAddress: string, destination: string): FdbResource => ({
  kind: 'fdb',
  key: `fdb ${link} ${macAddress}${leadsToMany(macAddress) ? ` ${destination}` : ''}`,
  link,
  macAddress,
  destination,
})

export const heldRoute = (
  key: string,
  { destination, table, tos, metric, type, device, gateway, onLink }: Omit<RouteResource, 'kind' | 'key'>,
): RouteResource => ({ kind: 'route', key, destination, table, tos, metric, type, device, gateway, onLink })
