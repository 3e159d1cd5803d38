import { type AbortOptions, OverlayError } from '@selvedge/core'
import { unlessAborted } from '@selvedge/core/kit'
import { Bucket, type BucketState } from './client/bucket.js'
import type { Connection } from './client/connection.js'
import { classify, NatsFailure } from './client/errors.js'
import type { Session } from './client/session.js'
import type { Settings } from './options.js'

/**
 * Where a network's records are.
 *
 * From NATS 2.11 on, each key of a bucket can have an end of its own: one bucket holds everything, leases with an end, the
 * config and reservations without. Before, all keys of a bucket end at one age, and reservations would end with the leases:
 * so leases have a bucket of their own, whose age limit is their term.
 */
export interface Layout {
  /** The config and the reservations. */
  readonly permanent: Bucket
  /** Leases that end, and claims; the same as `permanent` if keys have ends of their own. */
  readonly leases: Bucket
  readonly hasTtlPerKey: boolean
  /** How long a lease lasts unless renewed, in ms. */
  readonly termMs: number
}

/**
 * How long the server keeps the mark of a key that ended, in ms, if keys have ends of their own: for those who were away. In a
 * bucket with a history, NATS lets no key end sooner than that, so that it is a term at most.
 */
const MARKER_TTL_MS = 3_600_000

/**
 * How many messages of one key the server keeps, NATS' maximum: a watch gets each change, unless the key was written this often
 * before the server came to send it. They end as leases do, so that nearly always there is one.
 */
const HISTORY = 64

/** How long what a bucket said counts as what it says, in ms. */
const RECENT_MS = 1_000

/** Finds the buckets of the network, and makes those that are missing for whoever is about to write. */
export class Buckets {
  readonly permanent: Bucket
  readonly #ending: Bucket
  readonly #connection: Connection
  readonly #settings: Settings
  #layout: Promise<Layout> | undefined
  /** Whether one was missing since they were last made: then each is looked for. */
  #lacked = false
  /** The last message of each when the layout was found, and when that was, on this host's monotonic clock. */
  readonly #found = new Map<Bucket, { readonly lastSeq: number; readonly at: number }>()

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection
    this.#settings = settings
    this.permanent = new Bucket(settings.bucket)
    this.#ending = new Bucket(`${settings.bucket}-leases`)
  }

  /** The layout, for whoever only reads: nothing is made. Undefined as long as there is nothing to read. */
  async find({ signal }: AbortOptions): Promise<Layout | undefined> {
    if (this.#layout !== undefined) return this.open({ signal })
    return this.#look((session) => this.#findIn(session), signal)
  }

  /**
   * What the bucket of the config says of itself, for whoever is about to read it; undefined if it is missing. If that of the
   * leases must be found anyway, what that one says does as well: it is made after the other.
   */
  async lookIn(session: Session): Promise<BucketState | undefined> {
    if (this.#layout !== undefined) return this.permanent.state(session)
    return (await this.#findIn(session))?.state
  }

  /** The same, for whoever is about to write: what is missing is made. */
  open({ signal }: AbortOptions): Promise<Layout> {
    // For all who ask meanwhile: none of them may abort it for the others.
    this.#layout ??= this.#look((session) => this.#layoutIn(session, 'make'), undefined).catch((error) => {
      this.#layout = undefined
      throw error
    })
    return signal === undefined ? this.#layout : unlessAborted(this.#layout, signal)
  }

  /** One of the buckets is gone: look again. */
  forget(): void {
    this.#layout = undefined
    this.#lacked = true
    this.#found.clear()
  }

  /** The last message of a bucket, if the bucket was looked at a moment ago. Only once: after that there may be others. */
  takeLastSeq(bucket: Bucket): number | undefined {
    const found = this.#found.get(bucket)
    this.#found.delete(bucket)
    const isRecent = found !== undefined && this.#settings.clock.monotonic() - found.at < RECENT_MS
    return isRecent ? found.lastSeq : undefined
  }

  async #look<T>(work: (session: Session) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const attempted = `opening the bucket ${this.#settings.bucket}`
    try {
      return await this.#connection.call({ attempted, signal }, work)
    } catch (error) {
      throw error instanceof NatsFailure ? this.#connection.error(attempted, error.failure) : error
    }
  }

  async #findIn(session: Session): Promise<FoundLayout | undefined> {
    const found = await this.#layoutIn(session, 'find')
    if (found?.isComplete === true) this.#layout ??= Promise.resolve(found)
    return found
  }

  #layoutIn(session: Session, missing: 'make'): Promise<FoundLayout>
  #layoutIn(session: Session, missing: 'find'): Promise<FoundLayout | undefined>
  async #layoutIn(session: Session, missing: 'make' | 'find'): Promise<FoundLayout | undefined> {
    const { permanent } = this
    const { leaseTermMs } = this.#settings
    const obtain = async (bucket: Bucket, maxAgeMs: number): Promise<BucketState | undefined> => {
      const state = await this.#stateOf(session, bucket)
      return state ?? (missing === 'make' ? this.#make(session, bucket, maxAgeMs) : undefined)
    }
    // Only a network with two buckets has this one: if it is there, a node that joins need not look at the other.
    let ending = session.hasTtlPerKey ? undefined : await this.#stateOf(session, this.#ending)
    let state = this.#lacked ? undefined : ending
    if (state === undefined) {
      state = await obtain(permanent, 0)
      if (state === undefined) return undefined
      if (state.hasTtlPerKey) {
        const one = { permanent, leases: permanent, hasTtlPerKey: true, termMs: leaseTermMs }
        return { ...one, isComplete: true, state }
      }
    }
    ending ??= await obtain(this.#ending, leaseTermMs)
    if (ending?.maxAgeMs === 0) throw neverEnds(this.#ending.name)
    if (missing === 'make') this.#lacked = false
    const termMs = ending?.maxAgeMs ?? leaseTermMs
    const isComplete = ending !== undefined
    return { permanent, leases: this.#ending, hasTtlPerKey: false, termMs, isComplete, state }
  }

  /** Undefined if there is no such bucket. */
  async #stateOf(session: Session, bucket: Bucket): Promise<BucketState | undefined> {
    try {
      const state = await bucket.state(session)
      this.#found.set(bucket, { lastSeq: state.lastSeq, at: this.#settings.clock.monotonic() })
      return state
    } catch (error) {
      if (classify(error).kind !== 'no-stream') throw error
      return undefined
    }
  }

  async #make(session: Session, bucket: Bucket, maxAgeMs: number): Promise<BucketState> {
    const { replicas, leaseTermMs } = this.#settings
    const ends = session.hasTtlPerKey
      ? { markerTTL: Math.min(MARKER_TTL_MS, leaseTermMs) }
      : { ttl: maxAgeMs }
    try {
      await session.kvm.create(bucket.name, {
        ...ends,
        replicas,
        history: HISTORY,
        allow_direct: false,
        description: 'leases of a selvedge network',
      })
    } catch (error) {
      // Another node was faster, with another term or number of replicas: its bucket counts.
      if (classify(error).kind !== 'exists') throw error
    }
    return bucket.state(session)
  }
}

interface FoundLayout extends Layout {
  /** Whether all of its buckets are there. */
  readonly isComplete: boolean
  /** What `permanent` says of itself, or a bucket that is made after it. */
  readonly state: BucketState
}

const neverEnds = (bucket: string): OverlayError =>
  new OverlayError(
    'INVALID_CONFIG',
    `opening the bucket ${bucket}: it has no age limit, and leases in it would never end; give it one: ` +
      `nats stream edit KV_${bucket} --max-age=24h`,
  )
