import { type Lease, type LeaseEvent, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { IKeyValue } from 'etcd3'
import type { KeyUpdate } from './client/watch-keys.js'
import type { NetworkKeys } from './keys.js'
import { type BadRecord, type LeaseRecord, readRecord } from './lease-record.js'

type LeaseSnapshot = Extract<LeaseEvent, { readonly type: 'snapshot' }>

/** Turns updates of keys into lease events. */
export class LeaseView {
  readonly #keys: NetworkKeys
  readonly #onError: (error: Error) => void
  #leases = new Map<string, Lease>()
  /**
   * The highest revision of a bad record that was reported. One is reported if its own is higher: it was written since. To remember each that was reported would take as much memory as there is garbage.
   */
  #seen = -1

  constructor(keys: NetworkKeys, onError: (error: Error) => void) {
    this.#keys = keys
    this.#onError = onError
  }

  /** Starts over from all records there are. */
  reset(records: readonly LeaseRecord[], storeWasReset = false): LeaseSnapshot {
    // Revisions start over with another history.
    if (storeWasReset) this.#seen = -1
    const leases = this.#replace(records)
    return storeWasReset ? { type: 'snapshot', leases, storeWasReset } : { type: 'snapshot', leases }
  }

  *apply(update: KeyUpdate): Generator<LeaseEvent, void, undefined> {
    if (update.type === 'list') {
      const records = update.keys.map((kv) => readRecord(kv, this.#keys))
      yield this.reset(records, update.isReset)
      return
    }
    // One transaction may write several records, all at one revision.
    const seen = this.#seen
    for (const { type, kv } of update.events) {
      const event = type === 'Put' ? this.#put(kv, seen) : this.#remove(this.#keys.nameOf(kv.key))
      if (event !== undefined) yield event
    }
  }

  #replace(records: readonly LeaseRecord[]): readonly Lease[] {
    const seen = this.#seen
    this.#leases = new Map()
    for (const record of records) {
      if (record.lease === undefined) this.#report(record, seen)
      else this.#leases.set(record.name, record.lease)
    }
    return [...this.#leases.values()]
  }

  #put(kv: IKeyValue, seen: number): LeaseEvent | undefined {
    const record = readRecord(kv, this.#keys)
    if (record.lease === undefined) {
      this.#report(record, seen)
      // Something else has overwritten the lease, if there was one.
      return this.#remove(record.name)
    }
    this.#leases.set(record.name, record.lease)
    return { type: 'put', lease: record.lease }
  }

  #remove(name: string): LeaseEvent | undefined {
    const lease = this.#leases.get(name)
    this.#leases.delete(name)
    return lease && { type: 'delete', lease }
  }

  /** @param seen the highest revision that was reported before this update */
  #report({ name, problem, kv }: BadRecord, seen: number): void {
    const revision = Number(kv.mod_revision)
    this.#seen = Math.max(this.#seen, revision)
    if (revision <= seen) return
    const where = `${this.#keys.leasesPath}${printable(name)}`
    this.#onError(new OverlayError('INVALID_LEASE', `etcd key ${where}: ${problem}; correct or delete it`))
  }
}
