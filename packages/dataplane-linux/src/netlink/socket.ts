import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { NETLINK_ROUTE } from './constants.js'
import { errnoName } from './errno.js'
import { NetlinkError } from './errors.js'
import { type Libc, loadLibc, openRawSocket, type RawSocket } from './libc.js'
import { inNamespace } from './namespace.js'
import { rejectMessagesOf } from './port-filter.js'

/** include/uapi/asm-generic/socket.h; socket options' names. */
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const SO_MEMINFO = 55
/** The position of the count of lost messages in SO_MEMINFO, include/uapi/linux/sock_diag.h, and its length. */
const SK_MEMINFO_DROPS = 8
const SK_MEMINFO_VARS = 9

/** include/uapi/linux/netlink.h */
const SOL_NETLINK = 270
const NETLINK_NO_ENOBUFS = 5
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

/** The kernel queues up to twice this; 1,000 errors take less than 1 MB. */
const RECEIVE_BUFFER = 8 << 20

/** Far more than one datagram of a dump (32 KiB), or the notification of one link. */
const MAX_DATAGRAM_BYTES = 128 << 10
/** Read before the event loop turns: so many notifications, or so many bytes of a dump (some 8,000 neighbours). */
const MAX_DATAGRAMS_WITHOUT_TURN = 256
const MAX_BYTES_WITHOUT_TURN = 512 << 10
/** include/linux/socket.h */
const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40

export interface SocketOptions {
  /** The network namespace to open it in, by path. This thread's own by default. */
  readonly namespace?: string | undefined
  /** In bytes; 8 MiB by default. The kernel doubles it for its own overhead. */
  readonly receiveBuffer?: number | undefined
  /**
   * Messages that the socket of this port caused are dropped by the kernel instead of being queued: for a driver that
   * writes a large network and watches it, most of the work. The kernel names no cause for some kinds, and delivers
   * those all the same.
   */
  readonly ignoredPort?: number | undefined
  /** Multicast groups (RTNLGRP_*) to join. */
  readonly groups?: readonly number[] | undefined
  /** A datagram; its bytes are valid only during the call. */
  readonly onMessage: (message: Buffer) => void
  /** `onMessage` threw, or receiving failed, so that anything may be lost. Must not throw. */
  readonly onError: (error: unknown) => void
}

/**
 * A netlink socket that counts overruns of its receive buffer (`RawNetlinkSocket` alone aborts the process), gets the
 * kernel's explanations of errors, and has dumps filtered by the kernel if it can.
 */
