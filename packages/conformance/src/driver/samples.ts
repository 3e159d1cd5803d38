import type { OwnershipScope } from '@selvedge/core'
import {
  type AddressResource,
  address,
  type FdbResource,
  fdb,
  type KernelResource,
  type LinkResource,
  link,
  type NeighbourResource,
  neighbour,
  type RouteResource,
  route,
} from '@selvedge/core/kit'

export const DEVICE = 'flannel.1'

export const SCOPE: OwnershipScope = {
  aliases: ['selvedge 10.99.0.0/16'],
  links: [DEVICE],
  networks: ['10.99.0.0/16', 'fd99::/48'],
  externalInterface: 'eth0',
}

export const DEVICE_MAC = '02:aa:00:00:00:01'

export function device(fields: Partial<Omit<LinkResource, 'kind' | 'key'>> = {}): LinkResource {
  return link({
    name: DEVICE,
    type: 'vxlan',
    mtu: 1400,
    macAddress: DEVICE_MAC,
    alias: 'selvedge 10.99.0.0/16',
    acceptRouterAdvertisements: false,
    settings: { vni: 1, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
    ...fields,
  })
}

/** The same with settings that cannot be changed in place. */
export const otherVni = (): LinkResource =>
  device({
    settings: { vni: 2, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
  })

/** The MAC and the underlay address of peer `number`, 2 to 65535. */
const peerMac = (number: number): string =>
  `02:bb:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}`
const peerHost = (number: number): string => `192.168.${number >> 8}.${number & 255}`

export interface Peer {
  readonly neighbour: NeighbourResource
  readonly fdb: FdbResource
  readonly route: RouteResource
}

/** The resources of peer `number` (2 to 65535) of a VXLAN network. Each has a /28 of its own. */
export function peer(number: number): Peer {
  const base = `10.99.${number >> 4}.${(number & 15) << 4}`
  return {
    neighbour: neighbour({ link: DEVICE, address: base, macAddress: peerMac(number) }),
    fdb: fdb({ link: DEVICE, macAddress: peerMac(number), destination: peerHost(number) }),
    route: route({ destination: `${base}/28`, device: DEVICE, gateway: base, onLink: true }),
  }
}

export const resourcesOf = ({ fdb, neighbour, route }: Peer): KernelResource[] => [fdb, neighbour, route]

export const ownAddress: AddressResource = address({ link: DEVICE, address: '10.99.0.16', prefixLength: 32 })

export const ALL_ZERO = '00:00:00:00:00:00'

/** One of every sort, in the order in which they can be put. */
export function everySort({ ipv6 }: { readonly ipv6: boolean }): KernelResource[] {
  const ipv4: KernelResource[] = [
    device(),
    ownAddress,
    ...resourcesOf(peer(2)),
    fdb({ link: DEVICE, macAddress: ALL_ZERO, destination: '192.168.0.2' }),
    fdb({ link: DEVICE, macAddress: ALL_ZERO, destination: '192.168.0.3' }),
    route({ destination: '10.99.128.0/24', device: 'eth0', gateway: '192.168.0.9' }),
    route({ destination: '10.99.129.0/24', device: DEVICE }),
    route({ destination: '10.99.130.0/24', device: DEVICE, metric: 7 }),
    route({ destination: '10.99.0.16/28', type: 'blackhole' }),
  ]
  if (!ipv6) return ipv4
  return [
    ...ipv4,
    address({ link: DEVICE, address: 'fd99::', prefixLength: 128 }),
    neighbour({ link: DEVICE, address: 'fd99:0:0:2::', macAddress: peerMac(2) }),
    route({ destination: 'fd99:0:0:2::/64', device: DEVICE, gateway: 'fd99:0:0:2::', onLink: true }),
    route({ destination: 'fd99:0:0:3::/64', device: 'eth0', gateway: 'fd00::9' }),
    route({ destination: 'fd99:0:0:4::/64', type: 'blackhole' }),
  ]
}
