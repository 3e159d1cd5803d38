import { errnoName } from './errno.js'
import { NetlinkError } from './errors.js'
import { type Libc, loadLibc } from './libc.js'
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

/** include/linux/socket.h */
const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40

/** Nothing is queued. */
const EAGAIN = 11

export interface DescriptorOptions {
  /** In bytes; 8 MiB by default. The kernel doubles it for its own overhead. */
  readonly receiveBuffer?: number | undefined
  /**
   * Messages that the socket of this port caused are dropped by the kernel instead of being queued: for a driver that
   * writes a large network and watches it, most of the work. The kernel names no cause for some kinds, and delivers
   * those all the same.
   */
  readonly ignoredPort?: number | undefined
}

/**
 * A netlink socket's file descriptor. Overruns of its receive buffer are counted instead of failing a call; it gets the
 * kernel's explanations of errors, and has dumps filtered by the kernel if it can.
 */
export class NetlinkDescriptor {
  readonly #fd: number
  readonly #libc: Libc = loadLibc()
  /** `receive` returns a view of it. */
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES)
  readonly #memory = Buffer.alloc(4 * SK_MEMINFO_VARS)

  constructor(fd: number, { receiveBuffer = RECEIVE_BUFFER, ignoredPort }: DescriptorOptions) {
    this.#fd = fd
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
    if (ignoredPort !== undefined) this.#libc.attachFilter(fd, rejectMessagesOf(ignoredPort))
  }

  /** Sends one datagram. When this returns, the kernel has carried out all of it and has queued every answer. */
  send(bytes: Uint8Array): void {
    if (this.#libc.send(this.#fd, bytes, bytes.length, 0) !== bytes.length) {
      throw this.#lost('sending to netlink')
    }
  }

  /**
   * A datagram that is queued already, valid until the next call; undefined if none is. For a dump, the kernel queues
   * the next part whenever one is received.
   */
  receive(): Buffer | undefined {
    const { length: room } = this.#buffer
    const length = this.#libc.recv(this.#fd, this.#buffer, room, MSG_DONTWAIT | MSG_TRUNC)
    if (length > room) throw new Error(`a datagram of ${length} bytes was truncated to ${room}`)
    if (length > 0) return this.#buffer.subarray(0, length)
    if (length < 0 && this.#libc.errno() !== EAGAIN) throw this.#lost('reading from netlink')
    return undefined
  }

  /** How many messages were lost so far because the receive buffer was full. */
  drops(): number {
    if (this.#libc.getsockopt(this.#fd, SOL_SOCKET, SO_MEMINFO, this.#memory, [this.#memory.length]) !== 0) {
      throw this.#refused('SO_MEMINFO')
    }
    return this.#memory.readUInt32LE(4 * SK_MEMINFO_DROPS)
  }

  #set(level: number, name: number, value: number, option: string): void {
    if (!this.#try(level, name, value)) throw this.#refused(option)
  }

  #try(level: number, name: number, value: number): boolean {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return this.#libc.setsockopt(this.#fd, level, name, bytes, bytes.length) === 0
  }

  #lost(operation: string): NetlinkError {
    const errno = errnoName(this.#libc.errno())
    return new NetlinkError({ reason: 'lost', operation, explanation: `the kernel answered ${errno}`, errno })
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
