/** A named table of the file, ordered by key, inside a transaction. */
export interface Table<Key, Value> {
  get(key: Key): Value | undefined
  put(key: Key, value: Value): unknown
  remove(key: Key): unknown
  getRange(options?: { readonly start?: Key }): Iterable<{ readonly key: Key; readonly value: Value }>
}

/** Which writes made a record, by their revisions. */
export interface RecordVersion {
  /** The first. */
  readonly created: number
  /** The last. */
  readonly version: number
}

/** A change of a lease, as the log keeps it. */
export interface LogEntry {
  readonly type: 'put' | 'delete'
  /** As `leaseKey` writes it. */
  readonly key: string
  /** As flannel encodes a lease's attributes. */
  readonly value: string
  /** In ms since the epoch; absent if the lease never expires. */
  readonly expiresAt?: number
  /** The revision at which its record was created; absent in an entry that format 1 wrote. */
  readonly created?: number
}

/** The tables of the file. */
export interface Tables {
  /** `format`, `config` and `revision`. */
  readonly meta: Table<string, string | number>
  /** Lease key to the lease's attributes, both byte for byte as flannel writes them to etcd. */
  readonly leases: Table<string, string>
  /** Lease key to when the lease expires, in ms since the epoch; a lease without an entry never does. */
  readonly ends: Table<string, number>
  /** Lease key to the writes of its record; a record that format 1 wrote has no entry until it is written again. */
  readonly versions: Table<string, RecordVersion>
  /** Revision to change, the last ones only. */
  readonly log: Table<number, LogEntry>
}
