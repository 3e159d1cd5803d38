import {
  type AbortOptions,
  isOverlayError,
  type Lease,
  type LeaseAttributes,
  type LeaseRequest,
  leaseKey,
  type NetworkConfig,
  OverlayError,
  type RenewOptions,
} from '@selvedge/core'
import {
  chooseSubnets,
  encodeLeaseAttributes,
  isHeldBy,
  Retries,
  type Setback,
  type SubnetChoice,
  type SubnetQuestion,
  sameNode,
  sameSubnets,
  whoHolds,
} from '@selvedge/core/kit'
import type { ConditionalWrites, Lifetime, WriteResult } from './conditional-writes.js'
import { claimedSubnet, claimKey, recordKeyOf } from './keys.js'
import { type LeaseRecord, type ValidRecord, versionsOf } from './lease-record.js'
import { closeLists, type NetworkReader, type NetworkState } from './network-reader.js'
import type { Settings } from './options.js'
import { rivalOf } from './rivals.js'

/** How long a claim without a lease keeps others from its subnet, in ms: far longer than a node takes to write the lease. */
const CLAIM_MS = 30_000

interface Plan extends SubnetChoice {
  /** The record of `kept`. */
  readonly held: ValidRecord | undefined
  /** The records of `givenUp`. */
  readonly replaces: readonly ValidRecord[]
}

export interface Acquired {
  readonly lease: Lease
  /** What it was chosen by. Its lists are open: whoever gets it closes them. */
  readonly state: NetworkState
}

type Attempt = { readonly lease: Lease } | { readonly lease?: undefined; readonly failed: Setback }

/**
 * Acquires, renews and releases leases. Each starts with a read, ends with a conditional write on what was read, and starts
 * over if another node was faster. If the answer to a write is lost, that same read shows whether it ran.
 *
 * NATS compares one key, the one that it writes. Two nodes that choose one IPv4 subnet write one key, and the second fails.
 * What keys do not show is settled in two steps:
 *
 * 1. A lease with a subnet of each family first writes the key of its IPv6 subnet below `claims.`, on condition that no
 *    other node has since the list. A claim means nothing beyond that: only leases say who holds a subnet.
 * 2. Once a new lease is written, its node reads what else was written since it listed. Of two leases that overlap, as those
 *    of different prefix lengths may, the earlier counts, and the node of the later one deletes it and starts over. If
 *    nothing came between, as nearly always, there is nothing to read.
 */
export class LeaseWriter {
  readonly #reader: NetworkReader
  readonly #writes: ConditionalWrites
  readonly #settings: Settings

  constructor(reader: NetworkReader, writes: ConditionalWrites, settings: Settings) {
    this.#reader = reader
    this.#writes = writes
    this.#settings = settings
  }

