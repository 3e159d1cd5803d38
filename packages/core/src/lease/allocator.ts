import type { LeaseRequest } from '../contract/subnet-manager.js'
import { OverlayError } from '../util/errors.js'
import {
  type Lease,
  type LeaseAttributes,
  type LeaseSubnets,
  sameLease,
  sameNode,
  sameSubnets,
} from './lease.js'
import type { NetworkConfig } from './network-config.js'
import { SubnetPool } from './subnet-pool.js'

/** What `chooseSubnets` decides from. */
export interface SubnetQuestion {
  /** The network to choose from. */
  readonly config: NetworkConfig
  /** Every lease there is. Those that have ended are left out. */
  readonly leases: readonly Lease[]
  /** Which node asks, and what it prefers. */
  readonly request: LeaseRequest
  /** The subnets of `leases`, if a store keeps them at hand; else they are gathered, which is O(leases). */
  readonly leased?: LeasedSubnets | undefined
}

/** What `chooseSubnets` decided. */
export interface SubnetChoice {
  /** What the node gets: a subnet of each family that is on. */
  readonly subnets: LeaseSubnets
  /** What to publish: the request's attributes, or what its `adopt` made of the lease found. */
  readonly attributes: LeaseAttributes
  /** The node's own lease, if it keeps that; a reservation is still one when it is written again. */
  readonly kept?: Lease | undefined
  /** Leases of this node outside the network. Delete them in the transaction that writes the new one. */
  readonly givenUp: readonly Lease[]
}

/**
 * Decides which subnet a node gets, for every store that hands out subnets itself:
 *
 * 1. Its own lease, found by its public address, if that fits the network: a reservation before any other, and the one
 *    that `request.previous` names before the rest. Never one of `request.excluded`. If its address is another than in
 *    `request.former`, that lease instead, if nothing has written it since.
 * 2. The subnet that its given-up lease or `request.previous` names, family by family, if it fits and is free.
 * 3. The first free one from a start that a hash of its address gives: a node tends to the same subnet, and nodes
 *    that join at once tend to different ones.
 *
 * No subnet of a new lease overlaps one of any other lease, in either family. Throws an OverlayError
 * `SUBNETS_EXHAUSTED` if none is free, and a TypeError for a request without a public address.
 */
export function chooseSubnets({ config, leases, request, leased }: SubnetQuestion): SubnetChoice {
  const address = request.attributes.publicIp ?? request.attributes.publicIpv6
  if (address === undefined) throw new TypeError('a lease is asked for with a public address')

  const everyone = leased ?? new LeasedSubnets(config, leases)
  const { previous } = request
  const own = ownLeases(leases, request)
  const fitting = own.filter((lease) => everyone.fits(lease))
  const givenUp = own.filter((lease) => !everyone.fits(lease))
  const reserved = fitting.filter((lease) => lease.expiresAt === undefined)
  const candidates = reserved.length > 0 ? reserved : fitting
  const named = previous && candidates.find((lease) => sameSubnets(lease, previous))
  const kept = named ?? candidates[0]
  if (kept !== undefined) {
    const attributes = request.adopt?.(kept) ?? request.attributes
    return { subnets: { subnet: kept.subnet, ipv6Subnet: kept.ipv6Subnet }, attributes, kept, givenUp }
  }

  const [former] = givenUp
  const attributes = (former === undefined ? undefined : request.adopt?.(former)) ?? request.attributes
  const others = givenUp.length === 0 ? everyone : new LeasedSubnets(config, without(leases, givenUp))
  const wanted = [...givenUp, previous ?? {}]
  return { subnets: others.choose(wanted, fnv1a(address), leases), attributes, givenUp }
}

function ownLeases(leases: readonly Lease[], { attributes, former, excluded = [] }: LeaseRequest): Lease[] {
  const isExcluded = (lease: Lease): boolean => excluded.some((other) => sameSubnets(other, lease))
  if (former !== undefined && !sameNode(former.attributes, attributes) && !isExcluded(former)) {
    const unchanged = leases.find((lease) => isUnchanged(lease, former))
    // The address may have been another node's: what bears it is that node's.
    if (unchanged !== undefined) return [unchanged]
  }
  return leases.filter((lease) => sameNode(lease.attributes, attributes) && !isExcluded(lease))
}

/**
 * Whether nothing has written a record since. Its content alone does not say so: another node that got the address has
 * found it by that, and may publish the same.
 */
const isUnchanged = (lease: Lease, former: Lease): boolean =>
  lease.version !== undefined &&
  lease.version === former.version &&
  lease.created === former.created &&
  sameLease(lease, former)

const without = (leases: readonly Lease[], gone: readonly Lease[]): Lease[] =>
  leases.filter((lease) => !gone.includes(lease))

/** The subnets of a set of leases, family by family. */
export class LeasedSubnets {
  readonly #ipv4: SubnetPool | undefined
  readonly #ipv6: SubnetPool | undefined

  constructor({ ipv4, ipv6 }: NetworkConfig, leases: readonly LeaseSubnets[] = []) {
    this.#ipv4 = ipv4 && new SubnetPool(ipv4)
    this.#ipv6 = ipv6 && new SubnetPool(ipv6)
    for (const lease of leases) this.take(lease)
  }

