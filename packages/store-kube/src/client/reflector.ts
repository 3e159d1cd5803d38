import { type Clock, isOverlayError, OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import { ApiError, isApiError, isGone } from './api-error.js'
import { type KubeApi, PROTOBUF_WATCH } from './kube-api.js'
import { currentVersion, type ListMode, listNodes, nodesPath } from './list-nodes.js'
import type { NodeDecoder, WatchMessage } from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { readWatch } from './node-streams.js'

export interface ReflectorOptions {
  readonly api: Pick<KubeApi, 'read' | 'stream'>
  readonly decoder: NodeDecoder
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** The name of the only Node to follow. Default: all Nodes. */
  readonly only?: string | undefined
  readonly firstList: ListMode
  /** How long the server may take to begin a watch, in ms. */
  readonly requestTimeoutMs: number
  /** How long a watch may be silent before it is restarted, in ms. */
  readonly watchIdleTimeoutMs: number
  readonly observer: ReflectorObserver
}

export interface ReflectorObserver {
  /** The server sent something, if only that nothing has changed. */
  heard(): void
  /** Something failed and is retried. */
  failed(error: OverlayError): void
  /** A list or a watch was requested. */
  requested(what: 'list' | 'watch'): void
  /** A watch was cut or fell silent after a while, and is restarted at once. */
  cut(error: OverlayError): void
}

export type NodeChange =
  | {
      readonly type: 'list'
      readonly nodes: readonly NodeRecord[]
      /** The cluster's history is another one, or has lost its end: what is missing may well be there still. */
      readonly historyWasLost?: boolean
    }
  | { readonly type: 'put' | 'delete'; readonly node: NodeRecord }

export type ReflectorEvent =
  | NodeChange
  /** The server is back after a reported failure, and no list is needed. */
  | { readonly type: 'resumed' }

const BACKOFF = { firstMs: 500, maxMs: 30_000 }

/** How long a watch lasts, in s: client-go's range. */
const WATCH_TIMEOUT = { minSeconds: 300, spreadSeconds: 300 }

/** A watch that ends sooner, in ms, is not restarted at once, but after a growing delay. */
const MIN_WATCH_MS = 1_000

/**
 * Follows the Nodes of a cluster as client-go's reflector does, and with the same care for the API server. Yields a
 * list first, and again whenever an event may have been missed. Ends when the signal aborts.
 *
 * - A list, then a watch from where it ended, for ever. One request at a time.
 * - A watch that ends is restarted where it stopped: each event and each bookmark says where that is. Nothing is listed
 *   again unless the server no longer holds that place (410), as after a restart or a compaction.
 * - Every watch lasts 5 to 10 minutes, drawn each time, so that the clients of a server that was restarted spread over
 *   all servers again.
 * - Before a watch is restarted the server is asked for its version. If that is older, as after etcd was wiped or restored
 *   from a backup, the server would keep the watch open, and send nothing until its versions have caught up. No failure
 *   need have been seen: a server that is back soon enough, or behind a balancer, only cuts the watch.
 * - A watch that is cut is not a failure: balancers cut idle connections after 20 to 60 s. It is restarted at once, unless
 *   it was open for less than a second.
 * - A watch that is silent for too long is restarted. That is not a failure either: if nothing happens a server sends no
 *   bookmark, and some send them only at a watch's end. Not starting the new watch is a failure.
 * - Failures are retried after a delay that doubles from half a second to 30 s, half of it random, or after what the
 *   server asks for, at most 30 s. A list after a 410 is delayed in the same way, because all nodes get a 410 at once.
 */
export async function* reflectNodes(
  options: ReflectorOptions,
): AsyncGenerator<ReflectorEvent, void, undefined> {
  const { signal, clock } = options
  const reflector = new Reflector(options)
  while (!signal.aborted) {
    try {
      yield* reflector.round()
    } catch (error) {
      if (signal.aborted) return
      await clock.sleep(reflector.failed(error), { signal }).catch(() => undefined)
    }
  }
}

/** A watch ended so soon that restarting it at once might become a loop. */
class ShortWatch extends OverlayError {
  constructor(cause: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super('STORE_UNAVAILABLE', `watches of nodes end as soon as they have begun${why}`, { cause })
  }
}

class Reflector {
  readonly #options: ReflectorOptions
  #listMode: ListMode
  /** The resource version to continue from; undefined if a list must come first. */
  #position: string | undefined
  /** The last version that the server sent. */
  #newest = ''
  /** Consecutive requests that were not answered. */
  #failures = 0
  /** Consecutive watches that ended too soon. */
  #shortWatches = 0
  /** Consecutive rounds that ended because the history was gone. */
  #losses = 0
  /** A failure has been reported, and no recovery since. */
  #isReported = false

  constructor(options: ReflectorOptions) {
    this.#options = options
    this.#listMode = options.firstList
  }

  /** A list if one is needed, then one watch to its end. */
  async *round(): AsyncGenerator<ReflectorEvent, void, undefined> {
    if (this.#position !== undefined) await this.#checkVersion()
    if (this.#position === undefined) yield await this.#list()
    yield* this.#watch()
  }

  /** Notes why a round failed, and reports it. Returns how long to wait before the next one, in ms. */
  failed(error: unknown): number {
    const { observer, random } = this.#options
    if (isGone(error)) this.#position = undefined
    // A short watch, and a history that is gone, are part of normal operation unless they repeat.
    const isExpected = isGone(error)
      ? this.#losses === 1
      : error instanceof ShortWatch && this.#shortWatches === 1
    if (!isExpected) {
      this.#isReported = true
      observer.failed(asOverlayError(error))
    }
    const repetitions = Math.max(1, this.#failures, this.#shortWatches, this.#losses)
    const requestedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    return Math.max(requestedMs, backoffDelay(repetitions, BACKOFF, random))
  }

  /** Forgets the position if the server has not come so far. */
  async #checkVersion(): Promise<void> {
    try {
      const version = await currentVersion(this.#options, this.#options.requestTimeoutMs)
      if (isBefore(version, this.#position ?? '')) this.#position = undefined
    } catch (error) {
      this.#failures += 1
      throw error
    }
  }

  async #list(): Promise<ReflectorEvent> {
    const { api, decoder, signal, only, observer } = this.#options
    try {
      const { nodes, resourceVersion } = await listNodes(this.#listMode, {
        api,
        decoder,
        signal,
        only,
        onRequest: () => observer.requested('list'),
        onAnswer: () => observer.heard(),
      })
      this.#failures = 0
      this.#isReported = false
      const historyWasLost = isBefore(resourceVersion, this.#newest)
      this.#continueFrom(resourceVersion)
      return historyWasLost ? { type: 'list', nodes, historyWasLost } : { type: 'list', nodes }
    } catch (error) {
      this.#failures += 1
      throw error
    }
  }

  async *#watch(): AsyncGenerator<ReflectorEvent, void, undefined> {
    const { clock, signal, observer } = this.#options
    let openedAt: number | undefined
    let failure: unknown
    try {
      for await (const message of this.#messages()) {
        observer.heard()
        if (message.type === 'OPENED') {
          openedAt = clock.monotonic()
          this.#failures = 0
          if (this.#isReported) yield { type: 'resumed' }
          this.#isReported = false
          continue
        }
        const version = message.type === 'BOOKMARK' ? message.resourceVersion : message.node.resourceVersion
        this.#checkHistory(version)
        if (message.type === 'ADDED' || message.type === 'MODIFIED') yield { type: 'put', node: message.node }
        if (message.type === 'DELETED') yield { type: 'delete', node: message.node }
        this.#continueFrom(version)
      }
    } catch (error) {
      failure = error
    }
    if (!signal.aborted) this.#ended(openedAt, failure)
  }

  /** Returns if the watch may be restarted at once. Throws if not. */
  #ended(openedAt: number | undefined, failure: unknown): void {
    const { clock, observer } = this.#options
    const isShort = openedAt === undefined || clock.monotonic() - openedAt < MIN_WATCH_MS
    if (!isShort) {
      this.#shortWatches = 0
      this.#losses = 0
    }
    if (isGone(failure)) this.#losses += 1
    else if (openedAt === undefined) this.#failures += 1
    else if (isShort) this.#shortWatches += 1
    if (openedAt === undefined || !isHarmless(failure)) throw failure
    if (isShort) throw new ShortWatch(failure)
    if (failure !== undefined) observer.cut(asOverlayError(failure))
  }

  /** The messages of one watch, after one that says that it is open. */
  #messages(): AsyncIterable<Exclude<WatchMessage, { type: 'ERROR' }> | { readonly type: 'OPENED' }> {
    const { api, decoder, signal, only, random, requestTimeoutMs, watchIdleTimeoutMs, observer } =
      this.#options
    const parameters = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_TIMEOUT.minSeconds + Math.floor(random() * WATCH_TIMEOUT.spreadSeconds)),
      resourceVersion: this.#position ?? '',
    }
    observer.requested('watch')
    return api.stream(
      {
        method: 'GET',
        path: nodesPath(parameters, only),
        accept: PROTOBUF_WATCH,
        signal,
        timeoutMs: requestTimeoutMs,
        limits: {
          idleTimeoutMs: watchIdleTimeoutMs,
          minBytesPerSecond: 0,
          maxBytes: Number.POSITIVE_INFINITY,
        },
      },
      async function* (chunks, fail) {
        yield { type: 'OPENED' } as const
        for await (const message of readWatch(chunks, decoder)) {
          if (message.type === 'ERROR') throw fail(message.status)
          yield message
        }
      },
    )
  }

  /** A version before the last one belongs to another history: no event covers what happened in between. */
  #checkHistory(version: string): void {
    if (!isBefore(version, this.#position ?? '')) return
    const message = `the history went back from ${this.#position} to ${version}, as after etcd was restored from a backup`
    throw new ApiError('watching nodes', { code: 410, reason: 'Expired', message })
  }

  /** From now on neither a watch nor a list may be older. */
  #continueFrom(resourceVersion: string): void {
    this.#position = resourceVersion
    this.#newest = resourceVersion
    this.#listMode = { type: 'cached', notBefore: resourceVersion }
  }
}

/** True if the watch ended, fell silent or was cut: not for an error of the server, nor for a message that makes no sense. */
const isHarmless = (failure: unknown): boolean =>
  failure === undefined || (isOverlayError(failure, 'STORE_UNAVAILABLE') && !isApiError(failure))

/** Resource versions are etcd's revisions: integers that only grow. Nothing is known of any other form. */
function isBefore(a: string, b: string): boolean {
  return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b)
}

const asOverlayError = (error: unknown): OverlayError =>
  OverlayError.from(error, 'STORE_UNAVAILABLE', 'following the nodes of Kubernetes')
