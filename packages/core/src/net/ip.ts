import ipaddr from 'ipaddr.js'

/** The version of IP. */
export type Family = 4 | 6

/** An address of either family as a number, so that subnets can be counted, compared and stepped through. */
export interface Address {
  /** Whether it is an IPv4 or an IPv6 address. */
  readonly family: Family
  /** From 0 to 2³² - 1, or to 2¹²⁸ - 1 for IPv6. */
  readonly value: bigint
}

/** How many bits an address of this family has: 32 or 128. */
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

/** The address as text: dotted for IPv4, as RFC 5952 says for IPv6. */
export function formatAddress({ family, value }: Address): string {
  return family === 4 ? formatFourParts(Number(value)) : ipaddr.fromByteArray(toBytes(value)).toString()
}

/** The address in the one form that selvedge compares; throws a TypeError for what is no address. */
export function canonicalAddress(text: string): string {
  const address = readCanonicalAddress(text)
  if (address === undefined) throw new TypeError(`'${text}' is not an IP address`)
  return address
}

/** The same; undefined for what is no address. */
export function readCanonicalAddress(text: string): string | undefined {
  // Nearly all addresses are plain IPv4, which has one form only.
  if (parseFourPartDecimal(text) !== undefined) return text
  const address = parseAddress(text)
  return address && formatAddress(address)
}

/** ::ffff:0:0/96, which stand for IPv4 addresses (RFC 4291, 2.5.5.2): what precedes the last 32 bits. */
const IPV4_MAPPED = 0xffffn

/**
 * The address of a host in a URL, or of a socket, in canonical form; undefined for a name. A zone (`fe80::1%eth0`) is no part
 * of it, and `::ffff:10.0.0.5`, also written `::ffff:a00:5`, is an IPv4 one.
 */
export function hostAddress(text: string): string | undefined {
  const [unzoned = ''] = text.split('%', 1)
  const address = parseAddress(unzoned)
  const isMapped = address?.family === 6 && address.value >> 32n === IPV4_MAPPED
  return address && formatAddress(isMapped ? { family: 4, value: address.value & 0xffff_ffffn } : address)
}

/** 4 or 6, judged by the text alone. */
export const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4)

const DOT = 46
const ZERO = 48

/**
 * The one strict form of IPv4, as a number. ipaddr.js also reads octal, hexadecimal and short forms, and takes many
 * times as long over it, which is felt with tens of thousands of leases; it is left to read IPv6.
 */
export function parseFourPartDecimal(text: string): number | undefined {
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
