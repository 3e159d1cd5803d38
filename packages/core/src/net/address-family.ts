import type { NetworkConfig } from '../lease/network-config.js'

/**
 * Where the parts of one family are found in a network config, an external interface and a lease, so that what is
 * done for both families is written once.
 */
export const IPV4_PARTS = {
  family: 4,
  name: 'IPv4',
  /** In a NetworkConfig. */
  network: 'ipv4',
  /** In an ExternalInterface. */
  interfaceAddress: 'ipv4',
  /** In a Lease. */
  subnet: 'subnet',
  /** In LeaseAttributes, and in a NodeContext. */
  publicAddress: 'publicIp',
  /** In LeaseAttributes. */
  backendData: 'backendData',
  /** As a lease is written in a store; for messages. */
  written: { publicAddress: 'PublicIP', backendData: 'BackendData' },
  /** The prefix length of a single address. */
  bits: 32,
} as const

/** See {@link IPV4_PARTS}. */
export const IPV6_PARTS = {
  family: 6,
  name: 'IPv6',
  network: 'ipv6',
  interfaceAddress: 'ipv6',
  subnet: 'ipv6Subnet',
  publicAddress: 'publicIpv6',
  backendData: 'backendV6Data',
  written: { publicAddress: 'PublicIPv6', backendData: 'BackendV6Data' },
  bits: 128,
} as const

/** The parts of either family. See {@link IPV4_PARTS}. */
export type FamilyParts = typeof IPV4_PARTS | typeof IPV6_PARTS

const NONE: readonly FamilyParts[] = []
const IPV4_ONLY: readonly FamilyParts[] = [IPV4_PARTS]
const IPV6_ONLY: readonly FamilyParts[] = [IPV6_PARTS]
const DUAL_STACK: readonly FamilyParts[] = [IPV4_PARTS, IPV6_PARTS]

/** The families that are on, IPv4 first. */
export function enabledFamilies({ ipv4, ipv6 }: NetworkConfig): readonly FamilyParts[] {
  if (ipv4 === undefined) return ipv6 === undefined ? NONE : IPV6_ONLY
  return ipv6 === undefined ? IPV4_ONLY : DUAL_STACK
}