export class NetlinkSocket {
  /** Identifies what this socket caused in notifications (`nlmsg_pid`). */
  readonly port: number
  readonly #raw: RawSocket
  readonly #fd: number
  readonly #libc: Libc
  readonly #onMessage: (message: Buffer) => void
  readonly #onError: (error: unknown) => void
  /** `onMessage` gets a view of it, which is valid until it returns. */
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES)
  readonly #memory = Buffer.alloc(4 * SK_MEMINFO_VARS)
  #closed = false

  constructor(options: SocketOptions) {
    const libc = loadLibc()
    this.#libc = libc
    const { raw, fd } = inNamespace(options.namespace, () => {
      const raw = openRawSocket(NETLINK_ROUTE)
      try {
        return { raw, fd: fileDescriptor(raw.address().port) }
      } catch (error) {
        raw.close()
        throw error
      }
    })
    this.#raw = raw
    this.#fd = fd
    try {
      this.port = raw.address().port
      this.#configure(options)
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
    for (const group of options.groups ?? []) raw.addMembership(group)
  }

  /**
   * Sends one datagram. When `callback` is called, the kernel has carried out all of it and has queued every answer:
   * nearly always before this returns, and without a turn of the event loop. The bytes must not change until then.
   */
  send(bytes: Uint8Array, callback: (error?: unknown) => void): void {
    const sent = this.#libc.send(this.#fd, bytes, bytes.length, MSG_DONTWAIT)
    // RawNetlinkSocket waits until the socket is writable, or meets the same error.
    if (sent === bytes.length) callback()
    else this.#raw.send(bytes, {}, callback)
  }

  /** Delivers what is queued already; the rest of a large table follows as the event loop turns. */
  readNow(): void {
    this.#readQueued()
  }

  /** How many messages were lost so far because the receive buffer was full. */
  drops(): number {
    if (this.#libc.getsockopt(this.#fd, SOL_SOCKET, SO_MEMINFO, this.#memory, [this.#memory.length]) !== 0) {
      throw this.#refused('SO_MEMINFO')
    }
    return this.#memory.readUInt32LE(4 * SK_MEMINFO_DROPS)
  }

  /** Whether waiting for a message keeps the process alive. */
  hold(alive: boolean): void {
    if (this.#closed) return
    if (alive) this.#raw.ref()
    else this.#raw.unref()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // If it is closed inside its own callback, the native socket touches freed memory.
    setImmediate(() => this.#raw.close())
  }

  #configure({ receiveBuffer = RECEIVE_BUFFER, ignoredPort }: SocketOptions): void {
    this.#set(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1, 'NETLINK_NO_ENOBUFS')
    // Old kernels lack them: errors have no explanation, and dumps hold more than was asked for.
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
      this.#try(SOL_NETLINK, option, 1)
    }
    // FORCE needs CAP_NET_ADMIN; without it net.core.rmem_max is the limit, and reading works all the same.
    if (!this.#try(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)) {
      this.#set(SOL_SOCKET, SO_RCVBUF, receiveBuffer, 'SO_RCVBUF')
    }
    // If the kernel refuses the filter, the messages are delivered, and their reader recognizes them by their port.
    if (ignoredPort !== undefined) this.#libc.attachFilter(this.#fd, rejectMessagesOf(ignoredPort))
  }

  #deliver(message: Buffer): void {
    if (this.#closed) return
    try {
      this.#onMessage(message)
    } catch (error) {
      // An exception in native code would abort the process.
      this.#onError(error)
    }
  }

  /**
   * Reads what is queued. `RawNetlinkSocket` would too, but needs five times as long for each datagram, and its small
   * buffers make the kernel split a large table into eight times as many.
   */
  #readQueued(): void {
    let bytes = 0
    for (let count = 0; count < MAX_DATAGRAMS_WITHOUT_TURN && !this.#closed; count += 1) {
      const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT | MSG_TRUNC)
      if (length > this.#buffer.length) {
        this.#onError(new Error(`a datagram of ${length} bytes was truncated to ${this.#buffer.length}`))
      } else if (length > 0) {
        this.#deliver(this.#buffer.subarray(0, length))
        bytes += length
        if (bytes >= MAX_BYTES_WITHOUT_TURN) return
      } else {
        // The queue is empty; or there is an error, which RawNetlinkSocket meets too and reports.
        return
      }
    }
  }

  #set(level: number, name: number, value: number, option: string): void {
    if (!this.#try(level, name, value)) throw this.#refused(option)
  }

  #try(level: number, name: number, value: number): boolean {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return this.#libc.setsockopt(this.#fd, level, name, bytes, bytes.length) === 0
  }

  #refused(option: string): NetlinkError {
    const errno = errnoName(this.#libc.errno())
    return new NetlinkError({
      reason: 'unavailable',
      operation: `using ${option} on a netlink socket`,
      explanation: `the kernel answered ${errno}; Linux 4.12 or later is needed`,
      errno,
    })
  }
}

/**
 * The socket's file descriptor, which `RawNetlinkSocket` does not expose: /proc/net/netlink maps the port to an inode,
 * and /proc/self/fd shows which descriptor has that inode.
 */
function fileDescriptor(port: number): number {
  const operation = `looking up the netlink socket of port ${port}`
  const table = readProc(operation, () => readFileSync('/proc/thread-self/net/netlink', 'utf8'))
  for (const line of table.split('\n')) {
    // sk, protocol, port, groups, rmem, wmem, dump, locks, drops, inode
    const [, protocol, linePort, , , , , , , inode] = line.trim().split(/\s+/)
    if (protocol !== String(NETLINK_ROUTE) || linePort !== String(port)) continue
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
