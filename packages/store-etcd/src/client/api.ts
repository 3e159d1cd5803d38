/**
 * What is used of etcd's v3 API, in its own words (api/etcdserverpb/rpc.proto). Numbers of 64 bits are decimal text,
 * as etcd3 decodes them.
 */

export interface ResponseHeader {
  readonly cluster_id: string
  /** The revision of the whole store when the request was carried out. */
  readonly revision: string
}

export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  readonly create_revision: string
  readonly mod_revision: string
  /** `'0'` for a key that hangs on no etcd lease. */
  readonly lease: string
}

/** The keys from `key` up to and without `range_end`; `key` alone where that is absent. */
export interface KeyRange {
  readonly key: Buffer
  readonly range_end?: Buffer
}

export interface RangeRequest extends KeyRange {
  readonly limit?: number
  /** Keys that were last written before are counted, but left out. */
  readonly min_mod_revision?: string
}

export interface RangeResponse {
  readonly header: ResponseHeader
  readonly kvs: readonly KeyValue[]
  /** How many keys there are in the range. */
  readonly count: string
}

/** With a `range_end`, it must hold for every key there is in the range; it holds where there is none. */
export type Compare = KeyRange &
  (
    | { readonly target: 'Version'; readonly result: 'Equal'; readonly version: string }
    | { readonly target: 'Create'; readonly result: 'Less'; readonly create_revision: string }
    | { readonly target: 'Mod'; readonly result: 'Equal' | 'Less'; readonly mod_revision: string }
  )

export type Operation =
  | { readonly request_range: RangeRequest }
  | { readonly request_put: { readonly key: Buffer; readonly value: Buffer; readonly lease: string } }
  | { readonly request_delete_range: KeyRange }

export interface TxnRequest {
  /** All must hold for `success` to be carried out. */
  readonly compare: Compare[]
  readonly success: Operation[]
}

export interface TxnResponse {
  readonly header: ResponseHeader
  readonly succeeded: boolean
  readonly responses: readonly { readonly response_range?: RangeResponse }[]
}

export interface WatchCreateRequest extends KeyRange {
  readonly start_revision: string
}

export interface WatchResponse {
  readonly created: boolean
  readonly canceled: boolean
  /** Other than `'0'` where the watch asked for revisions that etcd has forgotten. */
  readonly compact_revision: string
  readonly cancel_reason: string
  readonly events: readonly WatchEvent[]
}

export interface WatchEvent {
  readonly type: 'Put' | 'Delete'
  /** Of a deleted key, only `key` and `mod_revision` (that of the deletion) are filled in. */
  readonly kv: KeyValue
}

/** What a call may be given besides its request. */
export interface CallOptions {
  /** When to give up, in ms since the epoch. */
  readonly deadline?: number
}

/** A stream in both directions; at run time a Node `Duplex` of objects. */
export interface EtcdStream<Request> {
  write(request: Request): void
  end(): void
  cancel(): void
}

/** What is used of a client of etcd; `new Etcd3(…)` of the package etcd3 is one, too. */
export interface EtcdClient {
  readonly kv: {
    range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse>
    txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse>
  }
  readonly leaseClient: {
    leaseGrant(
      request: { readonly TTL: string },
      options?: CallOptions,
    ): Promise<{ readonly ID: string; readonly TTL: string }>
    leaseRevoke(request: { readonly ID: string }, options?: CallOptions): Promise<unknown>
    leaseKeepAlive(options?: CallOptions): Promise<EtcdStream<{ readonly ID: string }>>
  }
  readonly watchClient: {
    watch(options?: CallOptions): Promise<EtcdStream<{ readonly create_request: WatchCreateRequest }>>
  }
  close(): void
}
