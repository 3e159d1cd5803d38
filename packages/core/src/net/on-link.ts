import type { ExternalInterface } from '../contract/node-context.js'
import { canonicalCidr } from './cidr.js'
import { type Family, familyOf, parseAddress } from './ip.js'
import { PrefixIndex } from './prefix-index.js'

/** Whether packets to `address` leave by the external interface without a gateway. */
export function isOnLink(externalInterface: ExternalInterface, address: string): boolean {
  const longest = longestPrefix(externalInterface, address)
  return longest !== undefined && longest.by === undefined
}

/**
 * Why packets to `address` do not leave by the external interface without a gateway, for messages; undefined if they do.
 * Such as `172.16.9.1 is on the network of eth0 (172.16.0.0/16), but the host routes it by 172.16.9.0/24 via 172.16.0.9`.
 */
export function whyNotOnLink(externalInterface: ExternalInterface, address: string): string | undefined {
  const longest = longestPrefix(externalInterface, address)
  if (longest !== undefined && longest.by === undefined) return undefined
  const { name, onLink } = externalInterface
  const networks = onLink.join(', ') || 'which has none'
  return longest === undefined
    ? `${address} is not on the network of ${name} (${networks})`
    : `${address} is on the network of ${name} (${networks}), but the host routes it by ${longest.by}`
}

/** A network of an external interface, with the route that leads elsewhere, if one does. */
interface Prefix {
  readonly length: number
  readonly by: string | undefined
}

/** Of two of one length the one that leads elsewhere counts: it is the exception. */
function longestPrefix(externalInterface: ExternalInterface, text: string): Prefix | undefined {
  const address = parseAddress(text)
  if (address === undefined) return undefined
  let longest: Prefix | undefined
  prefixesOf(externalInterface)[address.family].forEachContaining(address, (prefix) => {
    const rank = prefix.length - (longest?.length ?? -1)
    if (rank > 0 || (rank === 0 && prefix.by !== undefined)) longest = prefix
  })
  return longest
}

type Prefixes = Readonly<Record<Family, PrefixIndex<Prefix>>>

/** One interface is asked about by tens of thousands of peers, and may have thousands of networks. */
const known = new WeakMap<ExternalInterface, Prefixes>()

function prefixesOf(externalInterface: ExternalInterface): Prefixes {
  const before = known.get(externalInterface)
  if (before !== undefined) return before
  const prefixes = { 4: new PrefixIndex<Prefix>(4), 6: new PrefixIndex<Prefix>(6) }
  const add = (text: string, by?: string): void => {
    const network = canonicalCidr(text)
    const length = Number(network.slice(network.indexOf('/') + 1))
    prefixes[familyOf(network)].add(network, { length, by })
  }
  for (const network of externalInterface.onLink) add(network)
  for (const { network, by } of externalInterface.routed ?? []) add(network, by)
  known.set(externalInterface, prefixes)
  return prefixes
}
