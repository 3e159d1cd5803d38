import type { OwnershipScope } from '@selvedge/core'
import { type Cidr, contains, familyOf, parseCidr, requireCidr } from '@selvedge/core/kit'
import { type RouteMessage, RTN_BLACKHOLE, RTN_UNICAST, RTPROT_BOOT } from '../rtnetlink/index.js'

/** IPv4 networks as numbers: every one of tens of thousands of routes is compared, and bigints are slow. */
interface Network {
  readonly cidr: Cidr
  readonly v4: { readonly base: number; readonly mask: number; readonly length: number } | undefined
}

const LINK_LOCAL = /^fe[89ab][0-9a-f]:/

/** Decides which routes and addresses are an overlay's own. */
export class Ownership {
  readonly #protocol: number
  readonly #networks: readonly Network[]
  /** Addresses that no route of an overlay may contain, as networks. */
  readonly #reachable: readonly Cidr[]
  readonly #isUnmarkedOurs: OwnershipScope['isUnmarkedOurs']

  constructor(scope: OwnershipScope, protocol: number) {
    this.#protocol = protocol
    this.#isUnmarkedOurs = scope.isUnmarkedOurs
    this.#reachable = (scope.reachable ?? []).map((address) =>
      requireCidr(`${address}/${familyOf(address) === 4 ? 32 : 128}`),
    )
    this.#networks = scope.networks.map((text) => {
      const cidr = requireCidr(text)
      if (cidr.family === 6) return { cidr, v4: undefined }
      const mask = maskOf(cidr.length)
      return { cidr, v4: { base: Number(cidr.base), mask, length: cidr.length } }
    })
  }

  /**
   * Routes of our protocol are ours if they lead into our networks, through a link of ours, or to an address that the
   * host cannot do without; unmarked ones if the scope says so.
   */
  isOwn(message: RouteMessage, throughOwnLink: boolean): boolean {
    const { type, protocol, destination } = message
    const kind = type === RTN_UNICAST ? 'unicast' : type === RTN_BLACKHOLE ? 'blackhole' : undefined
    if (kind === undefined) return false
    if (protocol === RTPROT_BOOT) {
      const { table, gateway } = message
      return this.#isUnmarkedOurs?.({ type: kind, destination, table, gateway }) === true
    }
    if (protocol !== this.#protocol) return false
    return throughOwnLink || this.isInside(destination) || this.#leadsToReachable(destination)
  }

  /**
   * Whether a permanent address on a link of ours is ours, too. An IPv4 address outside our networks is an operator's,
   * as it is to flanneld; the link-local address is the kernel's (RFC 4291, 2.5.6).
   */
  isOwnAddress(address: string): boolean {
    return familyOf(address) === 4 ? this.isInside(`${address}/32`) : !LINK_LOCAL.test(address)
  }

  #leadsToReachable(destination: string): boolean {
    if (this.#reachable.length === 0) return false
    const outer = parseCidr(destination)
    return outer !== undefined && this.#reachable.some((address) => contains(outer, address))
  }

  /** Whether a destination lies in one of our networks. */
  isInside(destination: string): boolean {
    if (familyOf(destination) === 4) {
      const { value, length } = readIPv4Cidr(destination)
      return this.#networks.some(
        ({ v4 }) => v4 !== undefined && length >= v4.length && (value & v4.mask) >>> 0 === v4.base,
      )
    }
    const inner = parseCidr(destination)
    return inner !== undefined && this.#networks.some(({ cidr }) => contains(cidr, inner))
  }

  /** Whether one of our networks lies in a destination. */
  isAround(destination: string): boolean {
    const outer = parseCidr(destination)
    return outer !== undefined && this.#networks.some(({ cidr }) => contains(outer, cidr))
  }
}

const maskOf = (length: number): number => (length === 0 ? 0 : (~0 << (32 - length)) >>> 0)

function readIPv4Cidr(text: string): { readonly value: number; readonly length: number } {
  let value = 0
  let part = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === 46 || code === 47) {
      value = (value << 8) | part
      part = 0
    } else part = part * 10 + code - 48
  }
  return { value: value >>> 0, length: part }
}
