import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { NETLINK_ROUTE } from './constants.js'
import { errnoName } from './errno.js'
import { type Libc, loadLibc, openRawSocket, type RawSocket } from './libc.js'
import { inNamespace } from './namespace.js'
import { rejectMessagesOf } from './port-filter.js'

/** include/uapi/asm-generic/socket.h; socket options' names. */
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const SO_MEMINFO = 55
/** Where SO_MEMINFO counts lost messages, include/uapi/linux/sock_diag.h, and how many numbers it has. */
const SK_MEMINFO_DROPS = 8
const SK_MEMINFO_VARS = 9

/** include/uapi/linux/netlink.h */
const SOL_NETLINK = 270
const NETLINK_NO_ENOBUFS = 5
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

/** The kernel holds what was not read yet up to twice this; 1,000 errors take less than 1 MB. */
const RECEIVE_BUFFER = 8 << 20

/** Far more than the kernel puts together into one of a dump (32 KiB), or tells of one link. */
const LARGEST_MESSAGE = 128 << 10
/** After so many the event loop turns. */
const MOST_AT_ONCE = 256
/** So many are read right after a request, before the event loop has turned at all: some 8,000 neighbours. */
const MOST_WITHOUT_TURN = 16
/** include/linux/socket.h */
const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40

export interface SocketOptions {
  /** The network namespace to open it in, by path; this thread's own where absent. */
  readonly namespace?: string | undefined
  /** In bytes; 8 MiB where absent. The kernel doubles it, and halves it again in its own accounts. */
  readonly receiveBuffer?: number | undefined
  /**
   * Messages that the socket of this port caused are dropped by the kernel instead of being queued: for a driver that
   * writes a large network and watches it, most of the work. The kernel names no cause for some kinds, and delivers
   * those all the same.
   */
  readonly ignoredPort?: number | undefined
  /** Multicast groups (RTNLGRP_*) to join. */
  readonly groups?: readonly number[] | undefined
  /** A datagram; its bytes are good only during the call. */
  readonly onMessage: (message: Buffer) => void
  /** `onMessage` threw, or receiving failed and there is no telling what was lost. Must not throw. */
  readonly onError: (error: unknown) => void
}

/**
 * A netlink socket as it must be: an overrun of the receive buffer is counted, where `RawNetlinkSocket` alone aborts
 * the process; the kernel explains its errors; and it takes the filters of a dump at their word, where it can.
 */
export class NetlinkSocket {
  /** What tells this socket's own doings in notifications (`nlmsg_pid`). */
  readonly port: number
  readonly #raw: RawSocket
  readonly #fd: number
  readonly #libc: Libc
  readonly #onMessage: (message: Buffer) => void
  readonly #onError: (error: unknown) => void
  /** A view of it goes to `onMessage`, which is done with it when it returns. */
  readonly #buffer = Buffer.allocUnsafeSlow(LARGEST_MESSAGE)
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
      this.#hear(message)
      this.#readOn(MOST_AT_ONCE)
    })
    raw.on('truncatedMessage', options.onError)
    raw.on('error', options.onError)
    for (const group of options.groups ?? []) raw.addMembership(group)
  }

  /**
   * Hands one datagram to the kernel, which has carried out all of it, and has put all its answers where `onMessage`
   * gets them from, when `callback` is called: nearly always before this returns, and without a turn of the event
   * loop. The bytes must stay as they are until then.
   */
  send(bytes: Uint8Array, callback: (error?: unknown) => void): void {
    const sent = this.#libc.send(this.#fd, bytes, bytes.length, MSG_DONTWAIT)
    // RawNetlinkSocket waits for what is in the way, or meets what is wrong, too.
    if (sent === bytes.length) callback()
    else this.#raw.send(bytes, {}, callback)
  }

  /** Hands to `onMessage` what is there already; the rest of a large table follows as the event loop turns. */
  readNow(): void {
    this.#readOn(MOST_WITHOUT_TURN)
  }

  /** How many messages were lost so far because nobody read them in time. */
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
    // Closed under the feet of its own callback, the native socket touches freed memory.
    setImmediate(() => this.#raw.close())
  }

  #configure({ receiveBuffer = RECEIVE_BUFFER, ignoredPort }: SocketOptions): void {
    this.#set(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1, 'NETLINK_NO_ENOBUFS')
    // Old kernels go without: errors bear no explanation, and dumps hold more than was asked for.
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
      this.#try(SOL_NETLINK, option, 1)
    }
    // FORCE takes CAP_NET_ADMIN; without it sysctl net.core.rmem_max is the limit, and reading works all the same.
    if (!this.#try(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)) {
      this.#set(SOL_SOCKET, SO_RCVBUF, receiveBuffer, 'SO_RCVBUF')
    }
    // Where the kernel refuses the filter, the messages are delivered, and their reader knows them by their port.
    if (ignoredPort !== undefined) this.#libc.attachFilter(this.#fd, rejectMessagesOf(ignoredPort))
  }

  #hear(message: Buffer): void {
    if (this.#closed) return
    try {
      this.#onMessage(message)
    } catch (error) {
      // Thrown through native code, it would abort the process.
      this.#onError(error)
    }
  }

  /**
   * Reads what else is there. `RawNetlinkSocket` would too, but takes five times as long for each message, and with
   * the small buffers that it offers the kernel tells a large table in eight times as many.
   */
  #readOn(most: number): void {
    for (let count = 0; count < most && !this.#closed; count += 1) {
      const length = this.#libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT | MSG_TRUNC)
      if (length > this.#buffer.length) {
        this.#onError(new Error(`a message of ${length} bytes was cut to ${this.#buffer.length}`))
      } else if (length > 0) {
        this.#hear(this.#buffer.subarray(0, length))
      } else {
        // Nothing more for now; or what is wrong, RawNetlinkSocket meets too and tells.
        return
      }
    }
  }

  #set(level: number, name: number, value: number, title: string): void {
    if (!this.#try(level, name, value)) throw this.#refused(title)
  }

  #try(level: number, name: number, value: number): boolean {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return this.#libc.setsockopt(this.#fd, level, name, bytes, bytes.length) === 0
  }

  #refused(title: string): OverlayError {
    const errno = errnoName(this.#libc.errno())
    return new OverlayError(
      'UNSUPPORTED',
      `the kernel refuses ${title} on a netlink socket (${errno}); Linux 4.12 or later is needed`,
      { errno },
    )
  }
}

/**
 * The socket's file descriptor, which `RawNetlinkSocket` keeps to itself: /proc/net/netlink tells the inode of a
 * port, and /proc/self/fd which descriptor is that inode.
 */
function fileDescriptor(port: number): number {
  const table = readFileSync('/proc/thread-self/net/netlink', 'utf8')
  for (const line of table.split('\n')) {
    // sk, protocol, port, groups, rmem, wmem, dump, locks, drops, inode
    const [, protocol, linePort, , , , , , , inode] = line.trim().split(/\s+/)
    if (protocol !== String(NETLINK_ROUTE) || linePort !== String(port)) continue
    for (const name of readdirSync('/proc/self/fd')) {
      if (linkOf(`/proc/self/fd/${name}`) === `socket:[${inode}]`) return Number(name)
    }
  }
  throw new OverlayError(
    'UNSUPPORTED',
    `the netlink socket of port ${port} is not found by way of /proc/net/netlink and /proc/self/fd; mount /proc`,
  )
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // The descriptor that read the directory itself is closed by now.
    return undefined
  }
}
