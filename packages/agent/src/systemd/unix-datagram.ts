import { createRequire } from 'node:module'
import { OverlayError } from '@selvedge/core'

/*
 * One datagram to a UNIX socket, which systemd listens on and Node cannot send (its UNIX sockets are streams). The C
 * library is called through koffi, which is loaded with the first datagram.
 */

/** include/linux/socket.h, include/linux/net.h, and the same for MSG_*. */
const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** sun_path of struct sockaddr_un (include/uapi/linux/un.h). */
const MAX_PATH_BYTES = 108

interface Libc {
  socket(domain: number, type: number, protocol: number): number
  sendto(
    fd: number,
    data: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    size: number,
  ): number
  close(fd: number): number
  errno(): number
}

interface Koffi {
  load(library: null): { func(prototype: string): unknown }
  errno(): number
}

let libc: Libc | undefined

function loadLibc(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as Koffi
  const library = koffi.load(null)
  return {
    socket: library.func('int socket(int domain, int type, int protocol)') as Libc['socket'],
    sendto: library.func(
      'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)',
    ) as Libc['sendto'],
    close: library.func('int close(int fd)') as Libc['close'],
    errno: () => koffi.errno(),
  }
}

/**
 * Sends `text` to the socket at `path`; a path that begins with `@` is in the abstract namespace. Never waits: it fails if
 * the receiver's queue is full. Throws an OverlayError `UNSUPPORTED` that names the errno.
 */
export function sendDatagram(path: string, text: string): void {
  const address = socketAddress(path)
  libc ??= loadLibc()
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) throw refused('socket', path, libc.errno())
  try {
    const data = Buffer.from(text)
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL
    if (libc.sendto(fd, data, data.length, flags, address, address.length) < 0) {
      throw refused('sendto', path, libc.errno())
    }
  } finally {
    libc.close(fd)
  }
}

/** struct sockaddr_un: the family in the machine's byte order, then the path. */
function socketAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`)
  if (!/^[/@]./.test(path) || name.length > MAX_PATH_BYTES) {
    throw new OverlayError('UNSUPPORTED', `'${path}' is not the path of a UNIX socket`)
  }
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer)
  return Buffer.concat([family, name])
}

function refused(call: string, path: string, errno: number): OverlayError {
  return new OverlayError('UNSUPPORTED', `sending to the UNIX socket ${path}: ${call} failed, errno ${errno}`)
}
