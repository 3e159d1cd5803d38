import { OverlayError } from '@selvedge/core'
import { isApiError, isGone } from './api-error.js'
import { type KubeApi, MIN_BYTES_PER_SECOND, PROTOBUF } from './kube-api.js'
import type { ListMeta, NodeDecoder } from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { readNodeList } from './node-streams.js'
import type { AnswerLimits } from './response.js'

/**
 * `quorum`: what etcd holds now. `cached`: from the memory of whichever API server answers, which is what every kubelet
 * and kube-proxy reads; it lags behind etcd by milliseconds, but not behind `notBefore`, a resource version that this
 * node has seen.
 */
export type ListMode =
  | { readonly type: 'quorum' }
  | { readonly type: 'cached'; readonly notBefore?: string | undefined }

export interface NodeList {
  readonly nodes: readonly NodeRecord[]
  /** Where a watch continues. */
  readonly resourceVersion: string
}

export interface ListOptions {
  readonly api: Pick<KubeApi, 'read'>
  readonly decoder: NodeDecoder
  readonly signal: AbortSignal
  /** The name of the only Node to list. Default: all Nodes. */
  readonly only?: string | undefined
  /** Called before each request. */
  readonly onRequest: () => void
  /** Called after each answer. */
  readonly onAnswer: () => void
}

const NODES = '/api/v1/nodes'

/** How many Nodes to request at a time: client-go's page size. */
const PAGE_SIZE = 500

/** How long a list may be silent, in ms: the API server itself gives up after this long (`--request-timeout`). */
const LIST_TIMEOUT_MS = 60_000

/** Fifty times the size of cluster that Kubernetes supports. A longer list is not a list of Nodes. */
const MAX_NODES = 250_000
const MAX_PAGES = 1_000

/** One page, or all Nodes if the server does not page: 65,000 Nodes of the size that few have, 64 kB. */
const MAX_PAGE_BYTES = 4 * 1024 ** 3

const LIMITS: AnswerLimits = {
  idleTimeoutMs: LIST_TIMEOUT_MS,
  minBytesPerSecond: MIN_BYTES_PER_SECOND,
  maxBytes: MAX_PAGE_BYTES,
}

/**
 * Lists Nodes as client-go does: from the server's memory, or page by page if the server reads etcd for them. The list is
 * decoded as it arrives, because that of a large cluster is larger than this process should be. Its deadline grows with
 * its size, and its size is limited.
 */
export async function listNodes(mode: ListMode, options: ListOptions): Promise<NodeList> {
  try {
    return await listBy(mode, options)
  } catch (error) {
    // The server does not hold what was asked for: it is too old (410), or newer than its memory (504).
    if (mode.type === 'quorum' || !(isGone(error) || isApiError(error, 504))) throw error
    return await listBy({ type: 'quorum' }, options)
  }
}

/** The version that etcd is at now, by the shortest list there is: the server may be silent for `timeoutMs`, as on a call. */
export async function currentVersion(
  { api, decoder, signal, only }: Pick<ListOptions, 'api' | 'decoder' | 'signal' | 'only'>,
  timeoutMs: number,
): Promise<string> {
  const path = nodesPath({ limit: '1' }, only)
  const { resourceVersion } = await api.read(
    {
      method: 'GET',
      path,
      accept: PROTOBUF,
      signal,
      timeoutMs,
      limits: { ...LIMITS, idleTimeoutMs: timeoutMs },
    },
    (chunks) => readNodeList(chunks, decoder, () => {}),
  )
  return resourceVersion
}

/** The path of a request for Nodes. Empty parameters are left out. */
export function nodesPath(parameters: Readonly<Record<string, string>>, only: string | undefined): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== '') query.set(name, value)
  if (only !== undefined) query.set('fieldSelector', `metadata.name=${only}`)
  return `${NODES}?${query}`
}

async function listBy(mode: ListMode, options: ListOptions): Promise<NodeList> {
  const { api, decoder, signal, only, onRequest, onAnswer } = options
  const nodes: NodeRecord[] = []
  let meta: ListMeta = { resourceVersion: '', continue: '' }
  for (let page = 1; page === 1 || meta.continue !== ''; page += 1) {
    if (page > MAX_PAGES) throw tooLong(`${MAX_PAGES} pages`)
    onRequest()
    const path = nodesPath(page === 1 ? listParameters(mode) : nextPage(meta.continue), only)
    meta = await api.read(
      { method: 'GET', path, accept: PROTOBUF, signal, timeoutMs: LIST_TIMEOUT_MS, limits: LIMITS },
      (chunks) =>
        readNodeList(chunks, decoder, (node) => {
          if (nodes.push(node) > MAX_NODES) throw tooLong(`${MAX_NODES} nodes`)
        }),
    )
    onAnswer()
  }
  return { nodes, resourceVersion: meta.resourceVersion }
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

const tooLong = (length: string): OverlayError =>
  new OverlayError('STORE_CORRUPT', `listing the nodes of Kubernetes: the list is longer than ${length}`)
