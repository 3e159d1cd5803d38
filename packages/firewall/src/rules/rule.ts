import type { Family } from '@selvedge/core/kit'

/** A network to compare an address with, in canonical form. */
export interface AddressMatch {
  readonly cidr: string
  /** Matches what is outside of it. */
  readonly not?: boolean
}

/** One rule of a chain, whichever program holds it: all that it names must match. */
export interface TrafficRule {
  readonly source?: AddressMatch
  readonly destination?: AddressMatch
  /** Matches a packet whose mark has all of these bits. */
  readonly markBits?: number
  readonly verdict: 'accept' | 'return' | 'masquerade'
}

/** What is done to the packets of one family. */
export interface TrafficRules {
  readonly family: Family
  /** For packets that leave, on their way out; empty for none. */
  readonly masquerade: readonly TrafficRule[]
  /** Masquerading takes a source port at random, which two flows at once hardly choose alike. */
  readonly randomFully: boolean
  /** For packets that pass through; empty for none. */
  readonly forward: readonly TrafficRule[]
}

export interface NodeNetworks {
  readonly family: Family
  /** The overlay's whole network. */
  readonly network: string
  /** This node's own part. */
  readonly subnet: string
}

export interface RuleChoices {
  readonly masquerade: boolean
  readonly randomFully: boolean
  readonly forward: boolean
  /** Networks that pods reach with their own address. */
  readonly exceptions: readonly string[]
  /** Networks of pods that are masqueraded nowhere. */
  readonly keepAddress: readonly string[]
}

/** Set by kube-proxy on what it masquerades itself (kubernetes/pkg/proxy, --iptables-masquerade-bit 14). */
const KUBE_PROXY_MARK = 0x4000

const MULTICAST: Readonly<Record<Family, string>> = { 4: '224.0.0.0/4', 6: 'ff00::/8' }

/** flannel's rules, in flannel's order (pkg/trafficmngr/iptables), and between them what is ours. */
export function rulesOf({ family, network, subnet }: NodeNetworks, choices: RuleChoices): TrafficRules {
  const { masquerade, randomFully, forward, exceptions, keepAddress } = choices
  const inside = { cidr: network }
  const outside = { cidr: network, not: true }
  const own = { cidr: subnet }
  return {
    family,
    randomFully,
    masquerade: masquerade
      ? [
          // kube-proxy masquerades it: twice is a bug of some kernels.
          { markBits: KUBE_PROXY_MARK, verdict: 'return' },
          { source: own, destination: inside, verdict: 'return' },
          { source: inside, destination: own, verdict: 'return' },
          // Packets to a pod of this node from outside: the pod sees who sent them.
          { source: outside, destination: own, verdict: 'return' },
          ...keepAddress.map((cidr): TrafficRule => ({ source: { cidr }, verdict: 'return' })),
          ...exceptions.map(
            (cidr): TrafficRule => ({ source: inside, destination: { cidr }, verdict: 'return' }),
          ),
          {
            source: inside,
            destination: { cidr: MULTICAST[family], not: true },
            verdict: 'masquerade',
          },
          // The host itself, when it sends from an address that peers do not route back here.
          { source: outside, destination: inside, verdict: 'masquerade' },
        ]
      : [],
    forward: forward
      ? [
          { source: inside, verdict: 'accept' },
          { destination: inside, verdict: 'accept' },
        ]
      : [],
  }
}
