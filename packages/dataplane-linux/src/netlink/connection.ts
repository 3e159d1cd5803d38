import { OverlayError } from '@selvedge/core'
import { type Refusal, readAnswer, refusalError, UNKNOWN } from './ack.js'
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
} from './constants.js'
import { MessageReader } from './reader.js'
import { NetlinkSocket } from './socket.js'
import { MessageWriter } from './writer.js'

/**
 * Requests to rtnetlink over one socket, one exchange at a time.
 *
 * The kernel carries out a datagram of many messages while it is being sent, in their order, and answers an error
 * always, success only where asked. So a batch asks for no answers but one: a no-op behind the last message, whose
 * answer says that all the errors that there were have been read. Should the receive buffer overflow nevertheless,
 * the socket counts it, and messages without an answer are reported as of unknown outcome instead of as successes.
 */

/** Writes one request into `writer`, with these flags and this sequence number in its header. */
export type WriteRequest = (writer: MessageWriter, flags: number, sequence: number) => void

/** Writes request `index` of a batch. It must write exactly one message. */
export type WriteBatchRequest = (writer: MessageWriter, index: number, sequence: number) => void

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ReadOptions extends CallOptions {
  /** Answers that say that there is nothing, such as ENODEV: what comes back is empty then. */
  readonly absence?: readonly string[] | undefined
}

export interface ConnectionOptions {
  /** The network namespace to speak to, by path such as `/run/netns/blue`; the process's own where absent. */
  readonly namespace?: string | undefined
  /** Receive buffer in bytes; 8 MiB where absent. */
  readonly receiveBuffer?: number | undefined
}

/**
 * Bytes of a datagram at most, some 700 forwarding entries: the kernel takes twice as long for each of those in datagrams
 * of thousands. Each takes per-CPU memory (`dst_cache`), which a worker provides that does not get its turn on this CPU
 * while a system call goes on. Above SO_SNDBUF, 208 KiB by default, the kernel would refuse them.
 */
const DATAGRAM_BYTES = 32 << 10

/** So many requests are carried out at once: a turn of the event loop would take longer. */
const FEW = 100

/** After so many, which take the kernel some 20 ms, the event loop turns. */
const REQUESTS_A_TURN = 4_000

/** How often a dump that was interrupted is begun again. */
const DUMP_TRIES = 20

/** How often a no-op is sent until one comes back, each time after what had arrived was read. */
const DRAIN_TRIES = 10_000

interface Exchange {
  /** The first and last sequence number of the exchange; answers to others are left over from before. */
  readonly first: number
  readonly last: number
  /** Takes a message of this exchange; true where it was the last. */
  readonly take: (message: MessageReader) => boolean
  readonly settle: (error?: unknown) => void
  lostBefore: number
  /** The kernel has carried it out. */
  sent: boolean
  finished: boolean
}

