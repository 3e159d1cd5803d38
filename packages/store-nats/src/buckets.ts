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

/** How long the server keeps the mark of a key that ended, in ms, if keys have ends of their own: for those who were away. */
export const MARKER_TTL_MS = 3_600_000

/**
 * How many messages of one key the server keeps, NATS' maximum, if keys have no ends of their own: a watch gets each change,
 * unless the key was written this often before the server came to send it. They end with the leases' age, so that nearly
 * always there is one. If keys have ends of their own it is one: with more, NATS lets none end before its marks do.
 */
const HISTORY = 64

/** How long what a bucket said counts as what it says, in ms. */
const RECENT_MS = 1_000

/** Finds the buckets of the network, and makes those that are missing. */
export class Buckets {
  readonly permanent: Bucket
  readonly #ending: Bucket
  readonly #connection: Connection
  readonly #settings: Settings
  #layout: Promise<Layout> | undefined
  /** What the buckets said when the layout was found, and when that was, on this host's monotonic clock. */
  readonly #found = new Map<Bucket, { readonly state: BucketState; readonly at: number }>()

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection
    this.#settings = settings
    this.permanent = new Bucket(settings.bucket)
    this.#ending = new Bucket(`${settings.bucket}-leases`)
  }

  /** The layout as it was found, or as it is found now. */
  layout({ signal }: AbortOptions): Promise<Layout> {
    // For all who ask meanwhile: none of them may abort it for the others.
    this.#layout ??= this.#open().catch((error) => {
      this.#layout = undefined
      throw error
    })
    return signal === undefined ? this.#layout : unlessAborted(this.#layout, signal)
  }

  /** One of the buckets is gone: look again, and make it again. */
  forget(): void {
    this.#layout = undefined
    this.#found.clear()
  }

  /** What a bucket says of itself; it is not asked again right after the layout was found. */
  async state(session: Session, bucket: Bucket): Promise<BucketState> {
    const found = this.#found.get(bucket)
    this.#found.delete(bucket)
    const isRecent = found !== undefined && this.#settings.clock.monotonic() - found.at < RECENT_MS
    return isRecent ? found.state : bucket.state(session)
  }

  async #open(): Promise<Layout> {
    const { bucket, leaseTermMs } = this.#settings
    const attempted = `opening the bucket ${bucket}`
    try {
      return await this.#connection.call({ attempted }, async (session) => {
        const { hasTtlPerKey } = await this.#openOrMake(session, this.permanent, 0)
        if (hasTtlPerKey) {
          return { permanent: this.permanent, leases: this.permanent, hasTtlPerKey, termMs: leaseTermMs }
        }
        const { maxAgeMs } = await this.#openOrMake(session, this.#ending, leaseTermMs)
        if (maxAgeMs === 0) throw neverEnds(this.#ending.name)
        return { permanent: this.permanent, leases: this.#ending, hasTtlPerKey, termMs: maxAgeMs }
      })
    } catch (error) {
      throw error instanceof NatsFailure ? this.#connection.error(attempted, error.failure) : error
    }
  }

  async #openOrMake(session: Session, bucket: Bucket, maxAgeMs: number): Promise<BucketState> {
    try {
      const state = await bucket.state(session)
      this.#found.set(bucket, { state, at: this.#settings.clock.monotonic() })
      return state
    } catch (error) {
      if (classify(error).kind !== 'no-stream') throw error
    }
    const { replicas } = this.#settings
    const common = {
      replicas,
      allow_direct: false,
      description: 'leases of a selvedge network',
    }
    const kind = session.hasTtlPerKey
      ? { history: 1, markerTTL: MARKER_TTL_MS }
      : { history: HISTORY, ttl: maxAgeMs }
    try {
      await session.kvm.create(bucket.name, { ...common, ...kind })
    } catch (error) {
      // Another node was faster, with another term or number of replicas: its bucket counts.
      if (classify(error).kind !== 'exists') throw error
    }
    return bucket.state(session)
  }
}

const neverEnds = (bucket: string): OverlayError =>
  new OverlayError(
    'INVALID_CONFIG',
    `opening the bucket ${bucket}: it has no age limit, and leases in it would never end; give it one: ` +
      `nats stream edit KV_${bucket} --max-age=24h`,
  )
