import type { Resource } from '@selvedge/core'

/** The proxy between one TUN device and UDP: needed whatever the peers. */
export interface UdpProxyResource extends Resource {
  readonly kind: 'udp-proxy'
  /** The TUN device, which the Linux driver makes. */
  readonly device: string
  /** Of the device, in bytes. */
  readonly mtu: number
  /** The UDP port that the proxy sends from and receives on. */
  readonly port: number
  /** The addresses that it does so at: of each family that is on, the external interface's. */
  readonly addresses: readonly string[]
  /** This node's subnets (CIDR): what packets from peers may be for. */
  readonly subnets: readonly string[]
  /** The whole networks (CIDR), in which a source belongs to the peer that has leased it. */
  readonly networks: readonly string[]
}

/** Where packets into a peer's subnet go. */
export interface UdpPeerResource extends Resource {
  readonly kind: 'udp-peer'
  readonly device: string
  /** CIDR. */
  readonly subnet: string
  /** The peer's public address, of the family of its subnet. */
  readonly address: string
  /** Its UDP port. */
  readonly port: number
}

export type UdpResource = UdpProxyResource | UdpPeerResource

export const udpProxy = (fields: Omit<UdpProxyResource, 'kind' | 'key'>): UdpProxyResource => ({
  kind: 'udp-proxy',
  key: `udp-proxy ${fields.device}`,
  ...fields,
})

export const udpPeer = (fields: Omit<UdpPeerResource, 'kind' | 'key'>): UdpPeerResource => ({
  kind: 'udp-peer',
  key: `udp-peer ${fields.device} ${fields.subnet}`,
  ...fields,
})