  /**
   * Undefined if there is no network config.
   *
   * @param readConfig parses the config's text
   */
  async acquire(
    request: LeaseRequest,
    readConfig: (text: string) => NetworkConfig,
    options: AbortOptions,
  ): Promise<Acquired | undefined> {
    const retries = new Retries('leasing a subnet', this.#settings, options)
    for (;;) {
      const state = await this.#reader.readAll(options)
      let attempt: Attempt | undefined
      try {
        attempt = await this.#acquireBy(state, request, readConfig, options)
      } finally {
        if (attempt?.lease === undefined) closeLists(state)
      }
      if (attempt === undefined) return undefined
      if (attempt.lease !== undefined) return { lease: attempt.lease, state }
      await retries.next(attempt.failed)
    }
  }

  async renew(lease: Lease, renewal: RenewOptions): Promise<Lease> {
    const { attributes = lease.attributes, rewrite = false, ...options } = renewal
    const retries = new Retries(`renewing lease ${leaseKey(lease)}`, this.#settings, options)
    for (;;) {
      const record = await this.#reader.read(lease, options)
      if (record?.lease === undefined || !isHeldBy(lease, attributes, record.lease)) throw lost(lease, record)
      const attempt = await this.#extend(record, attributes, rewrite, options)
      if (attempt.lease !== undefined) return attempt.lease
      await retries.next(attempt.failed)
    }
  }

  async release(lease: Lease, options: AbortOptions): Promise<void> {
    const retries = new Retries(`releasing lease ${leaseKey(lease)}`, this.#settings, options)
    for (;;) {
      const record = await this.#reader.read(lease, options)
      if (record?.lease === undefined || record.isReservation) return
      if (!sameNode(record.lease.attributes, lease.attributes)) return
      const result = await this.#remove(record, options)
      if (result.type === 'done') return await this.#unclaim(record, options)
      await retries.next(result)
    }
  }

  async #acquireBy(
    state: NetworkState,
    request: LeaseRequest,
    readConfig: (text: string) => NetworkConfig,
    options: AbortOptions,
  ): Promise<Attempt | undefined> {
    if (state.config === undefined) return undefined
    const plan = this.#plan(readConfig(state.config), state, request)
    const attempt =
      plan.held === undefined
        ? await this.#create(plan, state, options)
        : await this.#extend(plan.held, plan.attributes, !isKnown(plan.held, request), options)
    if (attempt.lease !== undefined) {
      // One that stays, because the answer is lost or another wrote it, is given up the next time, or ends by itself.
      for (const record of plan.replaces) await this.#remove(record, options)
    }
    return attempt
  }

  #plan(config: NetworkConfig, state: NetworkState, request: LeaseRequest): Plan {
    const known = new Map<Lease, ValidRecord>()
    const taken: Lease[] = []
    const former = request.former && leaseKey(request.former)
    for (const record of state.records) {
      // Whoever wrote it over this node's lease must not move the node, with all of its pods, to another subnet.
      if (record.name === former && isNobodys(record)) continue
      if (record.lease !== undefined) known.set(record.lease, record)
      else if (record.subnets !== undefined) taken.push({ ...record.subnets, attributes: {} })
    }
    const leases = [...known.keys(), ...taken]
    const choice = choose({ config, leases, request }, this.#claimed(state))
    return {
      ...choice,
      held: choice.kept && known.get(choice.kept),
      replaces: choice.givenUp.flatMap((lease) => known.get(lease) ?? []),
    }
  }

  /** The subnets of nodes that are about to write their lease. */
  #claimed({ leases: { entries } }: NetworkState): readonly Lease[] {
    const since = this.#settings.clock.now() - CLAIM_MS
    const claimed: Lease[] = []
    for (const { key, storedAt, value } of entries.values()) {
      const ipv6Subnet = claimedSubnet(key)
      if (ipv6Subnet === undefined || value === undefined || storedAt < since) continue
      if (entries.get(value)?.value === undefined) claimed.push({ ipv6Subnet, attributes: {} })
    }
    return claimed
  }

  async #create({ subnets, attributes }: Plan, state: NetworkState, options: AbortOptions): Promise<Attempt> {
    const { layout, leases } = state
    const { subnet, ipv6Subnet } = subnets
    const key = recordKeyOf(subnets)
    const write = (name: string, value: string): Promise<WriteResult> =>
      this.#writes.write('ending', name, value, { expected: leases.entries.get(name)?.seq ?? 0 }, options)
    const remove = (name: string, { seq }: { readonly seq: number }): Promise<WriteResult> =>
      this.#writes.remove('ending', name, seq, options)
    const claim = subnet === undefined || ipv6Subnet === undefined ? undefined : claimKey(ipv6Subnet)
    const claimed = claim === undefined ? undefined : await write(claim, key)
    if (claimed !== undefined && claimed.type !== 'done') return { failed: claimed }
    const since = this.#settings.clock.now()
    const result = await write(key, encodeLeaseAttributes(attributes))
    if (result.type === 'done') {
      const { seq } = result
      const versions = versionsOf({ created: seq, seq }, false, layout)
      const lease = { ...subnets, attributes, expiresAt: since + layout.termMs, ...versions }
      const written = { lease, isReservation: false, messages: claim === undefined ? 1 : 2, seq }
      if ((await rivalOf(this.#reader, written, state, options)) === undefined) return { lease }
      await remove(key, result)
    }
    // If the lease may still come to be, the claim stays with it.
    if (claim !== undefined && claimed !== undefined && result.type !== 'unknown')
      await remove(claim, claimed)
    return { failed: result.type === 'done' ? { type: 'outdated' } : result }
  }

  /**
   * Extends a lease of this node, which writes its record; a reservation is written only if its attributes have changed.
   * @param rewrite writes it anyway
   */
  async #extend(
    { entry, lease, isReservation }: ValidRecord,
    attributes: LeaseAttributes,
    rewrite: boolean,
    options: AbortOptions,
  ): Promise<Attempt> {
    const text = encodeLeaseAttributes(attributes)
    if (isReservation && !rewrite && text === entry.value) return { lease: { ...lease, attributes } }
    const { termMs } = await this.#reader.layout(options)
    const since = this.#settings.clock.now()
    const based = { expected: entry.seq, created: entry.created }
    const result = await this.#writes.write(lifetimeOf(isReservation), entry.key, text, based, options)
    if (result.type !== 'done') return { failed: result }
    const expiresAt = isReservation ? undefined : since + termMs
    const version = (lease.version ?? 0) - entry.seq + result.seq
    return { lease: { ...lease, attributes, expiresAt, version } }
  }

  /** Deletes the claim of a lease that was deleted, as a courtesy: others would wait for it a while. */
  async #unclaim({ lease, entry }: ValidRecord, options: AbortOptions): Promise<void> {
    if (lease.subnet === undefined || lease.ipv6Subnet === undefined) return
    const claim = await this.#reader.readClaim(lease.ipv6Subnet, options)
    if (claim?.value === entry.key) await this.#writes.remove('ending', claim.key, claim.seq, options)
  }

  #remove({ entry, isReservation }: ValidRecord, options: AbortOptions): Promise<WriteResult> {
    return this.#writes.remove(lifetimeOf(isReservation), entry.key, entry.seq, options)
  }
}

/** Takes what others are about to take only if there is nothing else: a claim that never became a lease keeps nobody out. */
function choose(question: SubnetQuestion, claimed: readonly Lease[]): SubnetChoice {
  try {
    return chooseSubnets({ ...question, leases: [...question.leases, ...claimed] })
  } catch (error) {
    if (claimed.length === 0 || !isOverlayError(error, 'SUBNETS_EXHAUSTED')) throw error
    return chooseSubnets(question)
  }
}

const lifetimeOf = (isReservation: boolean): Lifetime => (isReservation ? 'permanent' : 'ending')

/** Whether the node knows the lease as its own. If not, another may hold it that goes by the same address. */
const isKnown = ({ lease }: ValidRecord, { previous }: LeaseRequest): boolean =>
  previous !== undefined && sameSubnets(lease, previous)

/** Whether a record names no node that could hold it. */
const isNobodys = ({ lease }: LeaseRecord): boolean =>
  lease === undefined || (lease.attributes.publicIp ?? lease.attributes.publicIpv6) === undefined

function lost(lease: Lease, record: LeaseRecord | undefined): OverlayError {
  return new OverlayError(
    'LEASE_LOST',
    `renewing lease ${leaseKey(lease)}: ${whyLost(lease, record)}; acquire again`,
  )
}

function whyLost(lease: Lease, record: LeaseRecord | undefined): string {
  if (record === undefined) return 'it has ended, or was deleted'
  return record.lease === undefined ? record.problem : whoHolds(lease, record.lease)
}
