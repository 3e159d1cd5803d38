import { constants } from 'node:os'
import { type Libc, loadLibc, writeAddress } from '../../netlink/index.js'

/** include/linux/socket.h, include/linux/net.h, include/uapi/linux/in.h */
const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0x80000
const MSG_DONTWAIT = 0x40
const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
/** What is sent has its header of IP. */
const IPPROTO_RAW = 255

/** `struct sockaddr_in`, `struct sockaddr_in6`. */
const ADDRESS_LENGTHS = { [AF_INET]: 16, [AF_INET6]: 28 } as const

const MAX_PACKET_BYTES = 64 * 1024

/** Whole packets to one address, and what comes from it by ICMP. */
export interface RawSocket extends Disposable {
  /** One that cannot be sent, such as one that is too long for the interface, is dropped as one that is lost. */
  send(packet: Buffer): void
  /** A packet that has come, valid until the next call: with its header of IP for IPv4, without it for IPv6. */
  receive(): Buffer | undefined
}

/** Needs CAP_NET_RAW. @returns undefined if the kernel does not let this process, or has no route to the address */
export function openRawSocket(address: string): RawSocket | undefined {
  const libc = loadLibc()
  const family = address.includes(':') ? AF_INET6 : AF_INET
  const out = connected(libc, family, IPPROTO_RAW, address)
  if (out === undefined) return undefined
  const input = connected(libc, family, family === AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, address)
  if (input === undefined) {
    libc.close(out)
    return undefined
  }
  const buffer = Buffer.alloc(MAX_PACKET_BYTES)
  return {
    send(packet) {
      libc.send(out, packet, packet.length, MSG_DONTWAIT)
    },
    receive() {
      const length = libc.recv(input, buffer, buffer.length, MSG_DONTWAIT)
      if (length > 0) return buffer.subarray(0, length)
      // An error of ICMP is told to the next call, once, and is no end.
      return length < 0 && libc.errno() !== constants.errno.EAGAIN ? Buffer.alloc(0) : undefined
    },
    [Symbol.dispose]() {
      libc.close(out)
      libc.close(input)
    },
  }
}

function connected(
  libc: Libc,
  family: typeof AF_INET | typeof AF_INET6,
  protocol: number,
  address: string,
): number | undefined {
  const fd = libc.socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol)
  if (fd < 0) return undefined
  const target = Buffer.alloc(ADDRESS_LENGTHS[family])
  target.writeUInt16LE(family)
  writeAddress(target, family === AF_INET6 ? 8 : 4, address)
  if (libc.connect(fd, target, target.length) === 0) return fd
  libc.close(fd)
  return undefined
}
