import { overlaps, readCanonicalCidr, requireCidr } from '../net/cidr.js'
import { type Family, familyOf, readCanonicalAddress } from '../net/ip.js'
import { OverlayError } from '../util/errors.js'
import type { JsonValue } from '../util/json-fields.js'

/** What a node publishes with its lease: how its peers reach it. */
export interface LeaseAttributes {
  /** The IPv4 address at which peers reach this node; also what a store knows the node by. */
  readonly publicIp?: string | undefined
  /** The same for IPv6; what a store knows the node by where IPv4 is off. */
  readonly publicIpv6?: string | undefined
  /** Such as `vxlan`. Absent where flannel publishes none (udp, alloc). */
  readonly backendType?: string | undefined
  /** What the backend tells its peers, for IPv4 or for both: `{ VNI: 1, VtepMAC: '…' }`. */
  readonly backendData?: JsonValue | undefined
  /** The same for IPv6, where a backend keeps the families apart. */
  readonly backendV6Data?: JsonValue | undefined
}

/** The addresses at which peers reach a node, of each family that it has one of. */
export type PublicAddresses = Pick<LeaseAttributes, 'publicIp' | 'publicIpv6'>

/**
 * The right of one node to a subnet of the network (a subnet of each family in a dual-stack network). Addresses and
 * subnets are text in canonical form, so that they can be compared, printed and stored as they are.
 */
export interface Lease {
  /** The IPv4 subnet, such as `10.244.5.0/24`; absent where IPv4 is off. */
  readonly subnet?: string | undefined
  /** The IPv6 subnet; absent where IPv6 is off. */
  readonly ipv6Subnet?: string | undefined
  readonly attributes: LeaseAttributes
  /**
   * When the lease ends, in ms since the epoch. Absent for a reservation, which never ends, and for another node's
   * lease where the store does not tell its end: a peer's lease stands until the store says that it is gone.
   */
  readonly expiresAt?: number | undefined
}

/** The subnets of a lease: what it is known by. */
export type LeaseSubnets = Pick<Lease, 'subnet' | 'ipv6Subnet'>

/** How flannel writes "no IPv4 subnet" where IPv4 is off. */
const NO_IPV4 = '0.0.0.0-0'

/** flannel's pattern for a lease's key; the dots left bare in it are bare in flannel too. */
const LEASE_KEY = /^(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f\d:.]+)-(\d+))?$/

/**
 * The key of a lease, as flannel writes it below `<prefix>/subnets/`: `10.5.52.0-24`, or in a dual-stack network
 * `10.5.52.0-24&2001:cafe:42:1::-64`.
 */
export function leaseKey({ subnet, ipv6Subnet }: LeaseSubnets): string {
  if (subnet === undefined && ipv6Subnet === undefined)
    throw new TypeError('a lease without a subnet has no key')
  const ipv4 = subnet?.replace('/', '-') ?? NO_IPV4
  return ipv6Subnet === undefined ? ipv4 : `${ipv4}&${ipv6Subnet.replace('/', '-')}`
}

/**
 * Reads a lease's key. Returns undefined for a key that names no subnet. One with host bits set (`10.5.52.7-24`) names
 * its subnet, but is no lease's: see `decodeLease`.
 */
export function parseLeaseKey(key: string): LeaseSubnets | undefined {
  const match = LEASE_KEY.exec(key)
  if (match === null) return undefined
  const [, ipv4 = '', ipv4Length = '', ipv6, ipv6Length = ''] = match
  const v4 = readCanonicalCidr(`${ipv4}/${ipv4Length}`)
  const v6 = ipv6 === undefined ? undefined : readCanonicalCidr(`${ipv6}/${ipv6Length}`)
  if (v4 === undefined || (ipv6 !== undefined && (v6 === undefined || familyOf(v6) !== 6))) return undefined
  const subnet = `${ipv4}-${ipv4Length}` === NO_IPV4 ? undefined : v4
  return subnet === undefined && v6 === undefined ? undefined : { subnet, ipv6Subnet: v6 }
}

