import type { Etcd3 } from 'etcd3'

/** What the store uses of etcd3, with etcd3's own types: not for public declarations, see `EtcdClient`. */
export interface EtcdApi {
  readonly kv: Pick<Etcd3['kv'], 'range' | 'txn'>
  readonly leaseClient: Pick<
    Etcd3['leaseClient'],
    'leaseGrant' | 'leaseRevoke' | 'leaseKeepAlive' | 'leaseTimeToLive'
  >
  readonly watchClient: Pick<Etcd3['watchClient'], 'watch'>
}

/** The keys from `key` up to but not including `range_end`; `key` alone without it. */
export interface KeyRange {
  readonly key: Buffer
  readonly range_end?: Buffer
}

/** What a unary call may be given besides its request. */
export interface CallOptions {
  /** When to give up, in ms since the epoch. */
  readonly deadline?: number
}
