import {
  type AbortOptions,
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
  isHeldBy,
  Retries,
  type Setback,
  type SubnetChoice,
  sameNode,
  sameSubnets,
  whoHolds,
} from '@selvedge/core/kit'
import type { IKeyValue } from 'etcd3'
import type { NetworkKeys } from './keys.js'
import { isReservation, type LeaseRecord, NO_LEASE, type ValidRecord } from './lease-record.js'
import type { LeaseRequests, Leases, NetworkState } from './lease-requests.js'
import type { Settings } from './options.js'
import { PendingGrant } from './pending-grant.js'
import { createLease, deleteLease, encode, rewriteLease } from './transactions.js'

/** How often a lease with an IPv6 subnet is created on condition that no other node joins: see `NewLease.alone`. */
const MAX_ATTEMPTS_ALONE = 3

/**
 * How many other records of a node one transaction deletes: etcd's default is 128 comparisons, and as many operations. A
 * node has one; further ones are left, and reported, for the next time that it acquires a lease.
 */
const MAX_REPLACED = 100

interface Plan extends SubnetChoice {
  /** The record of `kept`. */
  readonly held: ValidRecord | undefined
  /** The keys of `givenUp`. */
  readonly replaces: readonly IKeyValue[]
  /** What is under the key of `subnets` and is nobody's lease; absent if there is nothing. */
  readonly overwrites: IKeyValue | undefined
}

export interface Acquired {
  readonly lease: Lease
  /** All leases, as they were when this one was chosen. */
  readonly listed: Leases
  /** Those of them that it replaced. */
  readonly deleted: readonly IKeyValue[]
}

type Attempt = { readonly lease: Lease } | { readonly lease?: undefined; readonly failed: Setback }

/**
 * Acquires, renews and releases leases. Each starts with a read, ends with a transaction on what was read, and starts
 * over if another node was faster. If the answer to a transaction is lost, that same read shows whether it ran.
 */
export class LeaseWriter {
  readonly #requests: LeaseRequests
  readonly #keys: NetworkKeys
  readonly #settings: Settings

  constructor(requests: LeaseRequests, keys: NetworkKeys, settings: Settings) {
    this.#requests = requests
    this.#keys = keys
    this.#settings = settings
  }