/**
 * Reads a lease's record, key and value, as flannel writes them; when it ends is for the store to say. Throws an
 * OverlayError `INVALID_LEASE` for what is no lease, and for a key that is not spelled as `leaseKey` spells it: who
 * took that for a lease could neither renew nor delete it.
 */
export function decodeLease(key: string, value: string): Lease {
  try {
    const subnets = parseLeaseKey(key)
    if (subnets === undefined) throw new SyntaxError('its key names no subnet')
    if (leaseKey(subnets) !== key) throw new SyntaxError(`its key would have to be ${leaseKey(subnets)}`)
    // Spelled out: of a spread, V8 makes a shape of its own for each of tens of thousands of leases.
    const { subnet, ipv6Subnet } = subnets
    return { subnet, ipv6Subnet, attributes: decodeLeaseAttributes(value) }
  } catch (cause) {
    throw OverlayError.from(cause, 'INVALID_LEASE', `the record ${key} is no lease; correct or delete it`)
  }
}

/** A lease's value as flannel writes it, byte for byte: fields in Go's order, empty ones left out as Go does. */
export function encodeLeaseAttributes(attributes: LeaseAttributes): string {
  const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = attributes
  return JSON.stringify({
    PublicIP: publicIp ?? '0.0.0.0',
    PublicIPv6: publicIpv6 ?? null,
    BackendType: backendType || undefined,
    BackendData: backendData ?? undefined,
    BackendV6Data: backendV6Data ?? undefined,
  })
}

/**
 * Reads a lease's value. Unknown fields are let be, as Go does. Throws a SyntaxError that says what is wrong where
 * the text is no lease.
 */
export function decodeLeaseAttributes(text: string): LeaseAttributes {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyntaxError('a lease is a JSON object')
  }
  const field = (name: string): unknown => Reflect.get(value, name) ?? undefined
  const publicIp = readAddress('PublicIP', field('PublicIP'), 4)
  const publicIpv6 = readAddress('PublicIPv6', field('PublicIPv6'), 6)
  const backendType = field('BackendType')
  if (backendType !== undefined && typeof backendType !== 'string') {
    throw new SyntaxError(`BackendType is ${JSON.stringify(backendType)}, not a string`)
  }
  return {
    publicIp: publicIp === '0.0.0.0' ? undefined : publicIp,
    publicIpv6: publicIpv6 === '::' ? undefined : publicIpv6,
    backendType: backendType === '' ? undefined : backendType,
    backendData: field('BackendData') as JsonValue | undefined,
    backendV6Data: field('BackendV6Data') as JsonValue | undefined,
  }
}

function readAddress(name: string, value: unknown, family: Family): string | undefined {
  if (value === undefined || value === '') return undefined
  const address = typeof value === 'string' ? readCanonicalAddress(value) : undefined
  if (address === undefined || familyOf(address) !== family)
    throw new SyntaxError(`${name} is ${JSON.stringify(value)}, not an IPv${family} address`)
  return address
}

/** True where two leases say the same to their peers: same subnets, same attributes. Expiry is the owner's affair. */
export function sameLease(a: Lease, b: Lease): boolean {
  return (
    leaseKey(a) === leaseKey(b) && encodeLeaseAttributes(a.attributes) === encodeLeaseAttributes(b.attributes)
  )
}

/**
 * True where both were published by one node: by its public IPv4 address, and by its public IPv6 address where
 * neither has one of IPv4.
 */
export function sameNode(a: LeaseAttributes, b: LeaseAttributes): boolean {
  if (a.publicIp !== undefined || b.publicIp !== undefined) return a.publicIp === b.publicIp
  return a.publicIpv6 !== undefined && a.publicIpv6 === b.publicIpv6
}

/** True where the two share an address in either family. */
export function leasesOverlap(a: LeaseSubnets, b: LeaseSubnets): boolean {
  return subnetsOverlap(a.subnet, b.subnet) || subnetsOverlap(a.ipv6Subnet, b.ipv6Subnet)
}

function subnetsOverlap(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false
  // Nearly always the two are of one length, and then they are the same or share nothing.
  if (a.slice(a.indexOf('/')) === b.slice(b.indexOf('/'))) return a === b
  return overlaps(requireCidr(a), requireCidr(b))
}
