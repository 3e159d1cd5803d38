/**
 * What the store uses of a client of etcd. `new Etcd3(…)` of the package etcd3 is one; so is a wrapper around it, for
 * example to trace its calls. Requests and replies are those of etcd's RPCs, as etcd3 has them.
 *
 * They are not typed by etcd3's declarations: those name grpc-js's, which not every compiler from TypeScript 5.2 on accepts
 * without `skipLibCheck`.
 */
export interface EtcdClient {
  /** The service `etcdserverpb.KV`. */
  readonly kv: {
    range(request: object, options?: EtcdCallOptions): Promise<object>
    txn(request: object, options?: EtcdCallOptions): Promise<object>
  }
  /** The service `etcdserverpb.Lease`. `leaseKeepAlive` returns a stream. */
  readonly leaseClient: {
    leaseGrant(request: object, options?: EtcdCallOptions): Promise<object>
    leaseRevoke(request: object, options?: EtcdCallOptions): Promise<object>
    leaseKeepAlive(options?: EtcdCallOptions): Promise<object>
  }
  /** The service `etcdserverpb.Watch`. `watch` returns a stream. */
  readonly watchClient: {
    watch(options?: EtcdCallOptions): Promise<object>
  }
}

/** What a call may be given besides its request. */
export interface EtcdCallOptions {
  /** When to give up, in ms since the epoch. Default: never. */
  readonly deadline?: number
}
