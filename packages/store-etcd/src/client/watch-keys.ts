import { type Clock, isOverlayError, type OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { IEvent, IKeyValue, IRangeRequest, IResponseHeader } from 'etcd3'
import type { KeyRange } from './api.js'
import { BACKOFF, type EtcdCluster } from './cluster.js'
import { EtcdFailure } from './errors.js'
import { allPages, PAGE_KEYS } from './pages.js'
import { type OpenWatch, openWatch } from './streams.js'

/** Of a deleted key, only `key` and `mod_revision` (that of the deletion) are filled in. */
export type KeyEvent = Pick<IEvent, 'type' | 'kv'>

/** `list`: every key of the range; the events that follow are complete until the next list. */
export type KeyUpdate =
  | { readonly type: 'list'; readonly keys: readonly IKeyValue[] }
  | { readonly type: 'events'; readonly events: readonly KeyEvent[] }

export interface WatchKeysOptions {
  readonly signal: AbortSignal
  /** What the caller has already read; without it the range is listed first. */
  readonly after?: { readonly cluster: string; readonly revision: string } | undefined
  /** For messages: `watching the leases at /coreos.com/network/subnets/`. */
  readonly attempted: string
  /** Called with what is being retried. */
  readonly onError: (error: OverlayError) => void
  /** Called when the range is watched again after an error. */
  readonly onRecovered?: (() => void) | undefined
  /** How long an endpoint has to answer a small request, and to list the range, in ms. */
  readonly timeoutsMs: { readonly request: number; readonly list: number }
  readonly clock: Clock
  readonly random: Random
}

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
  const { signal, after, attempted, onError, onRecovered, timeoutsMs, clock, random } = options
  // A generator of its own, so that nothing keeps the list, which may be large, alive.
  const list = async function* (): AsyncGenerator<KeyUpdate, Position, undefined> {
    const call = { attempted, signal, timeoutMs: timeoutsMs.list }
    const read = (request: IRangeRequest) =>
      cluster.call(call, (client, limits) => client.kv.range(request, limits))
    const first = await read({ ...range, limit: PAGE_KEYS })
    const { header } = first
    yield { type: 'list', keys: await allPages(range, first, header.revision, read) }
    return { cluster: header.cluster_id, revision: BigInt(header.revision) }
  }
  const probe = async () => {
    const call = { attempted, signal, timeoutMs: timeoutsMs.request }
    const { header } = await cluster.call(call, (client, limits) =>
      client.kv.range({ ...range, limit: 1 }, limits),
    )
    return header
  }
  const watch = async (start_revision: string): Promise<OpenWatch> => {
    const limits = { signal, timeoutMs: timeoutsMs.request }
    return cluster.call({ attempted, ...limits }, async (client, _options, endpoint) => {
      const { next, close } = await openWatch(client, { ...range, start_revision }, limits)
      const failed = (error: unknown) => {
        throw signal.aborted ? error : cluster.streamError(attempted, endpoint, error)
      }
      return { next: () => next().catch(failed), close }
    })
  }

  /** Where we are; undefined if we must list first. */
  let position: Position | undefined = after && { ...after, revision: BigInt(after.revision) }
  let failures = 0
  while (!signal.aborted) {
    try {
      if (failures > 0 && position !== undefined && !continues(await probe(), position)) position = undefined
      position ??= yield* list()
      const opened = await watch(String(position.revision + 1n))
      try {
        // What was missed follows at once: etcd brings its watches up to date ten times a second.
        if (failures > 0) onRecovered?.()
        failures = 0
        while (!signal.aborted) {
          const events = await opened.next()
          const last = events.at(-1)
          if (last === undefined) continue
          position = { ...position, revision: BigInt(last.kv.mod_revision) }
          yield { type: 'events', events }
        }
      } finally {
        opened.close()
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof EtcdFailure) position = undefined
      else if (!isOverlayError(error) || error.code === 'CLOSED') throw error
      else onError(error)
      failures += 1
      // Rejects only if the signal aborts, which ends the loop.
      await clock.sleep(backoffDelay(failures, BACKOFF, random), { signal }).catch(() => {})
    }
  }
}

interface Position {
  readonly cluster: string
  /** Of the last change delivered. */
  readonly revision: bigint
}

const continues = ({ cluster_id, revision }: IResponseHeader, position: Position): boolean =>
  cluster_id === position.cluster && BigInt(revision) >= position.revision
