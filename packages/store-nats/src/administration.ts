import {
  type AbortOptions,
  type Lease,
  leaseKey,
  parseNetworkConfig,
  type SetConfigOptions,
} from '@selvedge/core'
import {
  configChanged,
  encodeLeaseAttributes,
  Retries,
  requireReservable,
  requireReservedFor,
  requireUnheld,
} from '@selvedge/core/kit'
import type { ConditionalWrites, WriteResult } from './conditional-writes.js'
import { CONFIG_KEY, recordKeyOf, reservingKey } from './keys.js'
import { versionsOf } from './lease-record.js'
import { closeLists, type NetworkReader, type NetworkState } from './network-reader.js'
import type { Settings } from './options.js'
import { rivalOf } from './rivals.js'

/** What an operator does to the network: see `SubnetAdministration`. */
export class NetworkAdministration {
  readonly #reader: NetworkReader
  readonly #writes: ConditionalWrites
  readonly #settings: Settings

  constructor(reader: NetworkReader, writes: ConditionalWrites, settings: Settings) {
    this.#reader = reader
    this.#writes = writes
    this.#settings = settings
  }

  async setNetworkConfig(config: string | object, { replaces, signal }: SetConfigOptions): Promise<void> {
    // As text: that is what every node reads, and an object may be longer than any of them takes.
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    parseNetworkConfig(text)
    const attempted = 'writing the network config'
    if (replaces === undefined) {
      // Repeated until it is answered: it writes the same again.
      await this.#reader.within({ attempted, signal }, (session, { permanent }) =>
        permanent.write(session, CONFIG_KEY, text),
      )
      return
    }
    const changed = () => configChanged(`the bucket ${this.#settings.bucket}`)
    const entry = await this.#reader.readConfigEntry({ signal })
    if ((entry?.value ?? null) !== replaces) throw changed()
    const based = { expected: entry?.seq ?? 0 }
    const result = await this.#writes.write('permanent', CONFIG_KEY, text, based, { signal })
    if (result.type === 'outdated') throw changed()
    // It may have run although its answer was lost.
    if (result.type === 'unknown' && (await this.#reader.readConfig({ signal })) !== text) throw result.error
  }

  async reserve({ subnet, ipv6Subnet, attributes }: Lease, options: AbortOptions): Promise<Lease> {
    const reservation: Lease = { subnet, ipv6Subnet, attributes }
    requireReservable(reservation)
    const key = recordKeyOf(reservation)
    const text = encodeLeaseAttributes(attributes)
    const retries = new Retries(`reserving ${leaseKey(reservation)}`, this.#settings, options)
    for (;;) {
      const state = await this.#reader.readAll(options)
      try {
        requireUnheld(reservation, leasesOf(state))
        const held = state.records.find(({ name }) => name === leaseKey(reservation))
        if (held?.isReservation === true && held.entry.value === text) return reservation
        const entry = state.permanent.entries.get(key)
        const isRewritten = held !== undefined && held.entry.seq === entry?.seq
        const based = { expected: entry?.seq ?? 0, created: isRewritten ? entry?.created : undefined }
        const claimed = await this.#claim(reservation, state, options)
        const result =
          claimed.type === 'done' ? await this.#writes.write('permanent', key, text, based, options) : claimed
        if (result.type !== 'done') {
          await retries.next(result)
          continue
        }
        const { seq } = result
        const versions = versionsOf({ created: based.created ?? seq, seq }, true, state.layout)
        const written = { lease: { ...reservation, ...versions }, isReservation: true, messages: 1, seq }
        const rival = await rivalOf(this.#reader, written, state, options)
        if (rival === undefined) return reservation
        await this.#writes.remove('permanent', key, seq, options)
        requireUnheld(reservation, [rival.lease])
      } finally {
        closeLists(state)
      }
    }
  }

  /** Has nodes that join meanwhile look for the reservation, if they cannot see it where leases are: see `rivalOf`. */
  async #claim(
    reservation: Lease,
    { layout, leases }: NetworkState,
    options: AbortOptions,
  ): Promise<WriteResult> {
    const key = reservingKey(reservation)
    const seq = leases.entries.get(key)?.seq ?? 0
    if (layout.hasTtlPerKey) return { type: 'done', seq }
    return this.#writes.write('ending', key, recordKeyOf(reservation), { expected: seq }, options)
  }

  async reservations(options: AbortOptions): Promise<readonly Lease[]> {
    return (await this.#reader.readReservations(options)).flatMap(({ lease }) => lease ?? [])
  }

  async cancelReservation(reservation: Lease, options: AbortOptions): Promise<void> {
    const retries = new Retries(`deleting the reservation ${leaseKey(reservation)}`, this.#settings, options)
    for (;;) {
      const record = await this.#reader.read(reservation, options)
      if (record === undefined) return
      if (!requireReservedFor(reservation, record.lease, record.isReservation)) return
      const result = await this.#writes.remove('permanent', record.entry.key, record.entry.seq, options)
      if (result.type === 'done') return
      await retries.next(result)
    }
  }
}

/** All leases, and what records that are not leases take from the pool. */
const leasesOf = ({ records }: NetworkState): readonly Lease[] =>
  records.flatMap((record) => {
    if (record.lease !== undefined) return record.lease
    return record.subnets === undefined ? [] : { ...record.subnets, attributes: {} }
  })
