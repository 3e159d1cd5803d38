import ipaddr from 'ipaddr.js'

export type Family = 4 | 6

/** An address of either family as a number, so that subnets can be counted, compared and stepped through. */
export interface Address {
  readonly family: Family
  readonly value: bigint
}

/** A network: its base address (host bits are zero) and how many leading bits it fixes. */
export interface Cidr {
  readonly family: Family
  readonly base: bigint
  readonly length: number
}

export const addressBits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128)

/**
 * Reads an address. IPv4 takes four decimal parts and nothing else: `010.1.1.1` (octal to some, decimal to others)
 * and `10.1` are no addresses. IPv6 zones (`fe80::1%eth0`) are refused. Returns undefined for what is no address.
 */
export function parseAddress(text: string): Address | undefined {
  const ipv4 = parseFourPartDecimal(text)
  if (ipv4 !== undefined) return { family: 4, value: BigInt(ipv4) }
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  return { family: 6, value: toBigInt(ipaddr.IPv6.parse(text).toByteArray()) }
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

/** The address as text: dotted for IPv4, as RFC 5952 says for IPv6. */
export function formatAddress({ family, value }: Address): string {
  return family === 4 ? formatFourParts(Number(value)) : ipaddr.fromByteArray(toBytes(value)).toString()
}

/** The network as `base/length`. */
export function formatCidr({ family, base, length }: Cidr): string {
  return `${formatAddress({ family, value: base })}/${length}`
}

/** The address in the one form that selvedge compares; throws a TypeError for what is no address. */
export function canonicalAddress(text: string): string {
  const address = readCanonicalAddress(text)
  if (address === undefined) throw new TypeError(`'${text}' is not an IP address`)
  return address
}

/** The same; undefined for what is no address. */
export function readCanonicalAddress(text: string): string | undefined {
  // Most addresses by far are plain IPv4, which has one form only.
  if (parseFourPartDecimal(text) !== undefined) return text
  const address = parseAddress(text)
  return address && formatAddress(address)
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

/** 4 or 6, judged by the text alone. */
export const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4)

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

export function lastAddress({ family, base, length }: Cidr): bigint {
  return base + (1n << BigInt(addressBits(family) - length)) - 1n
}

/** True where `inner` lies wholly inside `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  return (
    outer.family === inner.family &&
    outer.length <= inner.length &&
    inner.base >= outer.base &&
    inner.base <= lastAddress(outer)
  )
}

/** True where `network` (a CIDR as text) holds `address` (as text). */
export function containsAddress(network: string, address: string): boolean {
  const outer = requireCidr(network)
  const inner = parseAddress(address)
  return inner !== undefined && contains(outer, cidrOf(inner, addressBits(inner.family)))
}

/** True where the two share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b) || contains(b, a)
}

const DOT = 46
const ZERO = 48

/**
 * The one strict form of IPv4, as a number. ipaddr.js also reads octal, hexadecimal and short forms, and takes many
 * times as long over it, which is felt with tens of thousands of leases; it is left to read IPv6.
 */
function parseFourPartDecimal(text: string): number | undefined {
  let value = 0
  let part = -1
  let dots = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    const digit = code - ZERO
    if (code === DOT && part >= 0) {
      value = value * 256 + part
      part = -1
      dots += 1
    } else if (digit >= 0 && digit <= 9 && part !== 0) {
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return undefined
    } else {
      return undefined
    }
  }
  return dots === 3 && part >= 0 ? value * 256 + part : undefined
}

/**
 * Most subnets by far are of IPv4, and written in the one form already: then there is nothing to compute, which is felt
 * with tens of thousands of leases.
 */
function isCanonicalIPv4Cidr(text: string): boolean {
  const slash = text.indexOf('/')
  const value = slash < 0 ? undefined : parseFourPartDecimal(text.slice(0, slash))
  const length = value === undefined ? undefined : parsePrefixLength(text.slice(slash + 1), 32)
  return value !== undefined && length !== undefined && value % 2 ** (32 - length) === 0
}

/** From 0 to `most`; undefined for what is no such number, or has a leading zero. */
function parsePrefixLength(text: string, most: number): number | undefined {
  const length = text === '' || text.length > 3 ? Number.NaN : Number(text)
  return Number.isInteger(length) && length >= 0 && length <= most && String(length) === text
    ? length
    : undefined
}

function formatFourParts(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

function toBigInt(bytes: readonly number[]): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

function toBytes(value: bigint): number[] {
  const bytes = new Array<number>(16)
  for (let index = 15, rest = value; index >= 0; index -= 1, rest >>= 8n) {
    bytes[index] = Number(rest & 0xffn)
  }
  return bytes
}
