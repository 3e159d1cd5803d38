import { isOverlayError, type OverlayError } from '@selvedge/core'
import type { IKeyValue, IRangeRequest } from 'etcd3'
import type { KeyRange } from './api.js'
import type { EtcdCluster } from './cluster.js'
import { classify, EtcdFailure } from './errors.js'
import { allows, confirms, isBeyond, type Position, positionOf, type Witness, witnessOf } from './history.js'
import { allPages, readPage } from './pages.js'
import { type OpenWatch, openWatch } from './streams.js'

/** Every key of a range. */
export interface KeyList {
  readonly type: 'list'
  readonly keys: readonly IKeyValue[]
  /** True if etcd has lost its memory since the position before: its history is another, or the config is gone. */
  readonly isReset: boolean
}

export interface RangeReaderOptions {
  readonly signal: AbortSignal
  /** The key of the network config: it hardly ever changes, and shows whether the history is still the same. */
  readonly config: string
  /** For messages: `watching the leases at /coreos.com/network/subnets/`. */
  readonly attempted: string
  /** How long an endpoint has to answer a small request, and to list the range, in ms. */
  readonly timeoutsMs: { readonly request: number; readonly list: number }
}

/** The connection of a watch has ended, without a reason of etcd's own. */
export class WatchCut extends Error {
  readonly error: OverlayError

  constructor(error: OverlayError) {
    super(error.message, { cause: error })
    this.error = error
  }
}

function latestOf(keys: readonly IKeyValue[]): Witness | undefined {
  let latest: IKeyValue | undefined
  for (const kv of keys) {
    if (latest === undefined || BigInt(kv.mod_revision) > BigInt(latest.mod_revision)) latest = kv
  }
  return latest && witnessOf(latest.key, BigInt(latest.mod_revision), latest)
}

/** The requests that a watch of a range is made of. */
export class RangeReader {
  readonly #cluster: EtcdCluster
  readonly #range: KeyRange
  readonly #configKey: Buffer
  readonly #options: RangeReaderOptions

  constructor(cluster: EtcdCluster, range: KeyRange, options: RangeReaderOptions) {
    this.#cluster = cluster
    this.#range = range
    this.#configKey = Buffer.from(options.config)
    this.#options = options
  }

  /** Whether the store is in the same history as `known`, so that a watch from there misses nothing. */
  async isContinued(known: Position): Promise<boolean> {
    const { config, latest } = known.witnesses
    const witnesses = latest === undefined ? [config] : [config, latest]
    try {
      const then = await this.#read(witnesses.map(({ key, asOf }) => ({ key, revision: String(asOf) })))
      return (
        isBeyond(then.header, known) &&
        witnesses.every((witness, index) => confirms(witness, then.kvs[index]))
      )
    } catch (error) {
      // Compacted, or a revision that this history has not reached.
      if (!(error instanceof EtcdFailure)) throw error
    }
    const now = await this.#read(witnesses.map(({ key }) => ({ key })))
    return isBeyond(now.header, known) && witnesses.every((witness, index) => allows(witness, now.kvs[index]))
  }

  /**
   * Yields all keys, and returns their position. A generator of its own, so that nothing keeps the list, which may be
   * large, alive.
   *
   * @param known the last position before
   */
  async *list(known: Position | undefined): AsyncGenerator<KeyList, Position, undefined> {
    const { attempted, signal, timeoutsMs } = this.#options
    // Asked before it is listed: at its old revisions, a history shows best whether it is another.
    const isContinued = known === undefined || (await this.isContinued(known))
    const call = { attempted, signal, timeoutMs: timeoutsMs.list }
    const { page, limit } = await readPage((keys) => {
      const ranges = [{ key: this.#configKey }, { ...this.#range, limit: keys }]
      return this.#cluster.call(call, (client, limits) =>
        client.kv.txn({ compare: [], success: ranges.map((range) => ({ request_range: range })) }, limits),
      )
    })
    const { header, responses } = page
    const [configs, first] = responses.map(({ response_range }) => response_range)
    const read = (request: IRangeRequest) =>
      this.#cluster.call(call, (client, limits) => client.kv.range(request, limits))
    const config = configs?.kvs[0]
    const position = positionOf(header, this.#configKey, config)
    const keys =
      first === undefined ? [] : await allPages(this.#range, { page: first, limit }, header.revision, read)
    const latest = latestOf(keys)
    const hasLostConfig = config === undefined && known?.witnesses.config.kv !== undefined
    yield { type: 'list', keys, isReset: !isContinued || hasLostConfig }
    return { ...position, witnesses: { ...position.witnesses, latest } }
  }

  /** Resolves once etcd has created the watch. Its `next` throws a `WatchCut` if the connection ends. */
  watch(startRevision: string): Promise<OpenWatch> {
    const { attempted, signal, timeoutsMs } = this.#options
    const limits = { signal, timeoutMs: timeoutsMs.request }
    return this.#cluster.call({ attempted, ...limits }, async (client, _options, endpoint) => {
      const request = { ...this.#range, start_revision: startRevision }
      const { next, close } = await openWatch(client, request, limits)
      const failed = (thrown: unknown): never => {
        if (signal.aborted) throw thrown
        const { kind, said } = classify(thrown)
        const error = this.#cluster.streamError(attempted, endpoint, thrown)
        const isCut = kind === 'unavailable' && !said.includes('etcdserver')
        throw isCut && isOverlayError(error) ? new WatchCut(error) : error
      }
      return { next: () => next().catch(failed), close }
    })
  }

  /** Single keys, of the current or of an earlier revision, in one request. */
  async #read(keys: readonly { readonly key: Buffer; readonly revision?: string }[]) {
    const { attempted, signal, timeoutsMs } = this.#options
    const call = { attempted, signal, timeoutMs: timeoutsMs.request }
    const success = keys.map((request_range) => ({ request_range }))
    const { header, responses } = await this.#cluster.call(call, (client, limits) =>
      client.kv.txn({ compare: [], success }, limits),
    )
    return { header, kvs: responses.map(({ response_range }) => response_range.kvs[0]) }
  }
}
