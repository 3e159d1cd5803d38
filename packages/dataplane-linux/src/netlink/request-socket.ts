import { NETLINK_ROUTE } from './constants.js'
import { NetlinkDescriptor } from './descriptor.js'
import { errnoName } from './errno.js'
import { NetlinkError } from './errors.js'
import { type Libc, loadLibc } from './libc.js'
import { inNamespace } from './namespace.js'

/** include/linux/socket.h, include/linux/net.h */
const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000

/** `struct sockaddr_nl`: family, padding, port, groups. include/uapi/linux/netlink.h */
const SOCKADDR_NL_LENGTH = 12

export interface RequestSocketOptions {
  /** `NETLINK_ROUTE` by default. */
  readonly protocol?: number | undefined
  /** The network namespace to open it in, by path. This thread's own by default. */
  readonly namespace?: string | undefined
  /** In bytes; 8 MiB by default. The kernel doubles it for its own overhead. */
  readonly receiveBuffer?: number | undefined
}

/**
 * A netlink socket for requests. The kernel answers while it is being sent to, and makes the next part of a dump while
 * the last is being read, so this socket is never waited for and the event loop does not know it: libuv would have
 * `RawNetlinkSocket` read 32 datagrams a turn, and into buffers so small that a kernel with 65,000 fdb entries, which
 * goes over all of them for each part of a dump, takes 9 ms for each.
 */
export class RequestSocket {
  /** Identifies what this socket caused in notifications (`nlmsg_pid`). */
  readonly port: number
  readonly #fd: number
  readonly #libc: Libc
  readonly #descriptor: NetlinkDescriptor
  #isClosed = false

  constructor({ protocol = NETLINK_ROUTE, namespace, receiveBuffer }: RequestSocketOptions) {
    const libc = loadLibc()
    this.#libc = libc
    this.#fd = inNamespace(namespace, () => open(libc, protocol))
    try {
      this.port = bind(libc, this.#fd)
      this.#descriptor = new NetlinkDescriptor(this.#fd, { receiveBuffer })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Sends one datagram. When this returns, the kernel has carried out all of it and has queued every answer. */
  send(bytes: Uint8Array): void {
    this.#descriptor.send(bytes)
  }

  /** The next answer, valid until the next call; undefined if there is none, nor will be one. */
  receive(): Buffer | undefined {
    return this.#descriptor.receive()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#libc.close(this.#fd)
  }
}

function open(libc: Libc, protocol: number): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)
  if (fd < 0) throw refused('opening a netlink socket', libc)
  return fd
}

/** @returns the port that the kernel has assigned */
function bind(libc: Libc, fd: number): number {
  const address = Buffer.alloc(SOCKADDR_NL_LENGTH)
  address.writeUInt16LE(AF_NETLINK)
  if (libc.bind(fd, address, address.length) !== 0) throw refused('binding a netlink socket', libc)
  if (libc.getsockname(fd, address, [address.length]) !== 0) throw refused('naming a netlink socket', libc)
  return address.readUInt32LE(4)
}

function refused(operation: string, libc: Libc): NetlinkError {
  const errno = errnoName(libc.errno())
  return new NetlinkError({
    reason: 'unavailable',
    operation,
    explanation: `the kernel answered ${errno}`,
    errno,
  })
}
