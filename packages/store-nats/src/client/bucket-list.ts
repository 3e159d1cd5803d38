import type { Clock } from '@selvedge/core'
import { type Bucket, type BucketState, isMadeSince } from './bucket.js'
import type { Delivery } from './delivery.js'
import type { Entry } from './entry.js'
import type { Session } from './session.js'

/**
 * Every key's last message, and the delivery that brought them, which goes on: what has changed since then, and a watch, need
 * no further request. Whoever opened it closes it, or hands the delivery on.
 */
export class BucketList {
  readonly bucket: Bucket
  readonly delivery: Delivery
  /** Every key's last message, deletions too, in the order in which they were stored. */
  readonly entries = new Map<string, Entry>()
  /** What to add to this host's monotonic clock for the server's, in ms since the epoch. */
  readonly serverClock: number
  /** Nothing up to this message was missing when it was opened. */
  readonly listedSeq: number
  /** What has come since. */
  readonly #since: Entry[] = []
  #seq: number
  #state: BucketState | undefined

  /**
   * @param lastSeq of the bucket a moment ago; without it, the list may not know of one that is no key's last
   * @param over ends it if it aborts before this resolves
   */
  static async open(
    session: Session,
    bucket: Bucket,
    { lastSeq = 0, clock }: { readonly lastSeq?: number | undefined; readonly clock: Clock },
    over: AbortSignal,
  ): Promise<BucketList> {
    const { delivery, entries } = await bucket.list(session, {}, over)
    const serverClock = delivery.startedAt - clock.monotonic()
    return new BucketList(bucket, { lastSeq, delivery, entries, serverClock })
  }

  private constructor(
    bucket: Bucket,
    {
      lastSeq,
      delivery,
      entries,
      serverClock,
    }: Pick<BucketList, 'delivery' | 'serverClock'> & {
      readonly lastSeq: number
      readonly entries: readonly Entry[]
    },
  ) {
    this.bucket = bucket
    this.delivery = delivery
    this.serverClock = serverClock
    this.#seq = lastSeq
    for (const entry of entries) this.#take(entry)
    this.listedSeq = this.#seq
  }

  /**
   * The last message of each key that has changed since `listedSeq`, as soon as all up to `seq` have come; `entries` then has
   * them. Undefined if any is missing: the delivery has ended, has not brought it within `timeoutMs`, or has left it out, as
   * it was replaced.
   */
  async until(seq: number, timeoutMs: number): Promise<readonly Entry[] | undefined> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), timeoutMs)
    try {
      while (this.#seq < seq) {
        const entries = await this.delivery.next(late.signal)
        if (entries.length === 0) return undefined
        for (const entry of entries) {
          this.#take(entry)
          this.#since.push(entry)
        }
      }
    } catch {
      return undefined
    } finally {
      clearTimeout(timer)
    }
    if (this.#since.length < this.#seq - this.listedSeq) return undefined
    return [...new Map(this.#since.map((entry) => [entry.key, entry])).values()]
  }

  /**
   * Has the list be what the bucket holds, which said `state` a moment ago. False if it cannot be: it is of another bucket of
   * this name, its delivery has ended, or has not brought everything within `timeoutMs`.
   */
  async catchUp(state: BucketState, timeoutMs: number): Promise<boolean> {
    if (isMadeSince(this.delivery, state) || this.delivery.hasEnded) return false
    await this.until(state.lastSeq, timeoutMs)
    if (this.#seq < state.lastSeq) return false
    this.#state = state
    return true
  }

  /** What the bucket said when the list was what it holds; undefined if it was not asked. */
  get state(): BucketState | undefined {
    return this.#state
  }

  /** The last message that it has brought. */
  get seq(): number {
    return this.#seq
  }

  close(): void {
    this.delivery.close()
  }

  #take(entry: Entry): void {
    this.entries.delete(entry.key)
    this.entries.set(entry.key, entry)
    this.#seq = Math.max(this.#seq, entry.seq)
  }
}
