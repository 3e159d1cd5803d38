/** A named table of the file, ordered by key, inside a transaction. */
export interface Table<Key, Value> {
  get(key: Key): Value | undefined
  put(key: Key, value: Value): unknown
  remove(key: Key): unknown
  getRange(options?: { readonly start?: Key }): Iterable<{ readonly key: Key; readonly value: Value }>
}

/** What a change of a lease was, as the log keeps it. */
export interface LogEntry {
  readonly type: 'put' | 'delete'
  /** As `leaseKey` writes it. */
  readonly key: string
  /** As flannel encodes a lease's attributes. */
  readonly value: string
  /** In ms since the epoch; absent where the lease never ends. */
  readonly expiresAt?: number
}

/** All that the file holds. */
export interface Tables {
  /** `format`, `config` and `revision`. */
  readonly meta: Table<string, string | number>
  /** Lease key to the lease's attributes, both byte for byte as flannel writes them to etcd. */
  readonly leases: Table<string, string>
  /** Lease key to when the lease ends, in ms since the epoch; a lease without an entry never does. */
  readonly ends: Table<string, number>
  /** Revision to change. The last ones only. */
  readonly log: Table<number, LogEntry>
}
