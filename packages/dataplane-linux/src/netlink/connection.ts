import { type Nack, readAck } from './ack.js'
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './constants.js'
import { NetlinkError } from './errors.js'
import { Exchanger } from './exchange.js'
import type { MessageReader } from './reader.js'
import type { MessageWriter } from './writer.js'

/** Writes one request into `writer`, with these flags and this sequence number in its header. */
export type WriteRequest = (writer: MessageWriter, flags: number, sequence: number) => void

/** Decodes one message of an answer; undefined leaves it out. */
export type ReadMessage<T> = (message: MessageReader) => T | undefined

/** What a batch of requests of one sort is sent with. */
export interface BatchOptions<T extends object> extends CallOptions {
  /** Writes exactly one message. */
  readonly write: (writer: MessageWriter, request: T, sequence: number) => void
  /** What a request attempts, for its error, such as `put route 254 10.5.52.0/24 0 0`. */
  readonly describe: (request: T) => string
  /** Takes a message that a request is answered with, other than an error. Default: it is not looked at. */
  readonly onAnswer?: ((request: T, answer: MessageReader) => void) | undefined
}

/** What every call of a connection takes. */
export interface CallOptions {
  /** Aborting rejects the call with the signal's own reason. */
  readonly signal?: AbortSignal | undefined
}

/** What a read of a connection takes besides. */
export interface ReadOptions extends CallOptions {
  /** Errors that mean that there is nothing, such as ENODEV: the result is empty then. Default: none means so. */
  readonly absence?: readonly string[] | undefined
}

/** Which netlink, and where. */
export interface ConnectionOptions {
  /** Such as {@link NETLINK_GENERIC}; `NETLINK_ROUTE` by default. */
  readonly protocol?: number | undefined
  /** The network namespace to connect to, by path such as `/run/netns/blue`. The process's own by default. */
  readonly namespace?: string | undefined
  /** Receive buffer in bytes; 8 MiB by default. */
  readonly receiveBuffer?: number | undefined
}

/**
 * Bytes that a datagram is filled up to, some 700 fdb entries: the kernel needs twice as long for each of those in
 * datagrams of thousands. Each takes per-CPU memory (`dst_cache`), which a kernel worker provides that cannot run on
 * this CPU during a system call. Above SO_SNDBUF, 208 KiB by default, the kernel refuses a datagram.
 */
const DATAGRAM_BYTES = 32 << 10

/** Batches up to this size are sent at once: a turn of the event loop would take longer. */
const MAX_WITHOUT_TURN = 100

/** After so many requests, which keep the kernel busy for some 20 ms, the event loop turns. */
const REQUESTS_PER_TURN = 4_000

/** How often an interrupted dump is restarted. */
const MAX_DUMP_ATTEMPTS = 20

/**
 * Requests over one netlink socket, one exchange at a time.
 *
 * The kernel carries out a datagram of many messages in order while it is being sent. It always answers an error, and
 * a success only if asked to. So a batch asks for a single answer: to a no-op behind the last message, which proves
 * that every error was read. If the receive buffer overflows nevertheless, requests without an answer are reported as
 * of unknown outcome (`lost`).
 *
 * Every method rejects with a NetlinkError, or with the reason of an aborted signal.
 */
export class NetlinkConnection implements AsyncDisposable {
  readonly #exchanger: Exchanger
  #queue: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** Throws a NetlinkError: `unavailable` without netlink or namespace, `refused` without the rights to enter one. */
  constructor(options: ConnectionOptions = {}) {
    this.#exchanger = new Exchanger(options)
  }

  /** The port that notifications of what this connection caused bear. */
  get port(): number {
    return this.#exchanger.port
  }

