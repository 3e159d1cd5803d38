import { NotificationSocket } from './notification-socket.js'
import { MessageReader } from './reader.js'

/** What a `NetlinkMonitor` listens to, and what it calls. */
export interface MonitorOptions {
  /** The network namespace to observe, by path. The process's own by default. */
  readonly namespace?: string | undefined
  /** NETLINK_*; `NETLINK_ROUTE` by default. */
  readonly protocol?: number | undefined
  /** The multicast groups to join (RTNLGRP_*, XFRMNLGRP_*). */
  readonly groups: readonly number[]
  /** Drop what the socket of this port caused, as far as the kernel knows. Default: nothing is dropped. */
  readonly ignoredPort?: number | undefined
  /** Receive buffer in bytes. 32 MiB by default, enough for 50,000 fdb entries written at once. */
  readonly receiveBuffer?: number | undefined
  /** A notification; its `port` is that of the socket that caused it. The reader is valid only during the call. */
  readonly onNotification: (message: MessageReader) => void
  /** Notifications were lost, so everything that they could concern must be read again. */
  readonly onOverrun: () => void
  /** Receiving failed, or a handler threw; there may be no further notifications. */
  readonly onError: (error: unknown) => void
}

/** A limit: the kernel's memory is taken only for what is queued. */
const RECEIVE_BUFFER = 32 << 20

/**
 * Receives the kernel's notifications. On a busy host most of them are irrelevant, so a handler gets a reader over the
 * kernel's bytes and decides which are worth decoding.
 */
export class NetlinkMonitor {
  readonly #socket: NotificationSocket
  readonly #options: MonitorOptions
  #lost: number
  #checking = false
  #closed = false

  constructor(options: MonitorOptions) {
    this.#options = options
    this.#socket = new NotificationSocket({
      receiveBuffer: RECEIVE_BUFFER,
      ...options,
      onMessage: (bytes) => this.#receive(bytes),
      onError: (error) => options.onError(error),
    })
    this.#lost = 0
  }

  /** Ends it: no notification comes after this. It may be called again. */
  close(): void {
    this.#closed = true
    this.#socket.close()
  }

  #receive(bytes: Buffer): void {
    // A full buffer has something to read, so an overrun is always followed by a message.
    if (!this.#checking) {
      this.#checking = true
      setImmediate(() => this.#checkDrops())
    }
    const message = new MessageReader(bytes)
    while (message.next()) this.#options.onNotification(message)
  }

  #checkDrops(): void {
    this.#checking = false
    if (this.#closed) return
    try {
      const lost = this.#socket.drops()
      if (lost === this.#lost) return
      this.#lost = lost
      this.#options.onOverrun()
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
