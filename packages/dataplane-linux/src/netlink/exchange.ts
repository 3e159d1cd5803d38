import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP } from './constants.js'
import { NetlinkError } from './errors.js'
import { MessageReader } from './reader.js'
import { NetlinkSocket, type SocketOptions } from './socket.js'
import { MessageWriter } from './writer.js'

/** Bytes that a datagram of several messages is filled up to, plus room for the message that crosses the limit. */
const INITIAL_WRITER_BYTES = 36 << 10

/** How often a barrier is sent until its answer arrives, each time after the queue was read. */
const MAX_DRAIN_ATTEMPTS = 10_000

/** Handles a message of the exchange; true if it was the last. */
export type TakeMessage = (message: MessageReader) => boolean

interface Exchange {
  /** The first and last sequence number; answers to others are left over from an earlier exchange. */
  readonly first: number
  readonly last: number
  readonly take: TakeMessage
  readonly settle: (error?: unknown) => void
  readonly dropsBefore: number
  /** The kernel has carried it out. */
  isSent: boolean
  isFinished: boolean
}

/**
 * One datagram to the kernel and all that it is answered with, one exchange at a time. A lost answer is noticed: the
 * socket counts overruns of its receive buffer.
 */
export class Exchanger {
  /** Holds what `exchange` and `exchangeBarrier` send. */
  readonly writer = new MessageWriter(INITIAL_WRITER_BYTES)
  readonly #socket: NetlinkSocket
  #sequence = 0
  #current: Exchange | undefined

  constructor(options: Pick<SocketOptions, 'namespace' | 'receiveBuffer'>) {
    this.#socket = new NetlinkSocket({
      ...options,
      onMessage: (message) => this.#receive(message),
      onError: (error) => this.#fail(error),
    })
    this.#socket.hold(false)
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

  /** Whether waiting for an answer keeps the process alive. */
  hold(alive: boolean): void {
    this.#socket.hold(alive)
  }

  close(): void {
    this.#socket.close()
  }

  /** Sends what is written. Resolves to false if answers were lost. */
  exchange(first: number, last: number, take: TakeMessage): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const exchange: Exchange = {
        first,
        last,
        take,
        dropsBefore: this.#socket.drops(),
        isSent: false,
        isFinished: false,
        settle: (error) => {
          // If answers were lost, the exchange goes on taking the rest until the next one begins.
          if (error !== undefined || exchange.isFinished) this.#current = undefined
          if (error !== undefined) reject(error)
          else resolve(exchange.isFinished)
        },
      }
      this.#current = exchange
      this.#socket.send(this.writer.bytes(), (error) => {
        if (this.#current !== exchange) return
        if (error !== undefined)
          return exchange.settle(NetlinkError.from(error, 'lost', 'sending to netlink'))
        exchange.isSent = true
        // All answers are in the receive buffer by now, or were lost; of a dump, the first of them.
        this.#socket.readNow()
        if (this.#current !== exchange) return
        if (exchange.isFinished || this.#socket.drops() !== exchange.dropsBefore) exchange.settle()
      })
    })
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

  #receive(bytes: Buffer): void {
    const exchange = this.#current
    if (exchange === undefined) return
    const { first, last } = exchange
    const message = new MessageReader(bytes)
    while (message.next()) {
      const isOurs = (message.sequence - first) >>> 0 <= (last - first) >>> 0
      if (isOurs && !exchange.isFinished && exchange.take(message)) exchange.isFinished = true
    }
    // The writer's buffer may be reused only after the send is over.
    if (exchange.isFinished && exchange.isSent) exchange.settle()
  }

  #fail(error: unknown): void {
    this.#current?.settle(NetlinkError.from(error, 'lost', 'reading from netlink'))
  }
}
