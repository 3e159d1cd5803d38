import { type Family, familyOf, parseAddress } from '@selvedge/core/kit'
import type { Libc } from './libc.js'
import { SOL_UDP, UDP_GRO } from './memory.js'
import { SystemError } from './system-error.js'

/** include/linux/socket.h and include/uapi/asm-generic/socket.h */
const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26

const EADDRINUSE = 98

/** In bytes; the kernel doubles it. Enough for what arrives while the thread writes a batch, or is not scheduled. */
const BUFFER = 8 << 20

/** `struct sockaddr_in` or `sockaddr_in6`. */
export function socketAddress(address: string, port: number): Buffer {
  const parsed = parseAddress(address)
  if (parsed === undefined) throw new TypeError(`'${address}' is not an IP address`)
  const { family, value } = parsed
  const bytes = Buffer.alloc(SOCKADDR_LENGTH[family])
  bytes.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  if (family === 4) bytes.writeUInt32BE(Number(value), ADDRESS_AT[4])
  else bytes.set(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'), ADDRESS_AT[6])
  return bytes
}

export const SOCKADDR_LENGTH = { 4: 16, 6: 28 } as const
/** Where the address is in a socket address. */
export const ADDRESS_AT = { 4: 4, 6: 8 } as const

/** Opens a UDP socket at an address of this host. Sending blocks while its buffer is full. */
export function openSocket(libc: Libc, address: string, port: number): { fd: number; family: Family } {
  const family = familyOf(address)
  const attempted = `listening on UDP port ${port} of ${address}`
  const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) throw new SystemError(attempted, libc.errno())
  if (family === 6) set(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
  // Beyond net.core.rmem_max with CAP_NET_ADMIN, up to that without.
  if (!set(libc, fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)) set(libc, fd, SOL_SOCKET, SO_RCVBUF, BUFFER)
  if (!set(libc, fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)) set(libc, fd, SOL_SOCKET, SO_SNDBUF, BUFFER)
  // Linux 5.0: datagrams that arrive together are received together.
  set(libc, fd, SOL_UDP, UDP_GRO, 1)
  const bytes = socketAddress(address, port)
  if (libc.bind(fd, bytes, bytes.length) !== 0) {
    const errno = libc.errno()
    libc.close(fd)
    const explanation =
      errno === EADDRINUSE
        ? 'another process listens there; end that one (flanneld?), or set another Port'
        : undefined
    throw new SystemError(attempted, errno, explanation)
  }
  return { fd, family }
}

function set(libc: Libc, fd: number, level: number, name: number, value: number): boolean {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return libc.setsockopt(fd, level, name, bytes, bytes.length) === 0
}
