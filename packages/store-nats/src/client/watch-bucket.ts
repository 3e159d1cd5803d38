import { type Clock, isOverlayError, type OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { Bucket } from './bucket.js'
import type { BucketList } from './bucket-list.js'
import { BACKOFF, type Connection } from './connection.js'
import type { Delivery } from './delivery.js'
import type { Entry } from './entry.js'
import { isFailure, NatsFailure } from './errors.js'
import { KnownKeys } from './known-keys.js'
import type { Session } from './session.js'

/** The changes after a list are complete until the next list. */
export type BucketUpdate =
  | {
      readonly type: 'list'
      readonly entries: readonly Entry[]
      /** True if the bucket has lost its memory since the update before: it was deleted, made again, or purged. */
      readonly isReset: boolean
      /** How long it keeps a message that has no age limit of its own, in ms; 0 if for ever, or if there is no bucket. */
      readonly maxAgeMs: number
    }
  | { readonly type: 'changes'; readonly entries: readonly Entry[] }

export interface WatchBucketOptions {
  readonly signal: AbortSignal
  /** For messages: `watching the leases`. */
  readonly attempted: string
  /** Only these keys. Default: all. */
  readonly filter?: string | undefined
  /**
   * Called once, for a list to begin with, which the watch closes: there may be one that was opened moments ago. A function,
   * so that nothing keeps the list alive.
   */
  readonly takeList?: (() => BucketList | undefined) | undefined
  /** How long to list, in ms. */
  readonly listTimeoutMs: number
  /** Called with what is being retried. */
  readonly onError: (error: OverlayError) => void
  /** Called when the bucket is watched again after an error. */
  readonly onRecovered?: (() => void) | undefined
  /** Called when a watch is cut that had stood for a while: it is opened again at once. */
  readonly onCut?: ((error: OverlayError) => void) | undefined
  readonly clock: Clock
  readonly random: Random
}

/** A watch that breaks sooner has failed; one that is cut later is reopened without a pause. */
const MIN_WATCH_MS = 1_000

/**
 * How often a watch looks at the bucket itself, in ms: for each key, so that all watches of a network together ask the server
 * about a hundred times a second at most. A purge, and a key that ends by its age on servers before NATS 2.11, are told to
 * no watch.
 */
const LOOK_MS = { each: 10, min: 5_000 }

/** How often a key whose time is over is looked for until the server has dropped it, in ms. */
const EXPIRY_MS = 1_000

/**
 * Watches a bucket until the signal aborts, whatever happens to NATS.
 *
 * A watch that breaks is resumed after the last message that it delivered. It lists again if what it knows may have gaps: the
 * bucket is another one, it has fewer messages than before, or the watch was away for so long that the marks of deleted keys
 * may be gone too.
 */
export async function* watchBucket(
  connection: Connection,
  bucket: Bucket,
  options: WatchBucketOptions,
): AsyncGenerator<BucketUpdate, void, undefined> {
  const { signal, clock, random, attempted, onError, onRecovered, onCut } = options
  const known = new KnownKeys(clock)
  let failures = 0
  let isReported = false
  let missing: 'not made yet' | 'gone' | undefined
  while (!signal.aborted) {
    let openedAt: number | undefined
    try {
      const delivery = yield* begin(connection, bucket, known, options)
      missing = undefined
      openedAt = clock.monotonic()
      try {
        if (isReported) onRecovered?.()
        isReported = false
        yield* follow(connection, bucket, delivery, known, options)
      } finally {
        delivery.close()
      }
    } catch (error) {
      if (signal.aborted) return
      const isMissing = isFailure(error, 'no-stream')
      if (isMissing && missing === undefined) {
        missing = known.forget() ? 'gone' : 'not made yet'
        yield { type: 'list', entries: [], isReset: missing === 'gone', maxAgeMs: 0 }
      }
      const stood = openedAt !== undefined && clock.monotonic() - openedAt >= MIN_WATCH_MS
      if (stood) failures = 0
      if (error instanceof Lost) continue
      const failure = error instanceof NatsFailure ? connection.error(attempted, error.failure) : error
      if (stood && error instanceof NatsFailure && error.failure.kind === 'unavailable') {
        onCut?.(failure as OverlayError)
        continue
      }
      if (!isOverlayError(failure) || failure.code === 'CLOSED') throw failure
      if (!isMissing || missing === 'gone') {
        onError(failure)
        isReported = true
      }
      failures += 1
      // Rejects only if the signal aborts, which ends the loop.
      await clock.sleep(backoffDelay(failures, BACKOFF, random), { signal }).catch(() => {})
    }
  }
}

/** What is known of the bucket is not what it holds: it must be listed again. */
class Lost extends Error {}

interface OpenWatch {
  readonly delivery: Delivery
  /** Absent if the watch was resumed. */
  readonly list?: BucketUpdate
}

/**
 * Opens the watch, reports the list if there is one, and returns the delivery that follows. A generator of its own, so that
 * nothing keeps the list alive, which has many MB in a large network.
 */
async function* begin(
  connection: Connection,
  bucket: Bucket,
  known: KnownKeys,
  options: WatchBucketOptions,
): AsyncGenerator<BucketUpdate, Delivery, undefined> {
  const { delivery, list } = goOn(known, options) ?? (await openWatch(connection, bucket, known, options))
  let isTaken = list === undefined
  try {
    if (list !== undefined) yield list
    isTaken = true
    return delivery
  } finally {
    if (!isTaken) delivery.close()
  }
}

/** With the list that is there already; undefined if there is none. */
function goOn(known: KnownKeys, { takeList, clock }: WatchBucketOptions): OpenWatch | undefined {
  const list = takeList?.()
  if (list?.state === undefined) return undefined
  const entries = [...list.entries.values()]
  known.reset(list.state, entries, clock.monotonic() + list.serverClock)
  return {
    delivery: list.delivery,
    list: { type: 'list', entries, isReset: false, maxAgeMs: list.state.maxAgeMs },
  }
}

async function openWatch(
  connection: Connection,
  bucket: Bucket,
  known: KnownKeys,
  { attempted, signal, filter, listTimeoutMs: timeoutMs }: WatchBucketOptions,
): Promise<OpenWatch> {
  return connection.call({ attempted, signal, timeoutMs, once: true }, async (session, over) => {
    const state = await bucket.state(session)
    if (known.allows(state)) {
      const delivery = await bucket.deliver(session, { after: known.seq, filter }, over)
      known.resume(state, delivery.startedAt)
      return { delivery }
    }
    const isReset = known.contradicts(state)
    const { delivery, entries } = await bucket.list(session, { filter }, over)
    known.reset(state, entries, delivery.startedAt)
    return { delivery, list: { type: 'list', entries, isReset, maxAgeMs: state.maxAgeMs } }
  })
}

/** Yields what is delivered, and what the bucket dropped without a word. */
async function* follow(
  connection: Connection,
  bucket: Bucket,
  delivery: Delivery,
  known: KnownKeys,
  options: WatchBucketOptions,
): AsyncGenerator<BucketUpdate, void, undefined> {
  const { clock, random, signal, attempted } = options
  const jitter = 0.75 + random() / 2
  let lookedAt = clock.monotonic()
  while (!signal.aborted) {
    const lookDue = lookedAt + jitter * Math.max(LOOK_MS.min, LOOK_MS.each * known.size) - clock.monotonic()
    const pause = Math.max(0, Math.min(lookDue, Math.max(EXPIRY_MS * jitter, known.nextEndInMs)))
    const entries = await nextWithin(pause, delivery, clock, signal)
    if (signal.aborted) return
    if (entries.length > 0) {
      known.add(entries)
      yield { type: 'changes', entries }
      continue
    }
    const call = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
      connection.call({ attempted, signal, once: true }, work)
    if (clock.monotonic() >= lookedAt + lookDue) {
      const before = known.seq
      const state = await call((session) => bucket.state(session))
      lookedAt = clock.monotonic()
      known.touch()
      if (known.seq === before && known.lacks(state)) throw new Lost()
    }
    const ended = await call((session) => endedKeys(session, bucket, known))
    if (ended.length > 0) yield { type: 'changes', entries: ended }
  }
}

/** What comes within `ms`, or until the signal aborts. Nothing of it stays with the signal, nor with the delivery. */
async function nextWithin(
  ms: number,
  delivery: Delivery,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Entry[]> {
  const over = new AbortController()
  const stop = (): void => over.abort()
  signal.addEventListener('abort', stop)
  void clock.sleep(ms, { signal: over.signal }).then(stop, stop)
  try {
    return await delivery.next(over.signal)
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

/** Keys whose time is over, and that the server has dropped. */
async function endedKeys(session: Session, bucket: Bucket, known: KnownKeys): Promise<readonly Entry[]> {
  const ended: Entry[] = []
  const due = known.due()
  if (due.length === 0) return ended
  const state = await bucket.state(session)
  for (const { key, seq } of due) {
    const entry = await bucket.get(session, key, state)
    // A later one is on its way.
    if (entry !== undefined) continue
    known.drop(key)
    ended.push({ key, seq, storedAt: 0, value: undefined, created: seq, ttlMs: undefined })
  }
  return ended
}
