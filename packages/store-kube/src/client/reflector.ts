import { type Clock, OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import { ApiError, isGone } from './api-error.js'
import { type KubeApi, PROTOBUF, PROTOBUF_WATCH } from './kube-api.js'
import type { ListMeta, NodeDecoder, WatchMessage } from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { readNodeList, readWatch } from './node-streams.js'
import { isIdleTimeout } from './response.js'

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

/**
 * `quorum`: what etcd holds now. `cached`: from the memory of whichever API server answers, which is what every kubelet
 * and kube-proxy reads; it lags behind etcd by milliseconds, but not behind `notBefore`, a resource version that this
 * node has seen.
 */
export type ListMode =
  | { readonly type: 'quorum' }
  | { readonly type: 'cached'; readonly notBefore?: string | undefined }

export interface ReflectorObserver {
  /** The server sent something, if only that nothing has changed. */
  heard(): void
  /** Something failed and is retried. */
  failed(error: OverlayError): void
  /** A list or a watch was requested. */
  requested(what: 'list' | 'watch'): void
}

export type NodeChange =
  | { readonly type: 'list'; readonly nodes: readonly NodeRecord[] }
  | { readonly type: 'put' | 'delete'; readonly node: NodeRecord }

export type ReflectorEvent =
  | NodeChange
  /** The server is back after a reported failure, and no list is needed. */
  | { readonly type: 'resumed' }

const NODES = '/api/v1/nodes'

/** How many Nodes to request at a time: client-go's page size. */
const PAGE_SIZE = 500

const BACKOFF = { firstMs: 500, maxMs: 30_000 }

/** How long a watch lasts, in s: client-go's range. */
const WATCH_TIMEOUT = { minSeconds: 300, spreadSeconds: 300 }

/** How long a list may be silent, in ms: the API server itself gives up after this long (`--request-timeout`). */
const LIST_TIMEOUT_MS = 60_000

/** A watch that ends sooner, in ms, and without an event, counts as a failure: it would be restarted in a loop. */
const MIN_WATCH_MS = 1_000

/**
 * Follows the Nodes of a cluster as client-go's reflector does, and with the same care for the API server. Yields a
 * list first, and again whenever an event may have been missed. Ends when the signal aborts.
 *
 * - A list, then a watch from where it ended, for ever. One request at a time.
 * - A watch that ends is restarted where it stopped: each event and each bookmark says where that is. Nothing is listed
 *   again unless the server no longer holds that place (410), as after a restart or a compaction.
 * - Lists come from the server's memory, and in pages if it reads etcd for them. They are decoded as they arrive, because
 *   the list of a large cluster is larger than this process should be.
 * - Every watch lasts 5 to 10 minutes, drawn each time, so that the clients of a server that was restarted spread over
 *   all servers again.
 * - Failures are retried after a delay that doubles from half a second to 30 s, half of it random, or after what the
 *   server asks for. A list after a 410 is delayed in the same way, because all nodes get a 410 at once.
 * - A watch that is silent for too long is restarted where it stopped. That is not a failure: if nothing happens a
 *   server sends no bookmark either, and some send them only at a watch's end. Not starting the new watch is a failure.
 */
export async function* reflectNodes(
  options: ReflectorOptions,
): AsyncGenerator<ReflectorEvent, void, undefined> {
  const { signal, clock, random, observer } = options
  const reflector = new Reflector(options)
  while (!signal.aborted) {
    try {
      yield* reflector.round()
    } catch (error) {
      if (signal.aborted) return
      const inARow = reflector.failed(error)
      // A place that the server no longer holds is part of normal operation, unless it happens repeatedly.
      if (!isGone(error) || inARow > 1) observer.failed(asOverlayError(error))
      const requestedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
      const delayMs = Math.max(requestedMs, backoffDelay(inARow, BACKOFF, random))
      await clock.sleep(delayMs, { signal }).catch(() => undefined)
    }
  }
}

class Reflector {
  readonly #options: ReflectorOptions
  #listMode: ListMode
  /** The resource version to continue from; undefined if a list must come first. */
  #position: string | undefined
  /** Consecutive rounds that failed, and that ended because the history was gone. */
  #failures = 0
  #losses = 0

  constructor(options: ReflectorOptions) {
    this.#options = options
    this.#listMode = options.firstList
  }

  /** Notes a failed round. Returns how many of its kind there were in a row. */
  failed(error: unknown): number {
    this.#failures += 1
    if (!isGone(error)) return this.#failures
    // The server is back: its absence until now is no reason to wait.
    this.#failures = 0
    this.#position = undefined
    this.#losses += 1
    return this.#losses
  }

  /** A list if one is needed, then one watch to its end. */
  async *round(): AsyncGenerator<ReflectorEvent, void, undefined> {
    const { clock } = this.#options
    let resumed = this.#failures > 0
    if (this.#position === undefined) {
      const nodes = await this.#list()
      resumed = false
      yield { type: 'list', nodes }
    }
    const start = clock.monotonic()
    let received = false
    for await (const message of this.#watch()) {
      if (message.type !== 'OPENED') {
        received = true
        this.#succeeded()
      } else if (resumed) {
        yield { type: 'resumed' }
      }
      if (message.type === 'ADDED' || message.type === 'MODIFIED') yield { type: 'put', node: message.node }
      if (message.type === 'DELETED') yield { type: 'delete', node: message.node }
    }
    if (!received && clock.monotonic() - start < MIN_WATCH_MS) {
      throw new OverlayError('STORE_UNAVAILABLE', 'the API server ended a watch of nodes as soon as it began')
    }
    this.#succeeded()
  }

  #succeeded(): void {
    this.#failures = 0
    this.#losses = 0
  }

  async #list(): Promise<readonly NodeRecord[]> {
    try {
      return await this.#listBy(this.#listMode)
    } catch (error) {
      // The server does not hold what was asked for: it is too old (410), or newer than its memory (504).
      if (this.#listMode.type === 'quorum' || !(isGone(error) || isTooFarAhead(error))) throw error
      return await this.#listBy({ type: 'quorum' })
    }
  }

  async #listBy(mode: ListMode): Promise<readonly NodeRecord[]> {
    const { api, decoder, signal, observer } = this.#options
    const nodes: NodeRecord[] = []
    let meta: ListMeta = { resourceVersion: '', continue: '' }
    do {
      observer.requested('list')
      const path = this.#path(meta.continue === '' ? listParameters(mode) : nextPage(meta.continue))
      meta = await api.read(
        { method: 'GET', path, accept: PROTOBUF, signal, timeoutMs: LIST_TIMEOUT_MS },
        (chunks) => readNodeList(chunks, decoder, (node) => nodes.push(node)),
      )
      observer.heard()
    } while (meta.continue !== '')
    this.#continueFrom(meta.resourceVersion)
    return nodes
  }

  async *#watch(): AsyncGenerator<WatchMessage | { readonly type: 'OPENED' }, void, undefined> {
    const { api, decoder, signal, random, requestTimeoutMs, watchIdleTimeoutMs, observer } = this.#options
    const path = this.#path({
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_TIMEOUT.minSeconds + Math.floor(random() * WATCH_TIMEOUT.spreadSeconds)),
      resourceVersion: this.#position ?? '',
    })
    observer.requested('watch')
    const messages = api.stream(
      {
        method: 'GET',
        path,
        accept: PROTOBUF_WATCH,
        signal,
        timeoutMs: requestTimeoutMs,
        idleTimeoutMs: watchIdleTimeoutMs,
      },
      async function* (chunks) {
        yield { type: 'OPENED' } as const
        yield* readWatch(chunks, decoder)
      },
    )
    let opened = false
    try {
      for await (const message of messages) {
        opened = true
        observer.heard()
        if (message.type === 'ERROR') throw new ApiError('watching nodes', message.status)
        const version = versionOf(message)
        if (version !== undefined) this.#checkHistory(version)
        yield message
        if (version !== undefined) this.#continueFrom(version)
      }
    } catch (error) {
      if (!opened || !isIdleTimeout(error)) throw error
    }
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
    this.#listMode = { type: 'cached', notBefore: resourceVersion }
  }

  #path(parameters: Readonly<Record<string, string>>): string {
    const { only } = this.#options
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(parameters)) if (value !== '') query.set(name, value)
    if (only !== undefined) query.set('fieldSelector', `metadata.name=${only}`)
    return `${NODES}?${query}`
  }
}