  /**
   * Three round trips for a new lease: list, grant, create. Undefined if there is no network config.
   *
   * @param readConfig parses the config's text
   */
  async acquire(
    request: LeaseRequest,
    readConfig: (text: string) => NetworkConfig,
    options: AbortOptions,
  ): Promise<Acquired | undefined> {
    const retries = new Retries(`leasing a subnet at ${this.#keys.leasesPath}`, this.#settings, options)
    const grant = new PendingGrant(this.#requests, options)
    try {
      for (;;) {
        const state = await this.#requests.readAll(options)
        if (state.config === undefined) return undefined
        const plan = this.#plan(readConfig(state.config), state, request)
        const { held, attributes, replaces } = plan
        if (held !== undefined) grant.keep(held.kv.lease)
        const attempt =
          held !== undefined
            ? await this.#extend(held, attributes, replaces, !isKnown(held, request), options)
            : await this.#create(
                plan,
                state.position.revision,
                retries.failed < MAX_ATTEMPTS_ALONE,
                grant,
                options,
              )
        if (attempt.lease !== undefined) return { lease: attempt.lease, listed: state, deleted: replaces }
        await retries.next(attempt.failed)
      }
    } finally {
      await grant.drop()
    }
  }

  async renew(lease: Lease, renewal: RenewOptions): Promise<Lease> {
    const { attributes = lease.attributes, rewrite = false, ...options } = renewal
    const retries = new Retries(`renewing lease ${leaseKey(lease)}`, this.#settings, options)
    for (;;) {
      const record = await this.#requests.read(lease, options)
      if (record?.lease === undefined || !isHeldBy(lease, attributes, record.lease)) throw lost(lease, record)
      const attempt = await this.#extend(record, attributes, [], rewrite, options)
      if (attempt.lease !== undefined) return attempt.lease
      await retries.next(attempt.failed)
    }
  }

  async release(lease: Lease, options: AbortOptions): Promise<void> {
    const attempted = `releasing lease ${leaseKey(lease)}`
    const retries = new Retries(attempted, this.#settings, options)
    for (;;) {
      const record = await this.#requests.read(lease, options)
      if (!isOwn(record, lease.attributes) || isReservation(record)) return
      const txn = deleteLease(this.#keys, record.kv, record.lease)
      const result = await this.#requests.commit(attempted, txn, options)
      if (result.type === 'done') {
        await this.#requests.drop(record.kv.lease, options)
        return
      }
      await retries.next(result)
    }
  }

  #plan(config: NetworkConfig, { records }: NetworkState, request: LeaseRequest): Plan {
    // The ends of other nodes' leases are unknown; what counts here is that they have one.
    const expiresAt = this.#settings.clock.now() + this.#settings.leaseTermMs
    const known = new Map<Lease, ValidRecord>()
    const taken: Lease[] = []
    const former = request.former && leaseKey(request.former)
    let broken: LeaseRecord | undefined
    for (const record of records) {
      if (record.name === former && isNobodys(record)) {
        // Whoever wrote it over this node's lease must not move the node, with all of its pods, to another subnet.
        broken = record
      } else if (record.lease !== undefined) {
        const { subnet, ipv6Subnet, attributes, created, version } = record.lease
        const lease = { subnet, ipv6Subnet, attributes, expiresAt, created, version }
        known.set(isReservation(record) ? record.lease : lease, record)
      } else if (record.subnets !== undefined) {
        taken.push({ ...record.subnets, attributes: {} })
      }
    }
    const choice = chooseSubnets({ config, leases: [...known.keys(), ...taken], request })
    return {
      ...choice,
      held: choice.kept && known.get(choice.kept),
      replaces: choice.givenUp.flatMap((lease) => known.get(lease)?.kv ?? []).slice(0, MAX_REPLACED),
      overwrites: broken?.name === leaseKey(choice.subnets) ? broken.kv : undefined,
    }
  }

  async #create(
    { subnets, attributes, replaces, overwrites }: Plan,
    listedAt: bigint,
    alone: boolean,
    grant: PendingGrant,
    options: AbortOptions,
  ): Promise<Attempt> {
    const { id: etcdLease, endsAt: expiresAt } = await grant.get()
    const lease = { subnets, attributes, etcdLease, listedAt, alone, replaces, overwrites }
    const txn = createLease(this.#keys, lease)
    const result = await this.#requests.commit(`creating lease ${leaseKey(subnets)}`, txn, options)
    if (result.type === 'unknown') grant.markUncertain()
    if (result.type !== 'done') return { failed: result }
    grant.keep(etcdLease)
    const { revision } = result
    return { lease: { ...subnets, attributes, expiresAt, created: revision, version: revision } }
  }

  /**
   * Extends a lease of this node, and writes its attributes if they have changed.
   * @param rewrite writes them anyway
   */
  async #extend(
    held: ValidRecord,
    attributes: LeaseAttributes,
    replaces: readonly IKeyValue[],
    rewrite: boolean,
    options: AbortOptions,
  ): Promise<Attempt> {
    const { kv, lease } = held
    const subnets = { subnet: lease.subnet, ipv6Subnet: lease.ipv6Subnet }
    const etcdLease = isReservation(held)
      ? { id: NO_LEASE }
      : ((await this.#requests.extend(kv.lease, options)) ?? (await this.#requests.grant(options)))
    const changed = !rewrite && encode(attributes).equals(kv.value) ? undefined : attributes
    let { version } = lease
    const rewritten = { was: kv, subnets, attributes: changed, etcdLease: etcdLease.id, replaces }
    const txn = rewriteLease(this.#keys, rewritten)
    if (txn !== undefined) {
      const result = await this.#requests.commit(`writing lease ${leaseKey(subnets)}`, txn, options)
      if (result.type !== 'done') {
        // If the result is unknown, our lease may be attached to it.
        if (result.type === 'outdated') await this.#dropUnless(kv.lease, etcdLease.id, options)
        return { failed: result }
      }
      await this.#dropUnless(etcdLease.id, kv.lease, options)
      // Without a write of the record itself, the transaction has only deleted others.
      if (changed !== undefined || etcdLease.id !== kv.lease) version = result.revision
    }
    return {
      lease: { ...subnets, attributes, expiresAt: etcdLease.endsAt, created: lease.created, version },
    }
  }

  /** Drops etcd lease `id`, unless it is the one in use. */
  async #dropUnless(inUse: string, id: string, options: AbortOptions): Promise<void> {
    if (id !== inUse && id !== NO_LEASE) await this.#requests.drop(id, options)
  }
}

/** Whether the node knows the lease as its own. If not, another may hold it that goes by the same address. */
const isKnown = ({ lease }: ValidRecord, { previous }: LeaseRequest): boolean =>
  previous !== undefined && sameSubnets(lease, previous)

/** Whether a record names no node that could hold it. */
const isNobodys = ({ lease }: LeaseRecord): boolean =>
  lease === undefined || (lease.attributes.publicIp ?? lease.attributes.publicIpv6) === undefined

function isOwn(record: LeaseRecord | undefined, attributes: LeaseAttributes): record is ValidRecord {
  return record?.lease !== undefined && sameNode(record.lease.attributes, attributes)
}

function lost(lease: Lease, record: LeaseRecord | undefined): OverlayError {
  return new OverlayError(
    'LEASE_LOST',
    `renewing lease ${leaseKey(lease)}: ${whyLost(lease, record)}; acquire again`,
  )
}

function whyLost(lease: Lease, record: LeaseRecord | undefined): string {
  if (record === undefined) return 'it has ended, or was deleted'
  if (record.lease === undefined) return record.problem
  return whoHolds(lease, record.lease)
}
