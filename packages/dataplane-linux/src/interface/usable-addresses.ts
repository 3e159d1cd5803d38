import { parseAddress } from '@selvedge/core/kit'
import {
  type AddressMessage,
  AF_INET,
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
} from '../rtnetlink/index.js'

/** IPv6 addresses that are not known to be unique, or temporary (IFA_F_TEMPORARY is IPv4's IFA_F_SECONDARY). */
const UNUSABLE_IPV6 = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_SECONDARY

/**
 * Addresses of one interface that may be the source of packets to peers, best first: global before link-local, a real
 * prefix before /32 and /128 (those of keepalived or kube-vip, which move between hosts), permanent before dynamic,
 * primary before secondary. Deprecated and temporary ones are left out. IPv4 equals stay in the kernel's order, as under
 * flannel. IPv6 equals are sorted by value, since the kernel lists the newest first.
 */
export function usableAddresses(addresses: readonly AddressMessage[]): string[] {
  return addresses
    .filter(isUsable)
    .toSorted((a, b) => rankOf(a) - rankOf(b) || a.family - b.family || compareIPv6(a, b))
    .map(({ local }) => local)
}

function compareIPv6(a: AddressMessage, b: AddressMessage): number {
  if (a.family === AF_INET) return 0
  const [first, second] = [parseAddress(a.local)?.value ?? 0n, parseAddress(b.local)?.value ?? 0n]
  return first < second ? -1 : Number(first > second)
}

function isUsable({ family, scope, flags }: AddressMessage): boolean {
  if (scope > RT_SCOPE_LINK || (flags & IFA_F_DEPRECATED) !== 0) return false
  return family === AF_INET || (scope === RT_SCOPE_UNIVERSE && (flags & UNUSABLE_IPV6) === 0)
}

function rankOf({ family, scope, flags, prefixLength }: AddressMessage): number {
  const isHostPrefix = prefixLength === (family === AF_INET ? 32 : 128)
  return (
    (scope === RT_SCOPE_UNIVERSE ? 0 : 8) +
    (isHostPrefix ? 4 : 0) +
    ((flags & IFA_F_PERMANENT) !== 0 ? 0 : 2) +
    ((flags & IFA_F_SECONDARY) !== 0 ? 1 : 0)
  )
}
