import type { JsMsg, StoredMsg } from '@nats-io/jetstream'
import type { MsgHdrs } from '@nats-io/transport-node'

/** The last message under a key of a bucket. */
export interface Entry {
  readonly key: string
  /** Its sequence number in the bucket's stream: a revision of the whole bucket. */
  readonly seq: number
  /** When the server stored it, in ms since the epoch. */
  readonly storedAt: number
  /** Undefined for one that says that the key was deleted. */
  readonly value: string | undefined
  /** The sequence number of the key's first message since it was made, as its writers say. */
  readonly created: number
  /** How long the server keeps it, in ms, as its writer asked for; undefined if it says nothing. */
  readonly ttlMs: number | undefined
}

/** Carries `Entry.created` from one message of a key to the next: the server keeps only the last. */
export const CREATED_HEADER = 'Selvedge-Created'

/** Marks the deletion of a key: the key-value stores' own convention. */
export const OPERATION_HEADER = 'KV-Operation'
/** A server that ends a key by its age says so with this, from NATS 2.11 on. */
const MARKER_HEADER = 'Nats-Marker-Reason'
const TTL_HEADER = 'Nats-TTL'

export const entryOfMessage = (message: JsMsg, prefix: string): Entry =>
  entryOf(message.subject, prefix, message.seq, message.time.getTime(), message.headers, message.data)

export const entryOfStored = (message: StoredMsg, prefix: string): Entry =>
  entryOf(message.subject, prefix, message.seq, message.time.getTime(), message.header, message.data)

function entryOf(
  subject: string,
  prefix: string,
  seq: number,
  storedAt: number,
  headers: MsgHdrs | undefined,
  data: Uint8Array,
): Entry {
  const deleted = headers?.has(OPERATION_HEADER) === true || headers?.has(MARKER_HEADER) === true
  const since = Number(headers?.get(CREATED_HEADER))
  const ttl = /^(\d{1,10})s?$/.exec(headers?.get(TTL_HEADER) ?? '')?.[1]
  return {
    key: subject.slice(prefix.length),
    seq,
    storedAt,
    value: deleted ? undefined : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString(),
    // Nothing is older than the bucket, nor made after it was written.
    created: Number.isSafeInteger(since) && since > 0 && since < seq ? since : seq,
    ttlMs: ttl === undefined ? undefined : Number(ttl) * 1000,
  }
}
