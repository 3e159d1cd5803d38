import { setTimeout as sleep } from 'node:timers/promises'
import { AckPolicy, DeliverPolicy, type StreamInfo } from '@nats-io/jetstream'
import { createInbox, headers, type MsgHdrs, nanos } from '@nats-io/transport-node'
import { type Delivery, Inbox, unavailable } from './delivery.js'
import { CREATED_HEADER, type Entry, entryOfStored, OPERATION_HEADER } from './entry.js'
import { classify, isTimeout, isUnheard, NatsFailure } from './errors.js'
import type { Session } from './session.js'

/**
 * How often the server says, on an idle delivery, that it is still there, in ms. Two that are missing mean that the delivery
 * is over: the bucket was deleted, or the server has forgotten who listens.
 */
const HEARTBEAT_MS = 5_000

/** After how long without a listener the server forgets a delivery, in ms. */
const ABANDONED_MS = 10_000

/** How often a bucket that is being made is asked whether it is whole, and for how long, in ms. */
const MAKING_MS = { each: 10, total: 5_000 }

/** How often a list that waits for messages looks whether its bucket is still there, in ms: no delivery is told. */
const LOOK_MS = 1_000

/** When the server has made a bucket that it is still making: Go's zero time. */
const NOT_YET = Date.parse('0001-01-01T00:00:00Z')

/** What a bucket says of itself, once it is whole. */
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

export interface List {
  readonly entries: readonly Entry[]
  /** Brought them, and goes on. Whoever asked for the list closes it. */
  readonly delivery: Delivery
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

  /** Waits for a bucket that the server is still making; rejects with a failure `no-stream` if there is none. */
  async state({ jsm }: Session): Promise<BucketState> {
    for (let waited = 0; waited < MAKING_MS.total; waited += MAKING_MS.each) {
      const info = await jsm.streams.info(this.#stream)
      if (Date.parse(info.created) !== NOT_YET) return stateOf(info)
      await sleep(MAKING_MS.each)
    }
    throw new NatsFailure(unavailable(`it is still making the bucket ${this.name}`))
  }

  /**
   * The last message of a key. From the server that leads: replicas may lag behind.
   *
   * @param _whole what the bucket has just said of itself: NATS before 2.9.15 crashes if it is asked for a message of a
   *   bucket that it is still making
   */
  async get({ jsm }: Session, key: string, _whole: BucketState): Promise<Entry | undefined> {
    const message = await jsm.streams.getMessage(this.#stream, { last_by_subj: this.#prefix + key })
    return message === null ? undefined : entryOfStored(message, this.#prefix)
  }

  /** Resolves with the message's sequence number; rejects with a failure `outdated` if the key has changed. */
  async write(session: Session, key: string, value: string, options: WriteOptions = {}): Promise<number> {
    const head = headers()
    if (options.created !== undefined) head.set(CREATED_HEADER, String(options.created))
    return this.#publish(session, key, value, { ...options, headers: head })
  }

  /**
   * Deletes a key if its last message is `expected`: a mark of it stays for `ttlMs`, or as long as the bucket keeps any.
   * The library's `purge` would drop the key's former messages too; then NATS 2.9 may lose others' messages on their way
   * to a watch.
   */
  async remove(session: Session, key: string, expected: number, ttlMs?: number): Promise<number> {
    const head = headers()
    head.set(OPERATION_HEADER, 'DEL')
    return this.#publish(session, key, '', { expected, ttlMs, headers: head })
  }

  async #publish(
    session: Session,
    key: string,
    value: string,
    { expected, ttlMs, headers }: Pick<WriteOptions, 'expected' | 'ttlMs'> & { readonly headers: MsgHdrs },
  ): Promise<number> {
    try {
      const { seq } = await session.js.publish(session.publishPrefix + this.#prefix + key, value, {
        headers,
        ...(expected !== undefined && { expect: { lastSubjectSequence: expected } }),
        ...(ttlMs !== undefined && { ttl: seconds(ttlMs) }),
      })
      return seq
    } catch (error) {
      // Nobody takes it: there is no such bucket, or it has no leader.
      if (isUnheard(classify(error))) await this.state(session)
      throw error
    }
  }

  /** All that there is. @param signal ends the delivery if it aborts before this resolves */
  async list(session: Session, options: DeliverOptions, signal: AbortSignal): Promise<List> {
    const delivery = await this.deliver(session, options, signal)
    const lookDue = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)])
    let due = lookDue()
    try {
      const entries: Entry[] = []
      while (entries.length < delivery.pending) {
        const next = await delivery.next(due)
        signal.throwIfAborted()
        for (const entry of next) entries.push(entry)
        if (next.length > 0) continue
        await this.#requireSame(session, delivery)
        due = lookDue()
      }
      return { entries, delivery }
    } catch (error) {
      delivery.close()
      throw error
    }
  }

  /** Rejects if the bucket of a delivery was deleted since: what it has not brought yet will not come. */
  async #requireSame(session: Session, delivery: Delivery): Promise<void> {
    if (isMadeSince(delivery, await this.state(session))) {
      throw new NatsFailure(unavailable('the bucket was deleted while it was listed'))
    }
  }

  /**
   * A cluster may assign the delivery to a server that has just died. No error says so, the request only times out: it is
   * sent again, and the next one may be assigned to another server.
   *
   * @param signal ends the delivery if it aborts before this resolves
   */
  async deliver(session: Session, options: DeliverOptions, signal: AbortSignal): Promise<Delivery> {
    for (;;) {
      try {
        return await this.#deliver(session, options, signal)
      } catch (error) {
        if (signal.aborted || session.end !== undefined || !isTimeout(error)) throw error
      }
    }
  }

  async #deliver(session: Session, options: DeliverOptions, signal: AbortSignal): Promise<Delivery> {
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

/** Whether the bucket was made after the delivery began: then that is of an earlier one. In doubt it is. */
export const isMadeSince = ({ startedAt }: Delivery, { id }: BucketState): boolean =>
  Date.parse(id) >= startedAt

/** Whether a subject is that of the messages, or one by which the server learns that they were taken. */
const isOfDelivery = (subject: string | undefined, inbox: string): boolean =>
  subject === inbox || subject?.startsWith('$JS.FC.') === true

/** As the server takes a time to live. */
const seconds = (ms: number): string => `${Math.ceil(ms / 1000)}s`
