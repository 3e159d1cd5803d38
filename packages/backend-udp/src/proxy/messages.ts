import type { MessagePort } from 'node:worker_threads'
import type { UdpPeerResource, UdpProxyResource } from '../resource.js'

/** What the thread of a proxy begins with. */
export interface ThreadData {
  readonly port: MessagePort
  readonly namespace: string | undefined
  /** Of its `ProxyCounters`. */
  readonly counters: SharedArrayBuffer
}

/** To the thread. */
export type Request =
  | { readonly type: 'attach'; readonly id: number; readonly proxy: UdpProxyResource }
  | { readonly type: 'detach'; readonly id: number }
  | {
      readonly type: 'peers'
      readonly id: number
      readonly put: readonly UdpPeerResource[]
      /** Their subnets. */
      readonly deleted: readonly string[]
    }
  | { readonly type: 'close' }

/** From the thread. */
export type Report =
  /** `wake` is a file descriptor: eight bytes written to it have the thread read its requests. */
  | { readonly type: 'ready'; readonly wake: number }
  | { readonly type: 'answer'; readonly id: number; readonly error?: ThreadError }
  /** The device is gone. */
  | { readonly type: 'detached' }
  /** The thread ends, and cannot be used. */
  | { readonly type: 'failed'; readonly error: ThreadError }

export interface ThreadError {
  readonly message: string
  readonly errno: string | undefined
}
