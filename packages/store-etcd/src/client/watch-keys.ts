import { type Clock, isOverlayError, type OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { IEvent } from 'etcd3'
import type { KeyRange } from './api.js'
import { BACKOFF, type EtcdCluster } from './cluster.js'
import { EtcdFailure } from './errors.js'
import { type Position, witnessOf } from './history.js'
import { type KeyList, RangeReader, type RangeReaderOptions, WatchCut } from './range-reader.js'

/** Of a deleted key, only `key` and `mod_revision` (that of the deletion) are filled in. */
export type KeyEvent = Pick<IEvent, 'type' | 'kv'>

/** The events after a list are complete until the next list. */
export type KeyUpdate = KeyList | { readonly type: 'events'; readonly events: readonly KeyEvent[] }

export interface WatchKeysOptions extends RangeReaderOptions {
  /** What the caller has already read; without it the range is listed first. */
  readonly after?: Position | undefined
  /** Called with what is being retried. */
  readonly onError: (error: OverlayError) => void
  /** Called when the range is watched again after an error. */
  readonly onRecovered?: (() => void) | undefined
  /** Called when a watch is cut that had stood for a while: it is opened again at once. */
  readonly onCut?: ((error: OverlayError) => void) | undefined
  readonly clock: Clock
  readonly random: Random
}

/** A watch that breaks sooner has failed; one that is cut later is reopened without a pause, as balancers cut idle ones. */
const MIN_WATCH_MS = 1_000

/**
 * Watches a range of keys until the signal aborts, whatever happens to etcd.
 *
 * A watch that breaks is resumed from the revision after the last one delivered. One small read goes before it, to find
 * out what a watch reports late or not at all: whether the endpoint reaches its leader, whether the token is still valid
 * (etcd3 renews it only in such reads), and whether the history is still the same. An etcd that was restored from a
 * backup is behind us, and its watch would wait in silence until it has caught up.
 *
 * The range is listed again if that history is gone: compacted past our position, restored, or another cluster's.
 */
export async function* watchKeys(
  cluster: EtcdCluster,
  range: KeyRange,
  options: WatchKeysOptions,
): AsyncGenerator<KeyUpdate, void, undefined> {
  const { signal, after, clock, random, onError, onRecovered, onCut } = options
  const reader = new RangeReader(cluster, range, options)
  /** The last point in a history that we know. */
  let known = after
  /** False if the range must be listed before it is watched. */
  let isCurrent = after !== undefined
  let failures = 0
  let isReported = false
  let isFirst = true
  while (!signal.aborted) {
    let openedAt: number | undefined
    try {
      if (!isFirst && isCurrent && known !== undefined) isCurrent = await reader.isContinued(known)
      isFirst = false
      if (!isCurrent) known = yield* reader.list(known)
      if (known === undefined) throw new TypeError('a list has a position')
      isCurrent = true
      const watch = await reader.watch(String(known.revision + 1n))
      openedAt = clock.monotonic()
      try {
        let next = watch.next()
        if (isReported) {
          // What was missed follows at once: etcd brings its watches up to date ten times a second.
          next.catch(() => {})
          await Promise.race([next, clock.sleep(MIN_WATCH_MS, { signal })])
          onRecovered?.()
          isReported = false
        }
        while (!signal.aborted) {
          const events = await next
          const last = events.at(-1)
          if (last !== undefined) {
            known = positionAfter(known, last)
            yield { type: 'events', events }
          }
          next = watch.next()
        }
      } finally {
        watch.close()
      }
    } catch (error) {
      if (signal.aborted) return
      const stood = openedAt !== undefined && clock.monotonic() - openedAt >= MIN_WATCH_MS
      if (stood) failures = 0
      if (stood && error instanceof WatchCut) {
        onCut?.(error.error)
        continue
      }
      const failure = error instanceof WatchCut ? error.error : error
      if (failure instanceof EtcdFailure) isCurrent = false
      else if (!isOverlayError(failure) || failure.code === 'CLOSED') throw failure
      else {
        onError(failure)
        isReported = true
      }
      failures += 1
      // Rejects only if the signal aborts, which ends the loop.
      await clock.sleep(backoffDelay(failures, BACKOFF, random), { signal }).catch(() => {})
    }
  }
}

function positionAfter({ witnesses, ...known }: Position, { type, kv }: KeyEvent): Position {
  const revision = BigInt(kv.mod_revision)
  const latest = witnessOf(kv.key, revision, type === 'Put' ? kv : undefined)
  return { ...known, revision, witnesses: { ...witnesses, latest } }
}
