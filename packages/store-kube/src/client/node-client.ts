import { OverlayError, type RecordChange } from '@selvedge/core'
import { isJsonObject } from '@selvedge/core/kit'
import { isApiError } from './api-error.js'
import { type KubeApi, PROTOBUF, STRATEGIC_MERGE_PATCH } from './kube-api.js'
import type { NodeDecoder } from './node-codec.js'
import type { NodeRecord } from './node-record.js'

/** The condition that flannel sets once its network is up, in its words. */
const NETWORK_UP = {
  type: 'NetworkUnavailable',
  status: 'False',
  reason: 'FlannelIsUp',
  message: 'Flannel is running on this node',
}

/** A pod, whose `spec.nodeName` is the name of its node. */
export interface PodReference {
  readonly podName: string
  readonly podNamespace: string
}

export interface NodeClientOptions {
  readonly api: KubeApi
  readonly decoder: NodeDecoder
  /** The full prefix of the annotations. */
  readonly prefix: string
  /** How long the server may be silent on a request, in ms. */
  readonly timeoutMs: number
}

export interface AnnotateOptions {
  readonly signal: AbortSignal
  readonly ifUnchanged?: boolean | undefined
}

/** Reads and writes one Node at a time. */
export class NodeClient {
  readonly #api: KubeApi
  readonly #decoder: NodeDecoder
  readonly #prefix: string
  readonly #timeoutMs: number

  constructor({ api, decoder, prefix, timeoutMs }: NodeClientOptions) {
    this.#api = api
    this.#decoder = decoder
    this.#prefix = prefix
    this.#timeoutMs = timeoutMs
  }

  /** The Node of this name, or undefined if there is none. */
  async get(name: string, signal: AbortSignal): Promise<NodeRecord | undefined> {
    try {
      return await this.#api.fetch(
        { method: 'GET', path: nodePath(name), accept: PROTOBUF, signal, timeoutMs: this.#timeoutMs },
        (answer) => this.#decoder.decodeNode(answer),
      )
    } catch (error) {
      if (isApiError(error, 404)) return undefined
      throw error
    }
  }

  /**
   * Sets annotations, and removes those that are null. Writes nothing and returns undefined if the Node is gone, has
   * been replaced by another one of its name or, with `ifUnchanged`, has changed at all since it was read.
   */
  async annotate(
    node: NodeRecord,
    changes: Readonly<Record<string, string | null>>,
    { signal, ifUnchanged = false }: AnnotateOptions,
  ): Promise<NodeRecord | undefined> {
    const { uid, resourceVersion } = node
    const annotations = Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [`${this.#prefix}${name}`, value]),
    )
    const metadata = { uid, ...(ifUnchanged && { resourceVersion }), annotations }
    try {
      return await this.#patchStatus(node.name, { metadata }, signal)
    } catch (error) {
      if (isApiError(error, 404, 409) || isUidMismatch(error)) return undefined
      throw error
    }
  }

  /** Sets the condition that allows the scheduler to place pods. Returns false if it was set already. */
  async setNetworkAvailable(name: string, now: number, signal: AbortSignal): Promise<boolean> {
    if ((await this.networkAvailableChange(name, signal)) === undefined) return false
    const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
    const condition = { ...NETWORK_UP, lastHeartbeatTime: time, lastTransitionTime: time }
    await this.#patchStatus(name, { status: { conditions: [condition] } }, signal)
    return true
  }

  /** What `setNetworkAvailable` would change; undefined if it is set already. */
  async networkAvailableChange(name: string, signal: AbortSignal): Promise<RecordChange | undefined> {
    const node = await this.#api.fetchJson({
      method: 'GET',
      path: nodePath(name),
      signal,
      timeoutMs: this.#timeoutMs,
    })
    const { type, status, reason } = NETWORK_UP
    const current = conditionsOf(node).find((condition) => condition.type === type)
    if (current?.status === status && current.reason === reason) return undefined
    const before = current && [current.status, current.reason].filter((text) => text !== undefined).join(' ')
    return { name: type, ...(before !== undefined && { before }), after: `${status} ${reason}` }
  }

  /** The name of the Node that a pod runs on. */
  async nameByPod({ podName, podNamespace }: PodReference, signal: AbortSignal): Promise<string> {
    const path = `/api/v1/namespaces/${encodeURIComponent(podNamespace)}/pods/${encodeURIComponent(podName)}`
    const pod = await this.#api.fetchJson({ method: 'GET', path, signal, timeoutMs: this.#timeoutMs })
    const spec: unknown = isJsonObject(pod) ? pod.spec : undefined
    const name = isJsonObject(spec) ? spec.nodeName : undefined
    if (typeof name === 'string' && name !== '') return name
    throw new OverlayError(
      'STORE_CORRUPT',
      `pod ${podNamespace}/${podName} is not bound to a node: give the node's name`,
    )
  }

  #patchStatus(name: string, patch: object, signal: AbortSignal): Promise<NodeRecord> {
    const body = { type: STRATEGIC_MERGE_PATCH, text: JSON.stringify(patch) }
    const path = `${nodePath(name)}/status`
    return this.#api.fetch(
      { method: 'PATCH', path, accept: PROTOBUF, body, signal, timeoutMs: this.#timeoutMs },
      (answer) => this.#decoder.decodeNode(answer),
    )
  }
}

/** The API server takes a patch with another uid for an attempt to change an immutable field. */
const isUidMismatch = (error: unknown): boolean =>
  isApiError(error, 422) && error.status.message.includes('metadata.uid')

const nodePath = (name: string): string => `/api/v1/nodes/${encodeURIComponent(name)}`

function conditionsOf(node: unknown): readonly Readonly<Record<string, unknown>>[] {
  const status = isJsonObject(node) ? node.status : undefined
  const conditions = isJsonObject(status) ? status.conditions : undefined
  return Array.isArray(conditions) ? conditions.filter(isJsonObject) : []
}