export class NetlinkConnection implements AsyncDisposable {
  readonly #socket: NetlinkSocket
  readonly #writer = new MessageWriter(DATAGRAM_BYTES + 4096)
  #sequence = 0
  #current: Exchange | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  /** Throws `UNSUPPORTED` where the platform or the kernel lacks netlink, `ACCESS_DENIED` for a namespace. */
  constructor(options: ConnectionOptions = {}) {
    this.#socket = new NetlinkSocket({
      ...options,
      onMessage: (message) => this.#receive(message),
      onError: (error) => this.#fail(error),
    })
    this.#socket.hold(false)
  }

  /** The port by which notifications tell that this connection caused them. */
  get port(): number {
    return this.#socket.port
  }

  /**
   * Sends one request and returns what `read` makes of each message that it is answered with.
   *
   * @param attempted what the request is to do, for the error's text
   * @throws OverlayError `KERNEL_REFUSED`, `ACCESS_DENIED` or `UNSUPPORTED` with the kernel's own words
   */
  async request<T>(
    attempted: string,
    write: WriteRequest,
    read: (message: MessageReader) => T | undefined,
    options: ReadOptions = {},
  ): Promise<T[]> {
    return this.#serialize(options, async () => {
      const sequence = this.#take(1)
      const answers: T[] = []
      let refusal: Refusal | undefined
      this.#writer.reset()
      write(this.#writer, NLM_F_REQUEST | NLM_F_ACK, sequence)
      const complete = await this.#exchange(sequence, sequence, (message) => {
        if (message.type === NLMSG_ERROR) {
          refusal = readAnswer(message)
          return true
        }
        const answer = read(message)
        if (answer !== undefined) answers.push(answer)
        return false
      })
      if (!complete) {
        await this.#drain(sequence, () => {})
        refusal ??= UNKNOWN
      }
      if (refusal === undefined) return answers
      if (isAbsence(refusal, options)) return []
      throw refusalError(refusal, attempted)
    })
  }

  /**
   * Reads a table. A dump that changed while it was read (NLM_F_DUMP_INTR) is thrown away and begun again.
   *
   * @throws OverlayError `READ_INTERRUPTED` where it is interrupted 20 times in a row
   */
  async dump<T>(
    attempted: string,
    write: WriteRequest,
    read: (message: MessageReader) => T | undefined,
    options: ReadOptions = {},
  ): Promise<T[]> {
    return this.#serialize(options, async () => {
      for (let attempt = 0; attempt < DUMP_TRIES; attempt += 1) {
        options.signal?.throwIfAborted()
        const entries = await this.#dumpOnce(attempted, write, read, options)
        if (entries !== undefined) return entries
      }
      throw new OverlayError(
        'READ_INTERRUPTED',
        `${attempted}: the table changed during each of ${DUMP_TRIES} reads`,
      )
    })
  }

  /**
   * Sends `count` requests in as few datagrams as they fit into, and returns those that were refused, by index; one
   * for which `write` throws a TypeError is as if refused with EINVAL. All others were carried out. Of a large
   * batch the event loop turns and the signal is heeded before the first and after each few thousand.
   */
  async batch(
    count: number,
    write: WriteBatchRequest,
    options: CallOptions = {},
  ): Promise<ReadonlyMap<number, Refusal>> {
    return this.#serialize(options, async () => {
      const refusals = new Map<number, Refusal>()
      let nextTurn = count > FEW ? 0 : count
      for (let first = 0; first < count; ) {
        if (first >= nextTurn) {
          await new Promise((resolve) => setImmediate(resolve))
          options.signal?.throwIfAborted()
          nextTurn = first + REQUESTS_A_TURN
        }
        first = await this.#sendDatagram(first, count, write, refusals)
      }
      return refusals
    })
  }

  /** Waits for the exchange under way, then closes. What is called later rejects with `CLOSED`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#queue
    this.#socket.close()
  }

  async #dumpOnce<T>(
    attempted: string,
    write: WriteRequest,
    read: (message: MessageReader) => T | undefined,
    options: ReadOptions,
  ): Promise<T[] | undefined> {
    const sequence = this.#take(1)
    const entries: T[] = []
    let interrupted = false
    let refusal: Refusal | undefined
    this.#writer.reset()
    write(this.#writer, NLM_F_REQUEST | NLM_F_DUMP, sequence)
    const complete = await this.#exchange(sequence, sequence, (message) => {
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
        refusal = readAnswer(message, message.type === NLMSG_DONE)
        return true
      }
      if (interrupted) return false
      const entry = read(message)
      if (entry !== undefined) entries.push(entry)
      return false
    })
    if (!complete) await this.#drain(sequence, () => {})
    // EBUSY: the rest of a dump that was given up is still to be read; EAGAIN: the table was changed under it.
    if (refusal !== undefined && refusal.errno !== 'EAGAIN' && refusal.errno !== 'EBUSY') {
      if (isAbsence(refusal, options)) return []
      throw refusalError(refusal, attempted)
    }
    return !complete || interrupted || refusal !== undefined ? undefined : entries
  }

  /** Sends requests from `first` on, as many as fit, and returns the index of the next. */
  async #sendDatagram(
    first: number,
    count: number,
    write: WriteBatchRequest,
    refusals: Map<number, Refusal>,
  ): Promise<number> {
    const writer = this.#writer
    const base = this.#sequence + 1
    let next = first
    writer.reset()
    for (; next < count && writer.length < DATAGRAM_BYTES; next += 1) {
      try {
        write(writer, next, (base + next - first) >>> 0)
      } catch (error) {
        // What is no address cannot be written. One such entry must not stop the thousands that it comes with.
        if (!(error instanceof TypeError)) throw error
        writer.abandon()
        refusals.set(next, { errno: 'EINVAL', text: error.message, unsent: true })
      }
    }
    const messages = next - first
    this.#take(messages)
    const take = (message: MessageReader): void => {
      if (message.type !== NLMSG_ERROR) return
      const index = (message.sequence - base) >>> 0
      const refusal = readAnswer(message)
      if (refusal !== undefined && index < messages) refusals.set(first + index, refusal)
    }
    const complete = await this.#exchangeBarrier(base, take)
    if (complete) return next
    // Success was not to be answered, but an error may be what was lost.
    await this.#drain(base, take)
    for (let index = first; index < next; index += 1) {
      if (!refusals.has(index)) refusals.set(index, UNKNOWN)
    }
    return next
  }

  /** Adds a no-op to what is written already, sends it all, and reads up to the no-op's answer. */
  #exchangeBarrier(first: number, take: (message: MessageReader) => void): Promise<boolean> {
    const barrier = this.#take(1)
    this.#writer.begin(NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, barrier)
    this.#writer.end()
    return this.#exchange(first, barrier, (message) => {
      if (message.sequence === barrier) return true
      take(message)
      return false
    })
  }

  /** Reads what is left of an exchange of which something was lost, so that it does not run into the next. */
  async #drain(first: number, take: (message: MessageReader) => void): Promise<void> {
    for (let attempt = 0; attempt < DRAIN_TRIES; attempt += 1) {
      this.#writer.reset()
      if (await this.#exchangeBarrier(first, take)) return
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    throw new OverlayError('KERNEL_REFUSED', `netlink socket ${this.port} loses every answer`)
  }

  /** Sends what is written. False where answers were lost. */
  #exchange(first: number, last: number, take: (message: MessageReader) => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const exchange: Exchange = {
        first,
        last,
        take,
        lostBefore: this.#socket.drops(),
        sent: false,
        finished: false,
        settle: (error) => {
          // Where answers were lost, the exchange goes on taking what was not until the next one begins.
          if (error !== undefined || exchange.finished) this.#current = undefined
          if (error !== undefined) reject(error)
          else resolve(exchange.finished)
        },
      }
      this.#current = exchange
      this.#socket.send(this.#writer.bytes(), (error) => {
        if (this.#current !== exchange) return
        if (error !== undefined) return exchange.settle(sendError(error))
        exchange.sent = true
        // All answers stand in the receive buffer by now, or were lost; of a dump, the first of them.
        this.#socket.readNow()
        if (this.#current !== exchange) return
        if (exchange.finished || this.#socket.drops() !== exchange.lostBefore) exchange.settle()
      })
    })
  }

  #receive(bytes: Buffer): void {
    const exchange = this.#current
    if (exchange === undefined) return
    const message = new MessageReader(bytes)
    while (message.next()) {
      const isOurs = (message.sequence - exchange.first) >>> 0 <= (exchange.last - exchange.first) >>> 0
      if (isOurs && !exchange.finished && exchange.take(message)) exchange.finished = true
    }
    // The buffer of what was sent may be written to again only when the send is over.
    if (exchange.finished && exchange.sent) exchange.settle()
  }

  #fail(error: unknown): void {
    this.#current?.settle(OverlayError.from(error, 'KERNEL_REFUSED', 'reading from netlink'))
  }

  /** Reserves `count` sequence numbers and returns the last. */
  #take(count: number): number {
    this.#sequence = (this.#sequence + count) >>> 0
    return this.#sequence
  }

  #serialize<T>({ signal }: CallOptions, body: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#closed) throw new OverlayError('CLOSED', 'the netlink connection was closed')
      signal?.throwIfAborted()
      this.#socket.hold(true)
      try {
        return await body()
      } finally {
        this.#socket.hold(false)
      }
    })
    this.#queue = result.then(
      () => {},
      () => {},
    )
    return result
  }
}

const isAbsence = ({ errno }: Refusal, { absence = [] }: ReadOptions): boolean =>
  errno !== undefined && absence.includes(errno)

function sendError(error: unknown): OverlayError {
  return OverlayError.from(error, 'KERNEL_REFUSED', 'sending to netlink')
}