  /** Counts the subnets of a lease as taken, and whatever they overlap. What lies outside the network takes nothing. */
  take({ subnet, ipv6Subnet }: LeaseSubnets): void {
    if (subnet !== undefined) this.#ipv4?.take(subnet)
    if (ipv6Subnet !== undefined) this.#ipv6?.take(ipv6Subnet)
  }

  /** Gives back what one `take` of the same subnets took. Throws a TypeError if nothing did. */
  release({ subnet, ipv6Subnet }: LeaseSubnets): void {
    if (subnet !== undefined) this.#ipv4?.release(subnet)
    if (ipv6Subnet !== undefined) this.#ipv6?.release(ipv6Subnet)
  }

  /** Whether any of them overlaps one of `subnets`. */
  has({ subnet, ipv6Subnet }: LeaseSubnets): boolean {
    return (
      (subnet !== undefined && this.#ipv4?.has(subnet) === true) ||
      (ipv6Subnet !== undefined && this.#ipv6?.has(ipv6Subnet) === true)
    )
  }

  /** True for a subnet of the network, and of the right length, in each family that is on and in no other. */
  fits({ subnet, ipv6Subnet }: LeaseSubnets): boolean {
    return familyFits(this.#ipv4, subnet) && familyFits(this.#ipv6, ipv6Subnet)
  }

  /**
   * A free subnet of each family: the first `wanted` one that fits and is free, else the first free from `start`.
   * @param leases with their nodes: if none is free, the error names what takes more than its share
   */
  choose(wanted: readonly LeaseSubnets[], start: bigint, leases: readonly Lease[] = []): LeaseSubnets {
    const ipv4 = wanted.map(({ subnet }) => subnet)
    const ipv6 = wanted.map(({ ipv6Subnet }) => ipv6Subnet)
    return {
      subnet: this.#ipv4 && chooseFree(this.#ipv4, ipv4, start, { leases, subnetOf: ({ subnet }) => subnet }),
      ipv6Subnet:
        this.#ipv6 &&
        chooseFree(this.#ipv6, ipv6, start, { leases, subnetOf: ({ ipv6Subnet }) => ipv6Subnet }),
    }
  }
}

function familyFits(pool: SubnetPool | undefined, subnet: string | undefined): boolean {
  return pool === undefined ? subnet === undefined : subnet !== undefined && pool.fits(subnet)
}

/** Who takes what of a pool. */
interface Holders {
  readonly leases: readonly Lease[]
  /** The subnet of a lease in the pool's family. */
  readonly subnetOf: (lease: Lease) => string | undefined
}

function chooseFree(
  pool: SubnetPool,
  wanted: readonly (string | undefined)[],
  start: bigint,
  holders: Holders,
): string {
  for (const subnet of wanted) {
    if (subnet !== undefined && pool.fits(subnet) && !pool.has(subnet)) return subnet
  }
  const free = pool.find(start)
  if (free !== undefined) return free
  const { network, subnetLength, subnetMin, subnetMax } = pool.network
  throw new OverlayError(
    'SUBNETS_EXHAUSTED',
    `leasing a subnet of ${network}: all ${pool.size} subnets of /${subnetLength} from ${subnetMin} to ${subnetMax} ` +
      `are taken${culprit(pool, holders)}; ` +
      'widen the network in its config, or delete records of nodes that are gone or never were',
  )
}

/** How many of the records that are wider than a subnet an error names. */
const MAX_NAMED = 4

/** What takes more than one subnet, which is a node's share: records that are wider, or the many of one node. */
function culprit(pool: SubnetPool, { leases, subnetOf }: Holders): string {
  const { wide } = pool
  const byWide = wide.reduce((sum, { size }) => sum + size, 0n)
  const [owner, count] = mostRecords(pool, { leases, subnetOf })
  if (byWide === 0n && count < 2) return ''
  if (count > byWide) return `, ${count} of them by ${owner}`
  const [widest] = wide
  if (widest !== undefined && wide.length === 1) {
    return `, ${widest.size} of them by the record of ${widest.subnet} alone`
  }
  const named = wide.slice(0, MAX_NAMED).map(({ subnet, size }) => `${subnet} (${size})`)
  const more = wide.length > MAX_NAMED ? [`${wide.length - MAX_NAMED} more`] : []
  const [last, ...others] = [...named, ...more].toReversed()
  return `, by records of more than one each: ${others.toReversed().join(', ')} and ${last}`
}

/** Whose records of one subnet each are the most, and how many these are. */
function mostRecords(
  pool: SubnetPool,
  { leases, subnetOf }: Holders,
): readonly [owner: string, count: number] {
  const counts = new Map<string, number>()
  for (const lease of leases) {
    const subnet = subnetOf(lease)
    if (subnet === undefined || !pool.fits(subnet)) continue
    const { publicIp, publicIpv6 } = lease.attributes
    const address = publicIp ?? publicIpv6
    const owner = address === undefined ? 'records that are no leases' : `records of ${address}`
    counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a)
  return most ?? ['', 0]
}

/** The FNV-1a hash of 32 bits: spreads addresses that differ in their last digit only. */
function fnv1a(text: string): bigint {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return BigInt(hash >>> 0)
}
