import type { Lease } from '@selvedge/core'

/** The network that holds the subnets of all peers: 10.0.0.0/24 to 10.255.255.0/24. */
export const NETWORK = '10.0.0.0/8'

/** The one subnet of `NETWORK` that 65,000 peers leave free. */
export const OWN_SUBNET = '10.255.255.0/24'

/** The lease of peer number `n`, 0 to 65,000, as a vxlan node of flannel's publishes it. */
export function peerLease(n: number): Lease {
  const [high, low] = [n >> 8, n & 255]
  const hex = (octet: number) => octet.toString(16).padStart(2, '0')
  return {
    subnet: `10.${high}.${low}.0/24`,
    attributes: {
      publicIp: `172.20.${high}.${low}`,
      backendType: 'vxlan',
      backendData: { VNI: 1, VtepMAC: `02:42:00:00:${hex(high)}:${hex(low)}` },
    },
  }
}

export const peerLeases = (count: number): readonly Lease[] =>
  Array.from({ length: count }, (_, n) => peerLease(n))
