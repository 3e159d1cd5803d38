import { type AbortOptions, type Lease, leaseKey, parseNetworkConfig } from '@selvedge/core'
import { requireReservable, requireUnheld } from '@selvedge/core/kit'
import type { NetworkKeys } from './keys.js'
import { isReservation, NO_LEASE, type ValidRecord } from './lease-record.js'
import type { LeaseRequests, NetworkState } from './lease-requests.js'
import type { Settings } from './options.js'
import { Retries } from './retries.js'
import { createLease, rewriteLease, type Transaction } from './transactions.js'

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

  async setNetworkConfig(config: string | object, options: AbortOptions): Promise<void> {
    // As text: that is what every node reads, and an object may be longer than any of them takes.
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    parseNetworkConfig(text)
    await this.#requests.writeConfig(text, options)
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
    const { records } = await this.#requests.readAll(options)
    return records.flatMap((record) =>
      record.lease !== undefined && isReservation(record) ? record.lease : [],
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

/** All leases, and what records that are not leases take from the pool. */
const leasesOf = ({ records }: NetworkState): readonly Lease[] =>
  records.flatMap((record) => {
    if (record.lease !== undefined) return record.lease
    return record.subnets === undefined ? [] : { ...record.subnets, attributes: {} }
  })
