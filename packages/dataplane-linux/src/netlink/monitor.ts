import { MessageReader } from './reader.js'
import { NetlinkSocket } from './socket.js'

export interface MonitorOptions {
  /** The network namespace to hear of, by path; the process's own where absent. */
  readonly namespace?: string | undefined
  /** RTNLGRP_*: what to hear of. */
  readonly groups: readonly number[]
  /** Drop what the socket of this port caused, as far as the kernel knows. */
  readonly ignoredPort?: number | undefined
  /** Receive buffer in bytes; 32 MiB where absent: what 50,000 forwarding entries written at once are told with. */
  readonly receiveBuffer?: number | undefined
  /** A notification; its `port` is that of the socket that caused it. The reader is good only during the call. */
  readonly onNotification: (message: MessageReader) => void
  /** Notifications were lost, so whatever they would have told must be read again. */
  readonly onOverrun: () => void
  /** Receiving failed, or a handler threw; nothing more may come. */
  readonly onError: (error: unknown) => void
}

/** Taken from the kernel's memory only while it is filled. */
const RECEIVE_BUFFER = 32 << 20

/**
 * Hears the kernel's notifications. On a busy host most of them concern nobody here, so they come as calls on a
 * reader over the kernel's own bytes: the hearer decides what is worth an object.
 */
export class NetlinkMonitor {
  readonly #socket: NetlinkSocket
  readonly #options: MonitorOptions
  #lost: number
  #checking = false
  #closed = false

  constructor(options: MonitorOptions) {
    this.#options = options
    this.#socket = new NetlinkSocket({
      receiveBuffer: RECEIVE_BUFFER,
      ...options,
      onMessage: (bytes) => this.#receive(bytes),
      onError: (error) => options.onError(error),
    })
    this.#lost = 0
  }

  close(): void {
    this.#closed = true
    this.#socket.close()
  }

  #receive(bytes: Buffer): void {
    // A full buffer has something to read, so an overrun never goes unnoticed for want of a message.
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
