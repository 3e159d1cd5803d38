import { type Lease, leaseKey, leasesOverlap, sameNode } from '../lease/lease.js'

/**
 * How long a lease that its store has lost is kept, in ms. A node that is alive writes its lease again within the lease's
 * term, which is 24 hours: one of ours at once, a flanneld when it renews.
 */
export const FORGOTTEN_LEASE_GRACE_MS = 24 * 3_600_000

/**
 * Leases that a store has lost although nothing says that their nodes are gone. Each is kept until it expires, or until
 * another lease takes its place: its node publishes another one, or another node gets its subnet.
 */
export class ForgottenLeases {
  readonly #leases = new Map<string, { readonly lease: Lease; readonly expiresAt: number }>()
  /** Keys of leases by their subnets and public addresses, as text. */
  readonly #index = new Map<string, Set<string>>()
  /** Counts of prefix lengths, such as `/24`. */
  readonly #lengths = new Map<string, number>()

  get size(): number {
    return this.#leases.size
  }

  add(lease: Lease, expiresAt: number): void {
    const key = leaseKey(lease)
    this.delete(key)
    this.#leases.set(key, { lease, expiresAt })
    for (const text of indexed(lease)) {
      const keys = this.#index.get(text) ?? new Set()
      this.#index.set(text, keys.add(key))
    }
    for (const length of lengthsOf(lease)) this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1)
  }

  has(key: string): boolean {
    return this.#leases.has(key)
  }

  delete(key: string): void {
    const lease = this.#leases.get(key)?.lease
    if (lease === undefined) return
    this.#leases.delete(key)
    for (const text of indexed(lease)) {
      const keys = this.#index.get(text)
      keys?.delete(key)
      if (keys?.size === 0) this.#index.delete(text)
    }
    for (const length of lengthsOf(lease)) {
      const count = (this.#lengths.get(length) ?? 0) - 1
      if (count > 0) this.#lengths.set(length, count)
      else this.#lengths.delete(length)
    }
  }

  /** The keys of the forgotten leases that `lease` replaces. */
  replacedBy(lease: Lease): readonly string[] {
    if (this.#leases.size === 0) return NONE
    // Nearly always all subnets have one length: then any two are equal or disjoint.
    const comparable = lengthsOf(lease).every(
      (length) => this.#lengths.size === 1 && this.#lengths.has(length),
    )
    const candidates = comparable
      ? new Set(indexed(lease).flatMap((text) => [...(this.#index.get(text) ?? [])]))
      : this.#leases.keys()
    return [...candidates].filter((key) => {
      const forgotten = this.#leases.get(key)?.lease
      return (
        forgotten !== undefined &&
        (sameNode(forgotten.attributes, lease.attributes) || leasesOverlap(forgotten, lease))
      )
    })
  }

  /** The keys of those that have expired. */
  expired(now: number): readonly string[] {
    return [...this.#leases].flatMap(([key, { expiresAt }]) => (expiresAt <= now ? key : []))
  }
}

const NONE: readonly string[] = []

function indexed({ subnet, ipv6Subnet, attributes }: Lease): readonly string[] {
  const { publicIp, publicIpv6 } = attributes
  return [subnet, ipv6Subnet, publicIp, publicIpv6].filter((text) => text !== undefined)
}

function lengthsOf({ subnet, ipv6Subnet }: Lease): readonly string[] {
  return [subnet, ipv6Subnet].flatMap((text) => (text === undefined ? [] : text.slice(text.indexOf('/'))))
}
