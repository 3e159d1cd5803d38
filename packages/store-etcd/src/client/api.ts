import type { Etcd3 } from 'etcd3'

/**
 * What the store uses of a client of etcd. `new Etcd3(…)` of the package etcd3 is one; so is whatever wraps it, to trace
 * its calls, say.
 */
export interface EtcdClient {
  readonly kv: Pick<Etcd3['kv'], 'range' | 'txn'>
  readonly leaseClient: Pick<Etcd3['leaseClient'], 'leaseGrant' | 'leaseRevoke' | 'leaseKeepAlive'>
  readonly watchClient: Pick<Etcd3['watchClient'], 'watch'>
}

/** The keys from `key` up to and without `range_end`; `key` alone if that is absent. */
export interface KeyRange {
  readonly key: Buffer
  readonly range_end?: Buffer
}

/** What a unary call may be given besides its request. */
export interface CallOptions {
  /** When to give up, in ms since the epoch. */
  readonly deadline?: number
}
