import { overlaps, readCanonicalCidr, requireCidr } from '../net/cidr.js'
import { type Family, familyOf, readCanonicalAddress } from '../net/ip.js'
import { OverlayError } from '../util/errors.js'
import { type JsonValue, parseJson, RECORD_LIMITS, repeatsKeys } from '../util/json.js'
import { type Field, isJsonObject, readFields } from '../util/json-fields.js'
import { printable, quote } from '../util/quote.js'

/** What a node publishes with its lease: how its peers reach it. */
export interface LeaseAttributes {
  /** The IPv4 address at which peers reach this node; also what a store knows the node by. */
  readonly publicIp?: string | undefined
  /** The same for IPv6; what a store knows the node by if IPv4 is off. */
  readonly publicIpv6?: string | undefined
  /** Such as `vxlan`. Absent if flannel publishes none (udp, alloc). */
  readonly backendType?: string | undefined
  /** What the backend says to its peers, for IPv4 or for both: `{ VNI: 1, VtepMAC: '…' }`. */
  readonly backendData?: JsonValue | undefined
  /** The same for IPv6, if a backend keeps the families apart. */
  readonly backendV6Data?: JsonValue | undefined
  /** For a record with an invalid address: what is wrong with it, in a sentence, for messages. */
  readonly invalidAddresses?: Readonly<Record<'publicIp' | 'publicIpv6', string | undefined>> | undefined
}

/** The addresses at which peers reach a node, one for each family that it has. */
export type PublicAddresses = Pick<LeaseAttributes, 'publicIp' | 'publicIpv6'>

/**
 * The right of one node to a subnet of the network (a subnet of each family in a dual-stack network). Addresses and
 * subnets are text in canonical form, so that they can be compared, printed and stored as they are.
 */
export interface Lease {
  /** The IPv4 subnet, such as `10.244.5.0/24`; absent if IPv4 is off. */
  readonly subnet?: string | undefined
  /** The IPv6 subnet; absent if IPv6 is off. */
  readonly ipv6Subnet?: string | undefined
  /** What its node publishes: how peers reach it. */
  readonly attributes: LeaseAttributes
  /**
   * When the lease ends, in ms since the epoch. Absent for a reservation, which never ends, and for another node's
   * lease if the store does not say when it ends: a peer's lease stands until the store says that it is gone.
   */
  readonly expiresAt?: number | undefined
  /**
   * When the record was created, on a scale of the store's own, such as etcd's revisions: of two leases that claim the
   * same, the older keeps it. Absent if the store does not say; then the one that it reported first is the older.
   */
  readonly created?: number | undefined
  /**
   * Which write of the record this is, on the same scale: it equals `created` for the first and grows with each, also
   * with one that changes nothing. A node that finds a later version of its own record than the last that it wrote knows
   * that another process writes it too. Absent if the store does not say.
   */
  readonly version?: number | undefined
}

/** The subnets of a lease: what it is known by. */
export type LeaseSubnets = Pick<Lease, 'subnet' | 'ipv6Subnet'>

/** How flannel writes "no IPv4 subnet" if IPv4 is off. */
const NO_IPV4 = '0.0.0.0-0'

/** flannel's pattern for a lease's key; its unescaped dots are unescaped in flannel too. */
const LEASE_KEY = /^(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f\d:.]+)-(\d+))?$/

/**
 * The key of a lease, as flannel writes it below `<prefix>/subnets/`: `10.5.52.0-24`, or in a dual-stack network
 * `10.5.52.0-24&2001:cafe:42:1::-64`. Throws a TypeError for a lease without a subnet.
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
  // A length of 0 means no IPv4 subnet, whatever the address: no lease is all of IPv4.
  const subnet = v4.endsWith('/0') ? undefined : v4
  return subnet === undefined && v6 === undefined ? undefined : { subnet, ipv6Subnet: v6 }
}

/**
 * Reads a lease's record, key and value, as flannel writes them; only the store knows when it ends. Throws an
 * OverlayError `INVALID_LEASE` for a record that is not a lease, and for a key that is not spelled as `leaseKey` spells
 * it: such a lease could be neither renewed nor deleted.
 */
