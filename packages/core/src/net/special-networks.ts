import { type Cidr, containsAddress, overlaps, requireCidr } from './cidr.js'
import { familyOf } from './ip.js'

/** Networks that no packet of an overlay is routed to (RFC 6890), by what they are for. */
const UNROUTABLE: readonly (readonly [network: Cidr, name: string])[] = (
  [
    ['0.0.0.0/8', "'this network' (0.0.0.0/8)"],
    ['127.0.0.0/8', 'loopback (127.0.0.0/8)'],
    ['224.0.0.0/4', 'multicast (224.0.0.0/4)'],
    ['::/128', 'the unspecified address (::)'],
    ['::1/128', 'loopback (::1)'],
    ['::ffff:0.0.0.0/96', 'IPv4-mapped addresses (::ffff:0:0/96)'],
    ['fe80::/10', 'link-local addresses (fe80::/10)'],
    ['ff00::/8', 'multicast (ff00::/8)'],
  ] as const
).map(([text, name]) => [requireCidr(text), name])

/** What a network overlaps that cannot be routed, such as `loopback (127.0.0.0/8)`; undefined if there is nothing. */
export function unroutablePart(network: Cidr): string | undefined {
  return UNROUTABLE.find(([special]) => overlaps(special, network))?.[1]
}

/** What an address is if no host can be reached at it from another, such as `a multicast address`. */
export function whyNoHostAddress(address: string): string | undefined {
  return familyOf(address) === 4 ? whyNoHostIpv4(address) : whyNoHostIpv6(address)
}

function whyNoHostIpv4(address: string): string | undefined {
  const first = Number(address.slice(0, address.indexOf('.')))
  if (address === '255.255.255.255') return 'the broadcast address'
  if (first >= 240) return 'a reserved address'
  if (first >= 224) return 'a multicast address'
  if (first === 127) return 'a loopback address'
  return first === 0 ? 'an unspecified address' : undefined
}

/** @param address in canonical form */
function whyNoHostIpv6(address: string): string | undefined {
  if (address === '::') return 'the unspecified address'
  if (address === '::1') return 'a loopback address'
  if (address.startsWith('::ffff:')) return 'an IPv4-mapped address'
  return address.startsWith('ff') && address.indexOf(':') === 4 ? 'a multicast address' : undefined
}

/** RFC 1918, RFC 4193, and link-local addresses (RFC 3927, RFC 4291). */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10']

/** Whether an address can be reached only from networks near it, unlike a global one. */
export const isPrivateAddress = (address: string): boolean =>
  PRIVATE.some((network) => containsAddress(network, address))
