import { OverlayError, type RecordChange } from '@selvedge/core'
import { isJsonObject } from '@selvedge/core/kit'
import { isApiError } from './api-error.js'
import { type KubeApi, PROTOBUF, STRATEGIC_MERGE_PATCH } from './kube-api.js'
import type { NodeDecoder } from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { type WrittenAnnotation, writtenAnnotations } from './written-annotations.js'

/** The condition that says whether pods of a node have a network. */
const NETWORK_UNAVAILABLE = 'NetworkUnavailable'

/** That they have one, in the words of flannel, which sets it once its network is up. */
const NETWORK_UP = { status: 'False', reason: 'FlannelIsUp', message: 'Flannel is running on this node' }

/** That they have none. */
const NO_PEER_REACHABLE = { status: 'True', reason: 'NoPeerReachable' }

/** A pod, whose `spec.nodeName` is the name of its node. */
export interface PodReference {
  /** The pod's name: `POD_NAME` in flannel's manifests. */
  readonly podName: string
  /** The pod's namespace: `POD_NAMESPACE` in flannel's manifests. */
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

  /**
   * Sets the condition by which the scheduler places pods: that their network is up, or down for this reason. Returns false
   * if it was set already.
   *
   * @param whyDown a sentence; undefined if it is up
   * @param now in ms since the epoch
   */
  async setNetworkCondition(
    name: string,
    { whyDown, now, signal }: { whyDown: string | undefined; now: number; signal: AbortSignal },
  ): Promise<boolean> {
    const desired = whyDown === undefined ? NETWORK_UP : { ...NO_PEER_REACHABLE, message: whyDown }
    if ((await this.#conditionChange(name, desired, signal)) === undefined) return false
    const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
    const times = { lastHeartbeatTime: time, lastTransitionTime: time }
    const condition = { type: NETWORK_UNAVAILABLE, ...desired, ...times }
    await this.#patchStatus(name, { status: { conditions: [condition] } }, signal)
    return true
  }

  /** What `setNetworkCondition` would change once the network is up; undefined if it is set already. */
  networkAvailableChange(name: string, signal: AbortSignal): Promise<RecordChange | undefined> {
    return this.#conditionChange(name, NETWORK_UP, signal)
  }

  async #conditionChange(
    name: string,
    { status, reason }: { readonly status: string; readonly reason: string },
    signal: AbortSignal,
  ): Promise<RecordChange | undefined> {
    const node = await this.#api.fetchJson({
      method: 'GET',
      path: nodePath(name),
      signal,
      timeoutMs: this.#timeoutMs,
    })
    const current = conditionsOf(node).find(({ type }) => type === NETWORK_UNAVAILABLE)
    if (current?.status === status && current.reason === reason) return undefined
    const before = current && [current.status, current.reason].filter((text) => text !== undefined).join(' ')
    return {
      name: NETWORK_UNAVAILABLE,
      ...(before !== undefined && { before }),
      after: `${status} ${reason}`,
    }
  }

  /** The annotations of a Node that begin with the prefix, by their full names; empty if there is no such Node. */
  async annotations(name: string, signal: AbortSignal): Promise<ReadonlyMap<string, WrittenAnnotation>> {
    try {
      const path = nodePath(name)
      const node = await this.#api.fetchJson({ method: 'GET', path, signal, timeoutMs: this.#timeoutMs })
      return writtenAnnotations(node, this.#prefix)
    } catch (error) {
      if (isApiError(error, 404)) return new Map()
      throw error
    }
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
