import { type AbortOptions, isOverlayError } from '@selvedge/core'
import type { Setback } from '@selvedge/core/kit'
import type { Layout } from './buckets.js'
import type { Bucket, WriteOptions } from './client/bucket.js'
import { isFailure } from './client/errors.js'
import type { Session } from './client/session.js'
import type { NetworkReader } from './network-reader.js'

/** Whether a key ends after the leases' term, or never. */
export type Lifetime = 'ending' | 'permanent'

/** What came of a write: the number of its message, if it was done. */
export type WriteResult = { readonly type: 'done'; readonly seq: number } | Setback

/** Writes that fail if another node has written the key since it was read. Each is sent at most once. */
export class ConditionalWrites {
  readonly #reader: NetworkReader

  constructor(reader: NetworkReader) {
    this.#reader = reader
  }

  write(
    lifetime: Lifetime,
    key: string,
    value: string,
    based: WriteOptions,
    options: AbortOptions,
  ): Promise<WriteResult> {
    return this.#once(`writing ${key}`, options, (session, layout) => {
      const ttlMs = lifetime === 'ending' && layout.hasTtlPerKey ? layout.termMs : undefined
      return bucketOf(layout, lifetime).write(session, key, value, { ...based, ttlMs })
    })
  }

  /** @param seq of the message that is deleted */
  remove(lifetime: Lifetime, key: string, seq: number, options: AbortOptions): Promise<WriteResult> {
    return this.#once(`deleting ${key}`, options, (session, layout) => {
      // The mark of a reservation stays: what has no end would come to light again once its mark had ended.
      const markMs = lifetime === 'ending' && layout.hasTtlPerKey ? layout.termMs : undefined
      return bucketOf(layout, lifetime).remove(session, key, seq, markMs)
    })
  }

  async #once(
    attempted: string,
    { signal }: AbortOptions,
    write: (session: Session, layout: Layout) => Promise<number>,
  ): Promise<WriteResult> {
    try {
      return { type: 'done', seq: await this.#reader.within({ attempted, signal, once: true }, write) }
    } catch (error) {
      if (isFailure(error, 'outdated')) return { type: 'outdated' }
      if (isOverlayError(error, 'STORE_UNAVAILABLE')) return { type: 'unknown', error }
      throw error
    }
  }
}

const bucketOf = ({ permanent, leases }: Layout, lifetime: Lifetime): Bucket =>
  lifetime === 'ending' ? leases : permanent
