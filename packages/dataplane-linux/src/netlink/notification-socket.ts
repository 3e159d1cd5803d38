import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { NETLINK_ROUTE } from './constants.js'
import { type DescriptorOptions, NetlinkDescriptor } from './descriptor.js'
import { NetlinkError } from './errors.js'
import { openRawSocket, type RawSocket } from './libc.js'
import { inNamespace } from './namespace.js'

/** How long notifications are read before the event loop turns, in ms. */
const MAX_MS_WITHOUT_TURN = 10

export interface NotificationSocketOptions extends DescriptorOptions {
  /** The network namespace to open it in, by path. This thread's own by default. */
  readonly namespace?: string | undefined
  /** NETLINK_*; `NETLINK_ROUTE` by default. */
  readonly protocol?: number | undefined
  /** The multicast groups to join (RTNLGRP_*, XFRMNLGRP_*). */
  readonly groups: readonly number[]
  /** A datagram; its bytes are valid only during the call. */
  readonly onMessage: (message: Buffer) => void
  /** `onMessage` threw, or receiving failed, so that anything may be lost. Must not throw. */
  readonly onError: (error: unknown) => void
}

/**
 * A netlink socket that receives the kernel's notifications. Of `RawNetlinkSocket` it uses the place in the event loop;
 * by itself that aborts the process at an overrun of its receive buffer.
 */
export class NotificationSocket {
  readonly #raw: RawSocket
  readonly #descriptor: NetlinkDescriptor
  readonly #onMessage: (message: Buffer) => void
  readonly #onError: (error: unknown) => void
  #isClosed = false
  #isResting = false

  constructor(options: NotificationSocketOptions) {
    const { protocol = NETLINK_ROUTE } = options
    const { raw, fd } = inNamespace(options.namespace, () => {
      const raw = openRawSocket(protocol)
      try {
        return { raw, fd: fileDescriptor(protocol, raw.address().port) }
      } catch (error) {
        raw.close()
        throw error
      }
    })
    this.#raw = raw
    try {
      this.#descriptor = new NetlinkDescriptor(fd, options)
    } catch (error) {
      raw.close()
      throw error
    }
    this.#onMessage = options.onMessage
    this.#onError = options.onError
    raw.on('message', (message) => {
      this.#deliver(message)
      this.#readQueued()
    })
    raw.on('truncatedMessage', options.onError)
    raw.on('error', options.onError)
    for (const group of options.groups) raw.addMembership(group)
  }

  /** How many messages were lost so far because the receive buffer was full. */
  drops(): number {
    return this.#descriptor.drops()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // If it is closed inside its own callback, the native socket touches freed memory.
    setImmediate(() => this.#raw.close())
  }

  #deliver(message: Buffer): void {
    if (this.#isClosed) return
    try {
      this.#onMessage(message)
    } catch (error) {
      // An exception in native code would abort the process.
      this.#onError(error)
    }
  }

  /**
   * Reads what is queued: `RawNetlinkSocket` would too, but needs five times as long for each datagram. It reads up to
   * 32 of them before the event loop turns, whatever each sets off; so this rests until the turn once its time is over.
   */
  #readQueued(): void {
    const endsAt = performance.now() + MAX_MS_WITHOUT_TURN
    try {
      while (!this.#isClosed && !this.#isResting) {
        const message = this.#descriptor.receive()
        if (message === undefined) return
        this.#deliver(message)
        if (performance.now() >= endsAt) this.#restUntilTurn()
      }
    } catch (error) {
      this.#onError(error)
    }
  }

  #restUntilTurn(): void {
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
    })
  }
}

/**
 * The socket's file descriptor, which `RawNetlinkSocket` does not expose: /proc/net/netlink maps the port to an inode,
 * and /proc/self/fd shows which descriptor has that inode.
 */
function fileDescriptor(protocol: number, port: number): number {
  const operation = `looking up the netlink socket of port ${port}`
  const table = readProc(operation, () => readFileSync('/proc/thread-self/net/netlink', 'utf8'))
  for (const line of table.split('\n')) {
    // sk, protocol, port, groups, rmem, wmem, dump, locks, drops, inode
    const [, lineProtocol, linePort, , , , , , , inode] = line.trim().split(/\s+/)
    if (lineProtocol !== String(protocol) || linePort !== String(port)) continue
    for (const name of readProc(operation, () => readdirSync('/proc/self/fd'))) {
      if (linkOf(`/proc/self/fd/${name}`) === `socket:[${inode}]`) return Number(name)
    }
  }
  throw new NetlinkError({
    reason: 'unavailable',
    operation,
    explanation: 'it is not listed in /proc/net/netlink and /proc/self/fd; mount /proc',
  })
}

function readProc<T>(operation: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const explanation = `${error instanceof Error ? error.message : error}; mount /proc`
    throw new NetlinkError({ reason: 'unavailable', operation, explanation, cause: error })
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // The descriptor that read the directory is closed by now.
    return undefined
  }
}
