import { OverlayError } from '@selvedge/core'
import { isJsonObject } from '@selvedge/core/kit'
import type { PodReference } from '../options.js'
import { isApiError } from './api-error.js'
import { type KubeApi, PROTOBUF, STRATEGIC_MERGE_PATCH } from './kube-api.js'
import type { NodeDecoder } from './node-codec.js'
import type { NodeRecord } from './node-record.js'

/** What flannel sets once its network is up. */
const NETWORK_UP = {
  type: 'NetworkUnavailable',
  status: 'False',
  reason: 'FlannelIsUp',
  message: 'Flannel is running on this node',
}

export interface NodesOptions {
  readonly api: KubeApi
  readonly decoder: NodeDecoder
  /** The full prefix of the annotations. */
  readonly prefix: string
  /** The server has failed where it keeps silent for so long, in ms. */
  readonly patience: number
}

/** Reads and writes one node at a time. */
export class Nodes {
  readonly #api: KubeApi
  readonly #decoder: NodeDecoder
  /** The full prefix of the annotations. */
  readonly #prefix: string
  /** The server has failed where it keeps silent for so long, in ms. */
  readonly #patience: number

  constructor({ api, decoder, prefix, patience }: NodesOptions) {
    this.#api = api
    this.#decoder = decoder
    this.#prefix = prefix
    this.#patience = patience
  }

  /** The node, or undefined where there is none of that name. */
  async get(name: string, signal: AbortSignal): Promise<NodeRecord | undefined> {
    try {
      return await this.#api.fetch(
        { method: 'GET', path: nodePath(name), accept: PROTOBUF, signal, patience: this.#patience },
        (answer) => this.#decoder.decodeNode(answer),
      )
    } catch (error) {
      if (isApiError(error, 404)) return undefined
      throw error
    }
  }

  /**
   * Sets annotations, and removes those that are null. Undefined, and nothing written, where the node is gone or another
   * one bears its name by now.
   */
  async annotate(
    node: NodeRecord,
    changes: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
  ): Promise<NodeRecord | undefined> {
    const annotations = Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [`${this.#prefix}${name}`, value]),
    )
    try {
      return await this.#patchStatus(node.name, { metadata: { uid: node.uid, annotations } }, signal)
    } catch (error) {
      if (isApiError(error, 404, 409) || isOfAnotherNode(error)) return undefined
      throw error
    }
  }

  /** Sets the condition by which the scheduler knows that pods may run; true where it was not set already. */
  async setNetworkAvailable(name: string, now: number, signal: AbortSignal): Promise<boolean> {
    const node = await this.#api.fetchJson({
      method: 'GET',
      path: nodePath(name),
      signal,
      patience: this.#patience,
    })
    const { type, status, reason } = NETWORK_UP
    const held = conditionsOf(node).find((condition) => condition.type === type)
    if (held?.status === status && held.reason === reason) return false
    const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')
    const condition = { ...NETWORK_UP, lastHeartbeatTime: time, lastTransitionTime: time }
    await this.#patchStatus(name, { status: { conditions: [condition] } }, signal)
    return true
  }

  /** The node that a pod runs on. */
  async nameByPod({ podName, podNamespace }: PodReference, signal: AbortSignal): Promise<string> {
    const path = `/api/v1/namespaces/${encodeURIComponent(podNamespace)}/pods/${encodeURIComponent(podName)}`
    const pod = await this.#api.fetchJson({ method: 'GET', path, signal, patience: this.#patience })
    const spec: unknown = isJsonObject(pod) ? pod.spec : undefined
    const name = isJsonObject(spec) ? spec.nodeName : undefined
    if (typeof name === 'string' && name !== '') return name
    throw new OverlayError(
      'STORE_CORRUPT',
      `pod ${podNamespace}/${podName} is on no node: give the node's name`,
    )
  }

  #patchStatus(name: string, patch: object, signal: AbortSignal): Promise<NodeRecord> {
    const body = { type: STRATEGIC_MERGE_PATCH, text: JSON.stringify(patch) }
    const path = `${nodePath(name)}/status`
    return this.#api.fetch(
      { method: 'PATCH', path, accept: PROTOBUF, body, signal, patience: this.#patience },
      (answer) => this.#decoder.decodeNode(answer),
    )
  }
}

/** To the API server, a patch with another uid than the node's attempts to change what cannot be changed. */
const isOfAnotherNode = (error: unknown): boolean =>
  isApiError(error, 422) && error.status.message.includes('metadata.uid')

const nodePath = (name: string): string => `/api/v1/nodes/${encodeURIComponent(name)}`

function conditionsOf(node: unknown): readonly Readonly<Record<string, unknown>>[] {
  const status = isJsonObject(node) ? node.status : undefined
  const conditions = isJsonObject(status) ? status.conditions : undefined
  return Array.isArray(conditions) ? conditions.filter(isJsonObject) : []
}
