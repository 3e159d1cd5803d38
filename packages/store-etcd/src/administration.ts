import {
  type AbortOptions,
  type Lease,
  type LeaseInventory,
  leaseKey,
  parseNetworkConfig,
  type SetConfigOptions,
} from '@selvedge/core'
import {
  configChanged,
  Retries,
  requireReservable,
  requireReservedFor,
  requireUnheld,
} from '@selvedge/core/kit'
import type { NetworkKeys } from './keys.js'
import { isReservation, NO_LEASE, type ValidRecord } from './lease-record.js'
import type { LeaseRequests, NetworkState } from './lease-requests.js'
import { LeaseView } from './lease-view.js'
import type { Settings } from './options.js'
import { createLease, deleteLease, replaceConfig, rewriteLease, type Transaction } from './transactions.js'

/** How many etcd leases are asked for their end at a time. */
const ENDS_AT_ONCE = 16

/** What an operator does to the network: see `SubnetAdministration`. */
export class NetworkAdministration {
  readonly #requests: LeaseRequests
  readonly #keys: NetworkKeys
  readonly #settings: Settings

  constructor(requests: LeaseRequests, keys: NetworkKeys, settings: Settings) {
    this.#requests = requests
    this.#keys = keys
    this.#settings = settings
  }

  async setNetworkConfig(config: string | object, { replaces, ...options }: SetConfigOptions): Promise<void> {
    // As text: that is what every node reads, and an object may be longer than any of them takes.
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    parseNetworkConfig(text)
    if (replaces === undefined) return await this.#requests.writeConfig(text, options)
    const { config: key } = this.#keys
    const txn = replaceConfig(this.#keys, replaces, text)
    const result = await this.#requests.commit(`writing the network config at ${key}`, txn, options)
    if (result.type === 'done') return
    // It may have run although its answer was lost.
    if (result.type === 'unknown' && (await this.#requests.readConfig(options)) !== text) throw result.error
    if (result.type === 'outdated') throw configChanged(`etcd key ${key}`)
  }

  async reserve({ subnet, ipv6Subnet, attributes }: Lease, options: AbortOptions): Promise<Lease> {
    const reservation: Lease = { subnet, ipv6Subnet, attributes }
    requireReservable(reservation)
    const attempted = `reserving ${leaseKey(reservation)}`
    const retries = new Retries(attempted, this.#settings, options)
    for (;;) {
      const state = await this.#requests.readAll(options)
      requireUnheld(reservation, leasesOf(state))
      const held = state.records.find(({ name }) => name === leaseKey(reservation))
      const txn = this.#reserving(reservation, held?.lease && held, state.position.revision)
      if (txn === undefined) return reservation
      const result = await this.#requests.commit(attempted, txn, options)
      if (result.type === 'done') {
        // The key hangs on it no more. If another key does, etcd keeps it.
        if (held !== undefined && held.kv.lease !== NO_LEASE)
          await this.#requests.drop(held.kv.lease, options)
        return reservation
      }
      await retries.next(result)
    }
  }

  async reservations(options: AbortOptions): Promise<readonly Lease[]> {
    return reservationsOf((await this.#requests.readAll(options)).records)
  }

  async cancelReservation(reservation: Lease, options: AbortOptions): Promise<void> {
    const attempted = `deleting the reservation ${leaseKey(reservation)}`
    const retries = new Retries(attempted, this.#settings, options)
    for (;;) {
      const record = await this.#requests.read(reservation, options)
      if (record === undefined || !requireReservedFor(reservation, record.lease, isReservation(record)))
        return
      const txn = deleteLease(this.#keys, record.kv, record.lease ?? reservation)
      const result = await this.#requests.commit(attempted, txn, options)
      if (result.type === 'done') return
      await retries.next(result)
    }
  }

  async inventory(options: AbortOptions): Promise<Required<LeaseInventory>> {
    const { records } = await this.#requests.readAll(options, { patient: false })
    const faults: Error[] = []
    const { leases } = new LeaseView(this.#keys, (error) => faults.push(error)).reset(records)
    const etcdLeases = new Map(records.map(({ name, kv }) => [name, kv.lease]))
    return {
      leases,
      reservations: reservationsOf(records),
      faults,
      ends: (some, asked = {}) => this.#ends(some, etcdLeases, asked),
    }
  }

  /** @param etcdLeases by the keys of the leases; several may be of one, as another program than flannel may write them */
  async #ends(
    leases: readonly Lease[],
    etcdLeases: ReadonlyMap<string, string>,
    options: AbortOptions,
  ): Promise<ReadonlyMap<string, number>> {
    const keys = leases.map(leaseKey)
    const idOf = (key: string): string => etcdLeases.get(key) ?? NO_LEASE
    const open = [...new Set(keys.map(idOf))].filter((id) => id !== NO_LEASE)
    const ends = new Map<string, number>()
    const ask = async (): Promise<void> => {
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        ends.set(id, (await this.#requests.endOf(id, options)) ?? this.#settings.clock.now())
      }
    }
    try {
      await Promise.all(Array.from({ length: ENDS_AT_ONCE }, ask))
    } finally {
      // Of one that fails, the others ask no further.
      open.length = 0
    }
    return new Map(
      keys.flatMap((key) => {
        const end = ends.get(idOf(key))
        return end === undefined ? [] : [[key, end] as const]
      }),
    )
  }

  /** Undefined if it is reserved already, with the same attributes. */
  #reserving(
    { subnet, ipv6Subnet, attributes }: Lease,
    held: ValidRecord | undefined,
    listedAt: bigint,
  ): Transaction | undefined {
    const subnets = { subnet, ipv6Subnet }
    if (held === undefined) {
      const lease = { subnets, attributes, etcdLease: NO_LEASE, listedAt, alone: true, replaces: [] }
      return createLease(this.#keys, lease)
    }
    return rewriteLease(this.#keys, { was: held.kv, subnets, attributes, etcdLease: NO_LEASE, replaces: [] })
  }
}

const reservationsOf = (records: NetworkState['records']): readonly Lease[] =>
  records.flatMap((record) => (record.lease !== undefined && isReservation(record) ? record.lease : []))

/** All leases, and what records that are not leases take from the pool. */
const leasesOf = ({ records }: NetworkState): readonly Lease[] =>
  records.flatMap((record) => {
    if (record.lease !== undefined) return record.lease
    return record.subnets === undefined ? [] : { ...record.subnets, attributes: {} }
  })
