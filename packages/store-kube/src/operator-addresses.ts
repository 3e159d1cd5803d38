import { OverlayError, type PublicAddresses } from '@selvedge/core'
import {
  type FamilyParts,
  formatAddress,
  IPV4_PARTS,
  IPV6_PARTS,
  parseAddress,
  printable,
  whyNoHostAddress,
} from '@selvedge/core/kit'
import { FAMILY_ANNOTATIONS } from './annotations.js'
import type { NodeRecord } from './client/index.js'

/** The addresses that operators declare for a node, by the annotations `node-public-ip` and `node-public-ipv6`. */
export function nodeAddresses(node: NodeRecord): PublicAddresses {
  let addresses: PublicAddresses = {}
  for (const parts of [IPV4_PARTS, IPV6_PARTS]) {
    const text = node.annotations[FAMILY_ANNOTATIONS[parts.family].nodeAddress]?.trim() ?? ''
    const { address } = readAddress(text, parts)
    if (address !== undefined) addresses = { ...addresses, [parts.publicAddress]: address }
  }
  return addresses
}

/**
 * The address that an operator has set for a node, which takes precedence over the one that the node finds: the
 * overwrite, or else the node address. A text that is not an address of the family, or one at which no peer can reach a
 * host, is ignored, and reported to `onInvalid`.
 */
export function addressSetByOperator(
  node: NodeRecord,
  parts: FamilyParts,
  onInvalid: (error: OverlayError) => void = () => {},
): string | undefined {
  const { overwrite, nodeAddress } = FAMILY_ANNOTATIONS[parts.family]
  for (const annotation of [overwrite, nodeAddress]) {
    const text = node.annotations[annotation]?.trim() ?? ''
    if (text === '') continue
    const { address, why } = readAddress(text, parts)
    if (address !== undefined) return address
    const message = `node ${printable(node.name)}: annotation ${annotation} is '${printable(text)}', which is ${why}: ignored`
    onInvalid(new OverlayError('INVALID_LEASE', message))
  }
  return undefined
}

/** An address at which peers can reach a host, in canonical form; or why the text is none. */
function readAddress(text: string, { family, name }: FamilyParts): { address?: string; why?: string } {
  const parsed = parseAddress(text)
  if (parsed?.family !== family) return { why: `not an ${name} address` }
  const address = formatAddress(parsed)
  const why = whyNoHostAddress(address)
  return why === undefined ? { address } : { why }
}
