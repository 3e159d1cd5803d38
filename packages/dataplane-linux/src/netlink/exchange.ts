import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP } from './constants.js'
import { NetlinkError } from './errors.js'
import { MessageReader } from './reader.js'
import { RequestSocket, type RequestSocketOptions } from './request-socket.js'
import { MessageWriter } from './writer.js'

/** Bytes that a datagram of several messages is filled up to, plus room for the message that crosses the limit. */
const INITIAL_WRITER_BYTES = 36 << 10

/** How often a barrier is sent until its answer arrives, each time after the queue was read. */
const MAX_DRAIN_ATTEMPTS = 10_000

/** Handles a message of the exchange; true if it was the last. */
export type TakeMessage = (message: MessageReader) => boolean

/** How long answers are read before the event loop turns, in ms: some 5,000 entries of a dump. */
const MAX_MS_WITHOUT_TURN = 10

/**
 * One datagram to the kernel and all that it is answered with, one exchange at a time. A lost answer is noticed: the
 * kernel answers before `send` returns, so an answer that is not queued then did not fit into the receive buffer.
 */
export class Exchanger {
  /** Holds what `exchange` and `exchangeBarrier` send. */
  readonly writer = new MessageWriter(INITIAL_WRITER_BYTES)
  readonly #socket: RequestSocket
  #sequence = 0

  constructor(options: RequestSocketOptions) {
    this.#socket = new RequestSocket(options)
  }

  get port(): number {
    return this.#socket.port
  }

  /** The number that `reserve(1)` returns next. */
  get nextSequence(): number {
    return (this.#sequence + 1) >>> 0
  }

  /** Reserves `count` sequence numbers and returns the last. */
  reserve(count: number): number {
    this.#sequence = (this.#sequence + count) >>> 0
    return this.#sequence
  }

  close(): void {
    this.#socket.close()
  }

  /**
   * Sends what is written. Resolves to false if the last answer was lost; those that arrived were taken then. If `take`
   * throws, the rest is read and ignored, so that a dump does not stay half read.
   */
  async exchange(first: number, last: number, take: TakeMessage): Promise<boolean> {
    this.#socket.send(this.writer.bytes())
    let failure: { readonly error: unknown } | undefined
    let endsAt = performance.now() + MAX_MS_WITHOUT_TURN
    for (let bytes = this.#socket.receive(); bytes !== undefined; bytes = this.#socket.receive()) {
      try {
        if (failure === undefined && takeAll(bytes, first, last, take)) return true
      } catch (error) {
        failure = { error }
      }
      if (performance.now() >= endsAt) {
        await new Promise<void>((resolve) => setImmediate(resolve))
        endsAt = performance.now() + MAX_MS_WITHOUT_TURN
      }
    }
    if (failure !== undefined) throw NetlinkError.from(failure.error, 'lost', 'reading from netlink')
    return false
  }

  /** Appends a no-op to what is written, sends it all, and reads up to the no-op's answer. */
  exchangeBarrier(first: number, take: (message: MessageReader) => void): Promise<boolean> {
    const barrier = this.reserve(1)
    this.writer.begin(NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, barrier)
    this.writer.end()
    return this.exchange(first, barrier, (message) => {
      if (message.sequence === barrier) return true
      take(message)
      return false
    })
  }

  /** Reads the rest of an exchange that lost an answer, so that it does not leak into the next. */
  async drain(first: number, take: (message: MessageReader) => void): Promise<void> {
    for (let attempt = 0; attempt < MAX_DRAIN_ATTEMPTS; attempt += 1) {
      this.writer.reset()
      if (await this.exchangeBarrier(first, take)) return
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    throw new NetlinkError({
      reason: 'lost',
      operation: `reading from netlink socket ${this.port}`,
      explanation: `it lost the answers to ${MAX_DRAIN_ATTEMPTS} requests in a row`,
    })
  }
}

/** @returns whether the last message of the exchange was among them */
function takeAll(bytes: Buffer, first: number, last: number, take: TakeMessage): boolean {
  const message = new MessageReader(bytes)
  while (message.next()) {
    // Answers to other sequence numbers are left over from an earlier exchange.
    const isOurs = (message.sequence - first) >>> 0 <= (last - first) >>> 0
    if (isOurs && take(message)) return true
  }
  return false
}
