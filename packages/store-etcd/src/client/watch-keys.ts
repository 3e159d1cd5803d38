import { type Clock, isOverlayError, type OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { IEvent, IKeyValue, IResponseHeader } from 'etcd3'
import type { KeyRange } from './api.js'
import { BACKOFF, type EtcdCluster } from './cluster.js'
import { EtcdFailure } from './errors.js'
import { type OpenWatch, openWatch } from './streams.js'

/** Of a deleted key, only `key` and `mod_revision` (that of the deletion) are filled in. */
export type KeyEvent = Pick<IEvent, 'type' | 'kv'>

/** `list`: every key of the range, after which nothing is missed until the next list. */
export type KeyNews =
  | { readonly type: 'list'; readonly keys: readonly IKeyValue[] }
  | { readonly type: 'events'; readonly events: readonly KeyEvent[] }

export interface FollowOptions {
  readonly signal: AbortSignal
  /** What the caller knows already; where absent, the range is listed first. */
  readonly after?: { readonly cluster: string; readonly revision: string } | undefined
  /** For messages: `watching the leases at /coreos.com/network/subnets/`. */
  readonly attempted: string
  /** Called with what is being retried. */
  readonly onError: (error: OverlayError) => void
  /** Called when the range is watched again after that. */
  readonly onRecovered?: (() => void) | undefined
  /** How long an endpoint has to answer a small request, and to list the range. */
  readonly timeoutsMs: { readonly request: number; readonly list: number }
  readonly clock: Clock
  readonly random: Random
}

/**
 * Follows a range of keys for as long as the signal lets it, whatever happens to etcd; ends when that aborts.
 *
 * A watch that breaks is resumed from the revision after the last one delivered. Before that one small read is made,
 * which finds out three things that a watch does not tell, or tells too late: whether the endpoint reaches its leader,
 * whether our token still counts (etcd3 renews it in such reads only), and whether this is still the same history: an
 * etcd that was restored from a backup is behind us, and would let us wait for its future in silence.
 *
 * The range is listed again where that history is gone: compacted past us, restored, or another cluster's.
 */
export async function* followKeys(
  cluster: EtcdCluster,
  range: KeyRange,
  options: FollowOptions,
): AsyncGenerator<KeyNews, void, undefined> {
  const { signal, after, attempted, onError, onRecovered, timeoutsMs, clock, random } = options
  // A generator of its own: the list, which may be large, does not outlive it.
  const list = async function* (): AsyncGenerator<KeyNews, Position, undefined> {
    const call = { attempted, signal, timeoutMs: timeoutsMs.list }
    const { header, kvs } = await cluster.call(call, (client, limits) => client.kv.range(range, limits))
    yield { type: 'list', keys: kvs }
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

  /** Where we are; undefined where we must list first. */
  let position: Position | undefined = after && { ...after, revision: BigInt(after.revision) }
  let failures = 0
  while (!signal.aborted) {
    try {
      if (failures > 0 && position !== undefined && !continues(await probe(), position)) position = undefined
      position ??= yield* list()
      const opened = await watch(String(position.revision + 1n))
      try {
        // What was missed, if anything was, follows at once: etcd brings its watches up to date ten times a second.
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
      // Rejects only where the signal aborts, which ends the loop.
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
