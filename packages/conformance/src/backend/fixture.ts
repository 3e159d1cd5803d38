import {
  type Backend,
  type Lease,
  type LeaseContext,
  type NodeContext,
  parseNetworkConfig,
} from '@selvedge/core'
import { decodeLeaseAttributes, encodeLeaseAttributes } from '@selvedge/core/kit'

/** The families that a sample network has. */
export type SampleFamilies = 'IPv4' | 'IPv6' | 'dual-stack'

/** In bytes: what Ethernet has. */
export const SAMPLE_MTU = 1500

/** How many nodes a sample network has. */
export const SAMPLE_NODES = 12

export const hasIpv4 = (families: SampleFamilies): boolean => families !== 'IPv6'
export const hasIpv6 = (families: SampleFamilies): boolean => families !== 'IPv4'

/** The networks of two overlays that share hosts; IPv4's /16 and IPv6's /48 by the part that all its subnets have. */
const PREFIXES = [
  { ipv4: '10.244', ipv6: 'fd00:10:244' },
  { ipv4: '10.245', ipv6: 'fd00:10:245' },
] as const

/** Which of two overlays on the same hosts. */
export type SampleOverlay = 0 | 1

/**
 * Node number `node` of a sample network, before it has its lease. All nodes are on one network, and the interface is
 * the node's own: no backend asks for more.
 */
export function sampleNode(
  families: SampleFamilies,
  node: number,
  section: Readonly<Record<string, unknown>> | undefined,
  overlay: SampleOverlay = 0,
): NodeContext {
  const prefix = PREFIXES[overlay]
  const ipv4 = hasIpv4(families) ? `192.0.2.${node + 1}` : undefined
  const ipv6 = hasIpv6(families) ? `2001:db8::${(node + 1).toString(16)}` : undefined
  return {
    config: parseNetworkConfig({
      EnableIPv4: hasIpv4(families),
      EnableIPv6: hasIpv6(families),
      ...(hasIpv4(families) && { Network: `${prefix.ipv4}.0.0/16` }),
      ...(hasIpv6(families) && { IPv6Network: `${prefix.ipv6}::/48` }),
      ...(section !== undefined && { Backend: section }),
    }),
    externalInterface: {
      name: 'eth0',
      mtu: SAMPLE_MTU,
      ipv4,
      ipv6,
      onLink: [
        ...(hasIpv4(families) ? ['192.0.2.0/24'] : []),
        ...(hasIpv6(families) ? ['2001:db8::/64', 'fe80::/64'] : []),
      ],
    },
    publicIp: ipv4,
    publicIpv6: ipv6,
  }
}

/** The lease of node number `node`, as it comes back from a store: encoded and decoded. */
export function sampleLease(
  backend: Backend,
  families: SampleFamilies,
  node: number,
  context: NodeContext,
  overlay: SampleOverlay = 0,
): Lease {
  const prefix = PREFIXES[overlay]
  return {
    subnet: hasIpv4(families) ? `${prefix.ipv4}.${node + 1}.0/24` : undefined,
    ipv6Subnet: hasIpv6(families) ? `${prefix.ipv6}:${(node + 1).toString(16)}::/64` : undefined,
    attributes: decodeLeaseAttributes(encodeLeaseAttributes(backend.attributes(context))),
    expiresAt: Date.UTC(2030, 0, 1),
  }
}

/** A whole sample network, seen from its first node. */
export interface Sample {
  readonly families: SampleFamilies
  /** The first node's backend. */
  readonly backend: Backend
  readonly context: LeaseContext
  /** The leases of all others. */
  readonly peers: readonly Lease[]
}

export interface SampleOptions {
  setup(node: number): Backend
  readonly section?: Readonly<Record<string, unknown>>
}

export function sampleNetwork(families: SampleFamilies, { setup, section }: SampleOptions): Sample {
  const leaseOf = (node: number): Lease => {
    const context = sampleNode(families, node, section)
    return sampleLease(setup(node), families, node, context)
  }
  return {
    families,
    backend: setup(0),
    context: { ...sampleNode(families, 0, section), lease: leaseOf(0) },
    peers: Array.from({ length: SAMPLE_NODES - 1 }, (_, index) => leaseOf(index + 1)),
  }
}
