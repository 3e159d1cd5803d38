import { type Lease, type LeaseEvent, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { Layout } from './buckets.js'
import type { Bucket } from './client/bucket.js'
import type { Entry } from './client/entry.js'
import type { BucketUpdate } from './client/watch-bucket.js'
import { recordName } from './keys.js'
import { type BadRecord, readRecord } from './lease-record.js'

/** Turns updates of the buckets into lease events. A reservation hides the lease that ends under the same key. */
export class LeaseView {
  readonly #layout: Layout
  readonly #onError: (error: Error) => void
  readonly #parts: ReadonlyMap<Bucket, Part>
  /** Whether every bucket was listed, so that a snapshot was reported. */
  #isComplete = false

  constructor(layout: Layout, onError: (error: Error) => void) {
    this.#layout = layout
    this.#onError = onError
    // In the order in which they count.
    const buckets = layout.hasTtlPerKey ? [layout.permanent] : [layout.permanent, layout.leases]
    this.#parts = new Map(buckets.map((bucket) => [bucket, new Part(layout.termMs)]))
  }

  get buckets(): readonly Bucket[] {
    return [...this.#parts.keys()]
  }

  *apply(bucket: Bucket, update: BucketUpdate): Generator<LeaseEvent, void, undefined> {
    const part = this.#parts.get(bucket)
    if (part === undefined) throw new TypeError(`${bucket.name} is no bucket of this view`)
    if (update.type === 'changes') {
      for (const entry of update.entries) {
        const event = this.#change(bucket, part, entry)
        if (event !== undefined && this.#isComplete) yield event
      }
      return
    }
    // The numbers of messages start over.
    if (update.isReset) part.reported = 0
    part.leases.clear()
    part.isListed = true
    if (update.maxAgeMs > 0) part.termMs = update.maxAgeMs
    for (const entry of update.entries) this.#read(bucket, part, entry)
    this.#isComplete ||= [...this.#parts.values()].every(({ isListed }) => isListed)
    if (!this.#isComplete) return
    const leases = this.#leases()
    yield update.isReset ? { type: 'snapshot', leases, storeWasReset: true } : { type: 'snapshot', leases }
  }

  #change(bucket: Bucket, part: Part, entry: Entry): LeaseEvent | undefined {
    const name = recordName(entry.key)
    if (name === undefined) return undefined
    const before = this.#leaseOf(name)
    // What ended by its age was followed by another message meanwhile.
    if (entry.value === undefined && (part.leases.get(name)?.seq ?? 0) > entry.seq) return undefined
    this.#read(bucket, part, entry)
    const lease = this.#leaseOf(name)
    if (lease === before) return undefined
    if (lease !== undefined) return { type: 'put', lease }
    return before && { type: 'delete', lease: before }
  }

  #read(bucket: Bucket, part: Part, entry: Entry): void {
    const name = recordName(entry.key)
    if (name === undefined) return
    const { permanent, hasTtlPerKey } = this.#layout
    const record = readRecord(entry, bucket === permanent, { hasTtlPerKey, termMs: part.termMs })
    if (record?.lease !== undefined) part.leases.set(name, { lease: record.lease, seq: entry.seq })
    else part.leases.delete(name)
    if (record !== undefined && record.lease === undefined) this.#report(bucket, part, record)
  }

  #leaseOf(name: string): Lease | undefined {
    for (const { leases } of this.#parts.values()) {
      const known = leases.get(name)
      if (known !== undefined) return known.lease
    }
    return undefined
  }

  #leases(): readonly Lease[] {
    const byName = new Map<string, Lease>()
    for (const { leases } of [...this.#parts.values()].toReversed()) {
      for (const [name, { lease }] of leases) byName.set(name, lease)
    }
    return [...byName.values()]
  }

  #report(bucket: Bucket, part: Part, { entry, problem }: BadRecord): void {
    if (entry.seq <= part.reported) return
    part.reported = entry.seq
    const where = `key ${printable(entry.key)} of the bucket ${bucket.name}`
    this.#onError(new OverlayError('INVALID_LEASE', `${where}: ${problem}; correct or delete it`))
  }
}

/** What one bucket holds. */
class Part {
  readonly leases = new Map<string, { readonly lease: Lease; readonly seq: number }>()
  isListed = false
  /** The last bad record that was reported: each is reported once. */
  reported = 0
  /** How long a lease of the bucket lasts that does not say so itself, in ms. */
  termMs: number

  constructor(termMs: number) {
    this.termMs = termMs
  }
}
