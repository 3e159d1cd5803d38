import { posix } from 'node:path'
import { type LeaseSubnets, leaseKey } from '@selvedge/core'
import type { KeyRange } from './client/api.js'

/** The prefix of flannel. */
export const DEFAULT_PREFIX = '/coreos.com/network'

/**
 * The keys of one network: `<prefix>/config` and `<prefix>/subnets/<lease>`, which flannel uses too, and
 * `<prefix>/ipv6-claims/<subnet>`, which it does not know (see transactions.ts).
 */
export class NetworkKeys {
  readonly config: string
  /** All leases. */
  readonly leases: KeyRange
  readonly #leases: string
  readonly #claims: string

  constructor(prefix: string = DEFAULT_PREFIX) {
    this.config = posix.join(prefix, 'config')
    this.#leases = `${posix.join(prefix, 'subnets')}/`
    this.#claims = `${posix.join(prefix, 'ipv6-claims')}/`
    this.leases = prefixRange(this.#leases)
  }

  /** The prefix of all leases, for messages. */
  get leasesPath(): string {
    return this.#leases
  }

  /** The prefix of the claims of IPv6 subnets, for messages. */
  get claimsPath(): string {
    return this.#claims
  }

  lease(subnets: LeaseSubnets): Buffer {
    return Buffer.from(this.#leases + leaseKey(subnets))
  }

  /** The part of a key below `<prefix>/subnets/`. */
  nameOf(key: Buffer): string {
    return key.toString('utf8', Buffer.byteLength(this.#leases))
  }

  /** The leases at the base address of `subnet`: of any prefix length, with or without an IPv6 subnet. */
  leasesAt(subnet: string): KeyRange {
    return prefixRange(`${this.#leases}${subnet.slice(0, subnet.indexOf('/'))}-`)
  }

  claim(ipv6Subnet: string): Buffer {
    return Buffer.from(this.#claims + ipv6Subnet.replace('/', '-'))
  }

  /** The permissions that a user of etcd needs, for messages. */
  get rights(): string {
    return `read ${this.config}, read and write ${this.#leases} and (for IPv6) ${this.#claims}, with --prefix=true`
  }
}

/** Every key that begins with `prefix`, which must end in an ASCII character. */
function prefixRange(prefix: string): KeyRange {
  const key = Buffer.from(prefix)
  const end = Buffer.from(key)
  end[end.length - 1] = (end.at(-1) ?? 0) + 1
  return { key, range_end: end }
}