export function decodeLease(key: string, value: string): Lease {
  try {
    const subnets = parseLeaseKey(key)
    if (subnets === undefined) throw new SyntaxError('its key names no subnet')
    if (leaseKey(subnets) !== key) throw new SyntaxError(`its key would have to be ${leaseKey(subnets)}`)
    // Spelled out: with a spread, V8 makes a separate shape for each of tens of thousands of leases.
    const { subnet, ipv6Subnet } = subnets
    return { subnet, ipv6Subnet, attributes: decodeLeaseAttributes(value) }
  } catch (cause) {
    throw OverlayError.from(
      cause,
      'INVALID_LEASE',
      `the record ${printable(key)} is no lease; correct or delete it`,
    )
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
 * Reads a lease's value, at most 64 KiB and 32 levels deep, as Go does: keys in any case, the last duplicate counts,
 * unknown keys are ignored. An invalid address is reported in `invalidAddresses` if the other family has a valid one,
 * which still counts. Throws a SyntaxError that says what is wrong if the text is not a lease.
 */
export function decodeLeaseAttributes(text: string): LeaseAttributes {
  const value = parseJson(text, RECORD_LIMITS)
  if (!isJsonObject(value)) throw new SyntaxError('a lease is a JSON object')
  const { PublicIP, PublicIPv6, BackendType, BackendData, BackendV6Data } = recordFields(value)
  if (BackendType !== undefined && BackendType !== null && typeof BackendType !== 'string') {
    throw new SyntaxError(`BackendType is ${quote(BackendType)}, not a string`)
  }
  const ipv4 = readAddress('PublicIP', PublicIP, 4)
  const ipv6 = readAddress('PublicIPv6', PublicIPv6, 6)
  const attributes = {
    publicIp: ipv4.address === '0.0.0.0' ? undefined : ipv4.address,
    publicIpv6: ipv6.address === '::' ? undefined : ipv6.address,
    backendType: BackendType || undefined,
    backendData: (BackendData ?? undefined) as JsonValue | undefined,
    backendV6Data: (BackendV6Data ?? undefined) as JsonValue | undefined,
  }
  const problem = ipv4.problem ?? ipv6.problem
  if (problem === undefined) return attributes
  if (attributes.publicIp === undefined && attributes.publicIpv6 === undefined) throw new SyntaxError(problem)
  return { ...attributes, invalidAddresses: { publicIp: ipv4.problem, publicIpv6: ipv6.problem } }
}

type RecordFields = Readonly<Partial<Record<keyof typeof RECORD_FIELDS, unknown>>>

const anything: Field<unknown> = { rule: '', fallback: undefined, accepts: () => true, raw: true }
const RECORD_FIELDS = {
  PublicIP: anything,
  PublicIPv6: anything,
  BackendType: { ...anything, raw: false },
  BackendData: anything,
  BackendV6Data: anything,
}

function recordFields(record: Readonly<Record<string, unknown>>): RecordFields {
  // Nearly every record is spelled as flannel writes it: then there is nothing to match.
  for (const key in record) {
    if (!Object.hasOwn(RECORD_FIELDS, key)) return readFields(RECORD_FIELDS, record, 'the lease').values
  }
  return repeatsKeys(record) ? readFields(RECORD_FIELDS, record, 'the lease').values : record
}

interface ReadAddress {
  readonly address?: string | undefined
  /** What is wrong with it, in a sentence. */
  readonly problem?: string | undefined
}
const NO_ADDRESS: ReadAddress = {}

function readAddress(name: string, value: unknown, family: Family): ReadAddress {
  if (value === undefined || value === null || value === '') return NO_ADDRESS
  const address = typeof value === 'string' ? readCanonicalAddress(value) : undefined
  if (address !== undefined && familyOf(address) === family) return { address }
  return { problem: `${name} is ${quote(value)}, not an IPv${family} address` }
}

/** True if two leases are the same to peers: same subnets, same attributes. When they end does not matter. */
export function sameLease(a: Lease, b: Lease): boolean {
  return (
    leaseKey(a) === leaseKey(b) &&
    encodeLeaseAttributes(a.attributes) === encodeLeaseAttributes(b.attributes) &&
    a.attributes.invalidAddresses?.publicIp === b.attributes.invalidAddresses?.publicIp &&
    a.attributes.invalidAddresses?.publicIpv6 === b.attributes.invalidAddresses?.publicIpv6
  )
}

/**
 * Whether both were published by one node: by its public IPv4 address, and by its public IPv6 address if
 * neither has one of IPv4.
 */
export function sameNode(a: LeaseAttributes, b: LeaseAttributes): boolean {
  if (a.publicIp !== undefined || b.publicIp !== undefined) return a.publicIp === b.publicIp
  return a.publicIpv6 !== undefined && a.publicIpv6 === b.publicIpv6
}

/** Whether both are leases of the same subnets, one of each family. */
export function sameSubnets(a: LeaseSubnets, b: LeaseSubnets): boolean {
  return a.subnet === b.subnet && a.ipv6Subnet === b.ipv6Subnet
}

/** Whether the two share an address in either family. */
export function leasesOverlap(a: LeaseSubnets, b: LeaseSubnets): boolean {
  return subnetsOverlap(a.subnet, b.subnet) || subnetsOverlap(a.ipv6Subnet, b.ipv6Subnet)
}

function subnetsOverlap(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false
  // Nearly always both have the same length: then they are equal or disjoint.
  if (a.slice(a.indexOf('/')) === b.slice(b.indexOf('/'))) return a === b
  return overlaps(requireCidr(a), requireCidr(b))
}
