import { type Lease, type LeaseEvent, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { IKeyValue } from 'etcd3'
import type { KeyUpdate } from './client/watch-keys.js'
import type { NetworkKeys } from './keys.js'
import { type BadRecord, type LeaseRecord, readRecord } from './lease-record.js'

/** Turns updates of keys into lease events. */
export class LeaseView {
  readonly #keys: NetworkKeys
  readonly #onError: (error: Error) => void
  #leases = new Map<string, Lease>()
  /** The revision at which each bad record was reported. */
  #reported = new Map<string, string>()

  constructor(keys: NetworkKeys, onError: (error: Error) => void) {
    this.#keys = keys
    this.#onError = onError
  }

  /** Starts over from all records there are. */
  reset(records: readonly LeaseRecord[], storeWasReset = false): LeaseEvent {
    const leases = this.#replace(records)
    return storeWasReset ? { type: 'snapshot', leases, storeWasReset } : { type: 'snapshot', leases }
  }

  *apply(update: KeyUpdate): Generator<LeaseEvent, void, undefined> {
    if (update.type === 'list') {
      const records = update.keys.map((kv) => readRecord(kv, this.#keys))
      yield this.reset(records, update.isReset)
      return
    }
    for (const { type, kv } of update.events) {
      const event = type === 'Put' ? this.#put(kv) : this.#delete(kv)
      if (event !== undefined) yield event
    }
  }

  #replace(records: readonly LeaseRecord[]): readonly Lease[] {
    const reported = this.#reported
    this.#leases = new Map()
    this.#reported = new Map()
    for (const record of records) {
      if (record.lease === undefined) this.#report(record, reported)
      else this.#leases.set(record.name, record.lease)
    }
    return [...this.#leases.values()]
  }

  #put(kv: IKeyValue): LeaseEvent | undefined {
    const record = readRecord(kv, this.#keys)
    if (record.lease === undefined) {
      this.#report(record, this.#reported)
      // Something else has overwritten the lease, if there was one.
      return this.#remove(record.name)
    }
    this.#reported.delete(record.name)
    this.#leases.set(record.name, record.lease)
    return { type: 'put', lease: record.lease }
  }

  #delete(kv: IKeyValue): LeaseEvent | undefined {
    const name = this.#keys.nameOf(kv.key)
    this.#reported.delete(name)
    return this.#remove(name)
  }

  #remove(name: string): LeaseEvent | undefined {
    const lease = this.#leases.get(name)
    this.#leases.delete(name)
    return lease && { type: 'delete', lease }
  }

  #report({ name, problem, kv }: BadRecord, reported: ReadonlyMap<string, string>): void {
    const already = reported.get(name) === kv.mod_revision
    this.#reported.set(name, kv.mod_revision)
    if (already) return
    const where = `${this.#keys.leasesPath}${printable(name)}`
    this.#onError(new OverlayError('INVALID_LEASE', `etcd key ${where}: ${problem}; correct or delete it`))
  }
}