/** With a limit, a server reads etcd for a list that must not be older than a version. For version 0 it ignores it. */
function listParameters(mode: ListMode): Readonly<Record<string, string>> {
  if (mode.type === 'quorum') return { limit: String(PAGE_SIZE) }
  if (mode.notBefore === undefined) return { limit: String(PAGE_SIZE), resourceVersion: '0' }
  return { resourceVersion: mode.notBefore, resourceVersionMatch: 'NotOlderThan' }
}

/** The token implies the version, and a server refuses both. */
const nextPage = (token: string): Readonly<Record<string, string>> => ({
  limit: String(PAGE_SIZE),
  continue: token,
})

const versionOf = (
  message: Exclude<WatchMessage, { type: 'ERROR' }> | { type: 'OPENED' },
): string | undefined => {
  if (message.type === 'OPENED') return undefined
  return message.type === 'BOOKMARK' ? message.resourceVersion : message.node.resourceVersion
}

/** Resource versions are etcd's revisions: integers that only grow. Nothing is known of any other form. */
function isBefore(a: string, b: string): boolean {
  return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b)
}

const isTooFarAhead = (error: unknown): boolean => error instanceof ApiError && error.status.code === 504

const asOverlayError = (error: unknown): OverlayError =>
  OverlayError.from(error, 'STORE_UNAVAILABLE', 'following the nodes of Kubernetes')