  /**
   * Sends one request and returns what `read` makes of each message of the answer.
   *
   * @param operation what the request attempts, for the error
   */
  async request<T>(
    operation: string,
    write: WriteRequest,
    read: ReadMessage<T>,
    options: ReadOptions = {},
  ): Promise<T[]> {
    return this.#serialize(options, async () => {
      const exchanger = this.#exchanger
      const sequence = exchanger.reserve(1)
      const answers: T[] = []
      let nack: Nack | undefined
      exchanger.writer.reset()
      write(exchanger.writer, NLM_F_REQUEST | NLM_F_ACK, sequence)
      const isComplete = await exchanger.exchange(sequence, sequence, (message) => {
        if (message.type === NLMSG_ERROR) {
          nack = readAck(message)
          return true
        }
        const answer = read(message)
        if (answer !== undefined) answers.push(answer)
        return false
      })
      if (!isComplete) await exchanger.drain(sequence, () => {})
      if (nack !== undefined) {
        if (isAbsence(nack, options)) return []
        throw refusal(operation, nack)
      }
      if (!isComplete) throw new NetlinkError({ reason: 'lost', operation })
      return answers
    })
  }

  /**
   * Reads a table. A dump of a table that changed meanwhile (NLM_F_DUMP_INTR) is discarded and restarted. Rejects with
   * `interrupted` if that happens 20 times in a row.
   */
  async dump<T>(
    operation: string,
    write: WriteRequest,
    read: ReadMessage<T>,
    options: ReadOptions = {},
  ): Promise<T[]> {
    return this.#serialize(options, async () => {
      for (let attempt = 0; attempt < MAX_DUMP_ATTEMPTS; attempt += 1) {
        options.signal?.throwIfAborted()
        const entries = await this.#dumpOnce(operation, write, read, options)
        if (entries !== undefined) return entries
      }
      throw new NetlinkError({
        reason: 'interrupted',
        operation,
        explanation: `the table changed during each of ${MAX_DUMP_ATTEMPTS} reads`,
      })
    })
  }

  /**
   * Sends requests in as few datagrams as they fit into, and returns those that failed; all others were carried out.
   * One for which `write` throws a TypeError is `invalid`. Before a large batch, and after every few thousand requests
   * of it, the event loop turns and the signal is checked.
   */
  async batch<T extends object>(
    requests: readonly T[],
    options: BatchOptions<T>,
  ): Promise<ReadonlyMap<T, NetlinkError>> {
    return this.#serialize(options, async () => {
      const failures = new Map<T, NetlinkError>()
      let nextTurn = requests.length > MAX_WITHOUT_TURN ? 0 : requests.length
      for (let first = 0; first < requests.length; ) {
        if (first >= nextTurn) {
          await new Promise((resolve) => setImmediate(resolve))
          options.signal?.throwIfAborted()
          nextTurn = first + REQUESTS_PER_TURN
        }
        first = await this.#sendDatagram(requests, first, options, failures)
      }
      return failures
    })
  }

  /** Waits for the exchange under way, then closes. Later calls reject with `closed`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#queue
    this.#exchanger.close()
  }

  /** Undefined if the dump must be repeated. */
  async #dumpOnce<T>(
    operation: string,
    write: WriteRequest,
    read: ReadMessage<T>,
    options: ReadOptions,
  ): Promise<T[] | undefined> {
    const exchanger = this.#exchanger
    const sequence = exchanger.reserve(1)
    const entries: T[] = []
    let isInterrupted = false
    let nack: Nack | undefined
    exchanger.writer.reset()
    write(exchanger.writer, NLM_F_REQUEST | NLM_F_DUMP, sequence)
    const isComplete = await exchanger.exchange(sequence, sequence, (message) => {
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) isInterrupted = true
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        nack = readAck(message, message.type === NLMSG_DONE)
        return true
      }
      if (isInterrupted) return false
      const entry = read(message)
      if (entry !== undefined) entries.push(entry)
      return false
    })
    if (!isComplete) await exchanger.drain(sequence, () => {})
    // EBUSY: the rest of an abandoned dump is still to be read; EAGAIN: the table was changed under it.
    if (nack !== undefined && nack.errno !== 'EAGAIN' && nack.errno !== 'EBUSY') {
      if (isAbsence(nack, options)) return []
      throw refusal(operation, nack)
    }
    return !isComplete || isInterrupted || nack !== undefined ? undefined : entries
  }

  /** Sends requests from `first` on, as many as fit, and returns the index of the next. */
  async #sendDatagram<T extends object>(
    requests: readonly T[],
    first: number,
    { write, describe, onAnswer }: BatchOptions<T>,
    failures: Map<T, NetlinkError>,
  ): Promise<number> {
    const { writer } = this.#exchanger
    const base = this.#exchanger.nextSequence
    const sent: T[] = []
    writer.reset()
    for (
      let request = requests[first];
      request !== undefined && writer.length < DATAGRAM_BYTES;
      request = requests[first + sent.length]
    ) {
      try {
        write(writer, request, (base + sent.length) >>> 0)
      } catch (error) {
        // One entry with an address that is none must not stop the thousands that it comes with.
        if (!(error instanceof TypeError)) throw error
        writer.abandon()
        failures.set(request, NetlinkError.from(error, 'invalid', describe(request)))
      }
      sent.push(request)
    }
    this.#exchanger.reserve(sent.length)
    const take = (message: MessageReader): void => {
      const request = sent[(message.sequence - base) >>> 0]
      if (message.type !== NLMSG_ERROR) {
        if (request !== undefined) onAnswer?.(request, message)
        return
      }
      const nack = readAck(message)
      if (nack !== undefined && request !== undefined) failures.set(request, refusal(describe(request), nack))
    }
    const isComplete = await this.#exchanger.exchangeBarrier(base, take)
    if (!isComplete) {
      // Successes are not answered, but the lost answer may be that of an error.
      await this.#exchanger.drain(base, take)
      for (const request of sent) {
        if (!failures.has(request)) {
          failures.set(request, new NetlinkError({ reason: 'lost', operation: describe(request) }))
        }
      }
    }
    return first + sent.length
  }

  #serialize<T>({ signal }: CallOptions, body: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#isClosed) {
        throw new NetlinkError({
          reason: 'closed',
          operation: 'using a netlink connection',
          explanation: 'it was closed',
        })
      }
      signal?.throwIfAborted()
      return body()
    })
    this.#queue = result.then(
      () => {},
      () => {},
    )
    return result
  }
}

const isAbsence = ({ errno }: Nack, { absence = [] }: ReadOptions): boolean => absence.includes(errno)

const refusal = (operation: string, nack: Nack): NetlinkError =>
  new NetlinkError({ reason: 'refused', operation, ...nack })
