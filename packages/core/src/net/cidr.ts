import {
  type Address,
  addressBits,
  type Family,
  formatAddress,
  parseAddress,
  parseFourPartDecimal,
} from './ip.js'

/** A network: its base address (host bits are zero) and how many leading bits it fixes. */
export interface Cidr {
  /** Of its addresses. */
  readonly family: Family
  /** The lowest address, as a number. */
  readonly base: bigint
  /** From 0 to 32, or to 128 for IPv6. */
  readonly length: number
}

/** Reads `address/length`; host bits may be set and are cleared. Returns undefined for what is no CIDR. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const address = parseAddress(text.slice(0, slash))
  if (address === undefined) return undefined
  const length = parsePrefixLength(text.slice(slash + 1), addressBits(address.family))
  return length === undefined ? undefined : cidrOf(address, length)
}

/** The network of `length` that holds `address`. */
export function cidrOf(address: Address, length: number): Cidr {
  const hostBits = BigInt(addressBits(address.family) - length)
  return { family: address.family, base: (address.value >> hostBits) << hostBits, length }
}

/** The network as `base/length`. */
export function formatCidr({ family, base, length }: Cidr): string {
  return `${formatAddress({ family, value: base })}/${length}`
}

/** The network in the one form that selvedge compares, host bits cleared; throws a TypeError for what is no CIDR. */
export function canonicalCidr(text: string): string {
  return isCanonicalIPv4Cidr(text) ? text : formatCidr(requireCidr(text))
}

/** The same; undefined for what is no CIDR. */
export function readCanonicalCidr(text: string): string | undefined {
  if (isCanonicalIPv4Cidr(text)) return text
  const cidr = parseCidr(text)
  return cidr && formatCidr(cidr)
}

/** Reads a CIDR that the caller knows to be one; throws a TypeError otherwise. */
export function requireCidr(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw new TypeError(`'${text}' is not a CIDR such as 10.244.0.0/16 or fd00::/48`)
  return cidr
}

/** The base address of a subnet as text: `10.5.52.0` of `10.5.52.0/24`. */
export function baseAddress(cidr: string): string {
  if (isCanonicalIPv4Cidr(cidr)) return cidr.slice(0, cidr.indexOf('/'))
  const { family, base } = requireCidr(cidr)
  return formatAddress({ family, value: base })
}

/** The address `offset` above the base of a subnet as text: `10.5.52.1` of `10.5.52.0/24` with offset 1. */
export function addressAt(cidr: string, offset: bigint): string {
  const { family, base } = requireCidr(cidr)
  return formatAddress({ family, value: base + offset })
}

/** The highest address of a network, as a number. */
export function lastAddress({ family, base, length }: Cidr): bigint {
  return base + (1n << BigInt(addressBits(family) - length)) - 1n
}

/** Whether `inner` lies wholly inside `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  return (
    outer.family === inner.family &&
    outer.length <= inner.length &&
    inner.base >= outer.base &&
    inner.base <= lastAddress(outer)
  )
}

/** Whether `network` (a CIDR as text) holds `address` (as text). */
export function containsAddress(network: string, address: string): boolean {
  const outer = requireCidr(network)
  const inner = parseAddress(address)
  return inner !== undefined && contains(outer, cidrOf(inner, addressBits(inner.family)))
}

/** Whether the two share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a)
}

/**
 * Nearly all subnets are of IPv4, and written in the one form already: then there is nothing to compute, which is felt
 * with tens of thousands of leases.
 */
function isCanonicalIPv4Cidr(text: string): boolean {
  const slash = text.indexOf('/')
  const value = slash < 0 ? undefined : parseFourPartDecimal(text.slice(0, slash))
  const length = value === undefined ? undefined : parsePrefixLength(text.slice(slash + 1), 32)
  return value !== undefined && length !== undefined && value % 2 ** (32 - length) === 0
}

/** From 0 to `max`; undefined for what is no such number, or has a leading zero. */
function parsePrefixLength(text: string, max: number): number | undefined {
  const length = text === '' || text.length > 3 ? Number.NaN : Number(text)
  return Number.isInteger(length) && length >= 0 && length <= max && String(length) === text
    ? length
    : undefined
}
