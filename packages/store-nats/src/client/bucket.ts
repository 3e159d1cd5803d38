import { AckPolicy, DeliverPolicy, type StreamInfo } from '@nats-io/jetstream'
import { createInbox, headers, nanos } from '@nats-io/transport-node'
import { type Delivery, Inbox, unavailable } from './delivery.js'
import { CREATED_HEADER, type Entry, entryOfStored, OPERATION_HEADER } from './entry.js'
import type { Session } from './session.js'

/**
 * How often the server says, on an idle delivery, that it is still there, in ms. Two that are missing mean that the delivery
 * is over: the bucket was deleted, or the server has forgotten who listens.
 */
const HEARTBEAT_MS = 5_000

/** After how long without a listener the server forgets a delivery, in ms. */
const ABANDONED_MS = 10_000

/** What a bucket says of itself. */
export interface BucketState {
  /** Tells this bucket from one of the same name that was made after it was deleted: when it was made, by the server's clock. */
  readonly id: string
  /** The sequence number of the last message that it was given. */
  readonly lastSeq: number
  /** That of the oldest one that it still has; one more than the last if it has none. */
  readonly firstSeq: number
  /** How many keys it has, deleted ones included as long as they are marked. */
  readonly keys: number
  /** How long it keeps any of them, in ms; 0 if for ever. */
  readonly maxAgeMs: number
  /** Whether its messages can have an age limit of their own. */
  readonly hasTtlPerKey: boolean
}

export interface WriteOptions {
  /** The sequence number of the key's last message, 0 if it has none: another node's write since then makes it fail. */
  readonly expected?: number | undefined
  /** `Entry.created` of what it replaces. */
  readonly created?: number | undefined
  readonly ttlMs?: number | undefined
}

export interface DeliverOptions {
  /** Only what came after this message, deletions too. Default: the last message of each key there is, then what comes. */
  readonly after?: number | undefined
  /** Only these keys. Default: `>`, all. */
  readonly filter?: string | undefined
}

/** The requests that one key-value bucket takes, within one session. */
export class Bucket {
  readonly name: string
  readonly #prefix: string
  readonly #stream: string

  constructor(name: string) {
    this.name = name
    this.#prefix = `$KV.${name}.`
    this.#stream = `KV_${name}`
  }

  /** Rejects with a failure `no-stream` if there is none. */
  async state({ jsm }: Session): Promise<BucketState> {
    return stateOf(await jsm.streams.info(this.#stream))
  }

  /** The last message of a key. From the server that leads: replicas may lag behind. */
  async get({ jsm }: Session, key: string): Promise<Entry | undefined> {
    const message = await jsm.streams.getMessage(this.#stream, { last_by_subj: this.#prefix + key })
    return message === null ? undefined : entryOfStored(message, this.#prefix)
  }

  /** Resolves with the message's sequence number; rejects with a failure `outdated` if the key has changed. */
  async write(
    { js, publishPrefix }: Session,
    key: string,
    value: string,
    options: WriteOptions = {},
  ): Promise<number> {
    const { expected, created, ttlMs } = options
    const head = headers()
    if (created !== undefined) head.set(CREATED_HEADER, String(created))
    const { seq } = await js.publish(publishPrefix + this.#prefix + key, value, {
      headers: head,
      ...(expected !== undefined && { expect: { lastSubjectSequence: expected } }),
      ...(ttlMs !== undefined && { ttl: seconds(ttlMs) }),
    })
    return seq
  }

  /**
   * Deletes a key if its last message is `expected`: a mark of it stays for `ttlMs`, or as long as the bucket keeps any.
   * The library's `purge` would drop the key's former messages too; then NATS 2.9 may lose others' messages on their way
   * to a watch.
   */
  async remove(
    { js, publishPrefix }: Session,
    key: string,
    expected: number,
    ttlMs?: number,
  ): Promise<number> {
    const head = headers()
    head.set(OPERATION_HEADER, 'DEL')
    const { seq } = await js.publish(publishPrefix + this.#prefix + key, '', {
      headers: head,
      expect: { lastSubjectSequence: expected },
      ...(ttlMs !== undefined && { ttl: seconds(ttlMs) }),
    })
    return seq
  }

  /** @param signal ends the delivery if it aborts before this resolves */
  async deliver(session: Session, options: DeliverOptions, signal: AbortSignal): Promise<Delivery> {
    const { js, jsm } = session
    const { after, filter = '>' } = options
    const deliver_subject = createInbox()
    const idle_heartbeat = nanos(HEARTBEAT_MS)
    const inbox = new Inbox(this.#prefix)
    // Subscribed before the server is asked to deliver: it begins at once, and beyond a leaf node as well.
    const consumer = await js.consumers.getBoundPushConsumer({ deliver_subject, idle_heartbeat })
    const messages = await consumer.consume({ callback: (message) => inbox.take(message) })
    inbox.onClose(() => messages.stop())
    void messages.closed().then(() => inbox.end(unavailable('the delivery was ended')))
    void (async () => {
      for await (const status of messages.status()) {
        if (status.type === 'heartbeat') inbox.hear(status.lastConsumerSequence)
        if (status.type === 'heartbeats_missed')
          inbox.end(unavailable(`nothing was heard of it for ${(2 * HEARTBEAT_MS) / 1000} s`))
        if (status.type === 'consumer_deleted') inbox.end(unavailable('the server ended it'))
      }
    })()
    // What the server sent to a connection that has broken meanwhile is lost, and no message says what it does not permit.
    const stop = session.onTrouble((failure) => {
      const { kind, forbidden } = failure
      const isElsewhere = kind === 'forbidden' && !isOfDelivery(forbidden?.subject, deliver_subject)
      if (!isElsewhere) inbox.end(failure)
    })
    inbox.onClose(stop)
    try {
      const { num_pending, created } = await jsm.consumers.add(this.#stream, {
        deliver_subject,
        idle_heartbeat,
        flow_control: true,
        ack_policy: AckPolicy.None,
        filter_subject: this.#prefix + filter,
        inactive_threshold: nanos(ABANDONED_MS),
        mem_storage: true,
        num_replicas: 1,
        ...(after === undefined
          ? { deliver_policy: DeliverPolicy.LastPerSubject }
          : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }),
      })
      signal.throwIfAborted()
      inbox.begin(num_pending, Date.parse(created))
      return inbox
    } catch (error) {
      inbox.close()
      throw error
    }
  }
}

export function stateOf({ created, state, config }: StreamInfo): BucketState {
  return {
    id: created,
    lastSeq: state.last_seq,
    firstSeq: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
    keys: state.num_subjects ?? 0,
    maxAgeMs: config.max_age / 1e6,
    hasTtlPerKey: config.allow_msg_ttl === true,
  }
}

/** Whether a subject is that of the messages, or one by which the server learns that they were taken. */
const isOfDelivery = (subject: string | undefined, inbox: string): boolean =>
  subject === inbox || subject?.startsWith('$JS.FC.') === true

/** As the server takes a time to live. */
const seconds = (ms: number): string => `${Math.ceil(ms / 1000)}s`
