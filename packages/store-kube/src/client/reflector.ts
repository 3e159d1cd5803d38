import { type Clock, OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import { ApiError, isGone } from './api-error.js'
import { isSilence, type KubeApi, PROTOBUF, PROTOBUF_WATCH } from './kube-api.js'
import type { ListMeta, NodeDecoder, WatchMessage } from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { readNodeList, readWatch } from './node-streams.js'

export interface FollowOptions {
  readonly api: Pick<KubeApi, 'read' | 'stream'>
  readonly decoder: NodeDecoder
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** The one node to follow; every node where absent. */
  readonly only?: string | undefined
  readonly firstList: ListMode
  /** How long the server may take to begin a watch, in ms. */
  readonly beginPatience: number
  /** How long a watch may be silent before it is begun anew, in ms. */
  readonly watchPatience: number
  readonly observer: FollowObserver
}

/**
 * `quorum`: what etcd holds now. `cached`: from the memory of whichever API server answers, which is what every kubelet
 * and kube-proxy reads; it lags behind etcd by milliseconds, but not behind `notBefore`, a resource version that this
 * node has seen.
 */
export type ListMode =
  | { readonly type: 'quorum' }
  | { readonly type: 'cached'; readonly notBefore?: string | undefined }

export interface FollowObserver {
  /** The server told something, if only that nothing has changed. */
  heard(): void
  /** Something failed and is retried. */
  failed(error: OverlayError): void
  /** A list, or a watch, was asked for. */
  asked(what: 'list' | 'watch'): void
}

export type NodeNews =
  | { readonly type: 'list'; readonly nodes: readonly NodeRecord[] }
  | { readonly type: 'put' | 'delete'; readonly node: NodeRecord }
  /** The server is there again after a failure was told, and what it has to tell comes next. */
  | { readonly type: 'resumed' }

const NODES = '/api/v1/nodes'

/** How many nodes to ask for at a time: client-go's page. */
const PAGE = 500

const BACKOFF = { firstMs: 500, maxMs: 30_000 }

/** How long a watch lasts, in seconds: client-go's. */
const WATCH_TIMEOUT = { least: 300, spread: 300 }

/** How long a list may keep silent, in ms: the API server itself gives up after this long (`--request-timeout`). */
const LIST_PATIENCE = 60_000

/** A watch that ends sooner, in ms, without having told anything, counts as a failure: it would be begun in a loop. */
const SHORTEST_WATCH = 1_000

/**
 * Follows the nodes of a cluster as client-go's reflector does, and with the same care for the API server. Yields a
 * list first, and again wherever anything may have been missed. Ends when the signal aborts.
 *
 * - A list, then a watch from where it ended, for ever. One request at a time.
 * - A watch that ends is begun again where it stopped: each event and each bookmark says where that is. Nothing is
 *   listed again unless the server no longer holds that place (410), as after a restart or a compaction.
 * - Lists come from the server's memory, and in pages where it reads etcd for them. They are decoded as they arrive:
 *   the list of a large cluster is larger than this process should be.
 * - Every watch lasts 5 to 10 minutes, drawn anew each time, so that the clients of a server that was restarted spread
 *   over all servers again.
 * - Failures are repeated after a delay that doubles from half a second to 30 s, half of it random. A server that says
 *   how long to wait is waited for. A list after a 410 is delayed in the same way: all nodes get one at once.
 * - A watch that is silent for too long is begun anew where it stopped. That is no failure: where nothing has happened a
 *   server sends no bookmark either, and some send them at a watch's end alone. One that does not begin the new watch
 *   has failed.
 */
export async function* followNodes(options: FollowOptions): AsyncGenerator<NodeNews, void, undefined> {
  const { signal, clock, random, observer } = options
  const follower = new Follower(options)
  while (!signal.aborted) {
    try {
      yield* follower.round()
    } catch (error) {
      if (signal.aborted) return
      const inARow = follower.failed(error)
      // A place in the history that the server no longer holds is in the nature of things, unless it goes on so.
      if (!isGone(error) || inARow > 1) observer.failed(asOverlayError(error))
      const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0
      const delay = Math.max(asked, backoffDelay(inARow, BACKOFF, random))
      await clock.sleep(delay, { signal }).catch(() => undefined)
    }
  }
}

class Follower {
  readonly #options: FollowOptions
  #listMode: ListMode
  /** Where to go on; undefined where a list must come first. */
  #position: string | undefined
  /** Rounds in a row that failed, and that ended because the history was gone. */
  #failures = 0
  #losses = 0

  constructor(options: FollowOptions) {
    this.#options = options
    this.#listMode = options.firstList
  }

  /** Takes note of a failed round; returns how many of its kind there were in a row. */
  failed(error: unknown): number {
    this.#failures += 1
    if (!isGone(error)) return this.#failures
    // The server is there: that it was away before is no reason to wait.
    this.#failures = 0
    this.#position = undefined
    this.#losses += 1
    return this.#losses
  }

  /** A list where one is needed, then one watch to its end. */
  async *round(): AsyncGenerator<NodeNews, void, undefined> {
    const { clock } = this.#options
    let resumed = this.#failures > 0
    if (this.#position === undefined) {
      const nodes = await this.#list()
      resumed = false
      yield { type: 'list', nodes }
    }
    const begin = clock.monotonic()
    let told = false
    for await (const message of this.#watch()) {
      if (message.type !== 'OPENED') {
        told = true
        this.#succeeded()
      } else if (resumed) {
        yield { type: 'resumed' }
      }
      if (message.type === 'ADDED' || message.type === 'MODIFIED') yield { type: 'put', node: message.node }
      if (message.type === 'DELETED') yield { type: 'delete', node: message.node }
    }
    if (!told && clock.monotonic() - begin < SHORTEST_WATCH) {
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
      // The server does not hold what was asked for: it is too long ago (410), or its memory is not that far (504).
      if (this.#listMode.type === 'quorum' || !(isGone(error) || isTooFarAhead(error))) throw error
      return await this.#listBy({ type: 'quorum' })
    }
  }

  async #listBy(mode: ListMode): Promise<readonly NodeRecord[]> {
    const { api, decoder, signal, observer } = this.#options
    const nodes: NodeRecord[] = []
    let meta: ListMeta = { resourceVersion: '', continue: '' }
    do {
      observer.asked('list')
      const path = this.#path(meta.continue === '' ? listParameters(mode) : nextPage(meta.continue))
      meta = await api.read(
        { method: 'GET', path, accept: PROTOBUF, signal, patience: LIST_PATIENCE },
        (chunks) => readNodeList(chunks, decoder, (node) => nodes.push(node)),
      )
      observer.heard()
    } while (meta.continue !== '')
    this.#goOnFrom(meta.resourceVersion)
    return nodes
  }

  async *#watch(): AsyncGenerator<WatchMessage | { readonly type: 'OPENED' }, void, undefined> {
    const { api, decoder, signal, random, beginPatience, watchPatience, observer } = this.#options
    const path = this.#path({
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_TIMEOUT.least + Math.floor(random() * WATCH_TIMEOUT.spread)),
      resourceVersion: this.#position ?? '',
    })
    observer.asked('watch')
    const messages = api.stream(
      {
        method: 'GET',
        path,
        accept: PROTOBUF_WATCH,
        signal,
        patience: beginPatience,
        answerPatience: watchPatience,
      },
      async function* (chunks) {
        yield { type: 'OPENED' } as const
        yield* readWatch(chunks, decoder)
      },
    )
    let begun = false
    try {
      for await (const message of messages) {
        begun = true
        observer.heard()
        if (message.type === 'ERROR') throw new ApiError('watching nodes', message.status)
        const version = versionOf(message)
        if (version !== undefined) this.#checkHistory(version)
        yield message
        if (version !== undefined) this.#goOnFrom(version)
      }
    } catch (error) {
      if (!begun || !isSilence(error)) throw error
    }
  }

  /** A version before the last one is of another history: what happened in between is not going to be told. */
  #checkHistory(version: string): void {
    if (!isBefore(version, this.#position ?? '')) return
    const message = `the history went back from ${this.#position} to ${version}, as after etcd was restored from a backup`
    throw new ApiError('watching nodes', { code: 410, reason: 'Expired', message })
  }

  /** From now on nothing older is taken, neither by a watch nor by a list. */
  #goOnFrom(resourceVersion: string): void {
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

/** A limit makes a server read etcd for a list that is not to be older than a version, and means nothing for version 0. */
function listParameters(mode: ListMode): Readonly<Record<string, string>> {
  if (mode.type === 'quorum') return { limit: String(PAGE) }
  if (mode.notBefore === undefined) return { limit: String(PAGE), resourceVersion: '0' }
  return { resourceVersion: mode.notBefore, resourceVersionMatch: 'NotOlderThan' }
}

/** The token says all: a server refuses a version beside it. */
const nextPage = (token: string): Readonly<Record<string, string>> => ({
  limit: String(PAGE),
  continue: token,
})

const versionOf = (
  message: Exclude<WatchMessage, { type: 'ERROR' }> | { type: 'OPENED' },
): string | undefined => {
  if (message.type === 'OPENED') return undefined
  return message.type === 'BOOKMARK' ? message.resourceVersion : message.node.resourceVersion
}

/** Resource versions are etcd's revisions: whole numbers that count up. Of anything else, nothing is known. */
function isBefore(a: string, b: string): boolean {
  return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b)
}

const isTooFarAhead = (error: unknown): boolean => error instanceof ApiError && error.status.code === 504

const asOverlayError = (error: unknown): OverlayError =>
  OverlayError.from(error, 'STORE_UNAVAILABLE', 'following the nodes of Kubernetes')
