import type { Family } from '@selvedge/core/kit'
import type { ProxyCounters } from './counters.js'
import { EINTR, EINVAL, EIO, EMSGSIZE } from './errno.js'
import type { Libc } from './libc.js'
import {
  CONTROL_AT,
  CONTROL_DATA_AT,
  CONTROL_LENGTH_AT,
  CONTROL_LEVEL_AT,
  CONTROL_ROOM,
  CONTROL_TYPE_AT,
  IOVEC,
  MMSGHDR,
  memory,
  NAME_AT,
  NAME_LENGTH_AT,
  SOL_UDP,
  setPointer,
  setVector,
  UDP_SEGMENT,
  VECTOR_COUNT_AT,
  VECTORS_AT,
  viewOf,
} from './memory.js'
import type { PeerRoute } from './peer-table.js'
import { SOCKADDR_LENGTH } from './socket.js'

/** Of messages in one call. */
const MESSAGES = 128
const VECTORS = 2_048
/** Room for the headers of as many datagrams as there can be. */
const HEADERS = VECTORS / 2
export const HEADER_ROOM = 128
/** UDP_MAX_SEGMENTS of the kernels before 6.9 (include/linux/udp.h). */
const MAX_DATAGRAMS = 64
/** Of an IP packet, without an IPv4 and a UDP header, in bytes. */
const MAX_MESSAGE = 65_507

/** A message: one datagram, or several to the same peer of one length, of which the last may be shorter. */
interface Message {
  route: PeerRoute | undefined
  firstVector: number
  datagrams: number
  /** Of each datagram but the last. */
  size: number
  bytes: number
  /** Whether its last datagram is shorter, so that none can follow. */
  isClosed: boolean
  /** The packet that its first datagram is of: what an ICMP error would answer. */
  packetAt: number
  packetLength: number
}

/**
 * Datagrams on their way to peers. The kernel takes several of one length to one peer as one message (UDP_SEGMENT), and
 * many messages in one call. Payloads are sent from where they are.
 */
export class Sender {
  /** Where headers of datagrams are written, each at what `nextHeader` gives. */
  readonly headers: DataView
  /** The socket; undefined while there is none, and nothing may be added. */
  fd: number | undefined
  readonly #libc: Libc
  readonly #counters: ProxyCounters
  readonly #onTooBig: (packetAt: number, packetLength: number) => void
  readonly #nameLength: number
  readonly #names: Buffer
  readonly #namesAt: number
  readonly #mmsghdrs: DataView
  readonly #mmsghdrsAt: number
  readonly #vectors: DataView
  readonly #vectorsAt: number
  readonly #controls: DataView
  readonly #controlsAt: number
  readonly #headersAt: number
  readonly #messages: Message[] = Array.from({ length: MESSAGES }, () => ({
    route: undefined,
    firstVector: 0,
    datagrams: 0,
    size: 0,
    bytes: 0,
    isClosed: false,
    packetAt: 0,
    packetLength: 0,
  }))
  /** By vector: whether a datagram begins with it. */
  readonly #begins = new Uint8Array(VECTORS)
  #messageCount = 0
  #vectorCount = 0
  #headerCount = 0
  #joins = true

  constructor(
    libc: Libc,
    family: Family,
    counters: ProxyCounters,
    onTooBig: (packetAt: number, packetLength: number) => void,
  ) {
    this.#libc = libc
    this.#counters = counters
    this.#onTooBig = onTooBig
    this.#nameLength = SOCKADDR_LENGTH[family]
    this.#names = memory(MESSAGES * this.#nameLength)
    const mmsghdrs = memory(MESSAGES * MMSGHDR)
    const vectors = memory(VECTORS * IOVEC)
    const controls = memory(MESSAGES * CONTROL_ROOM)
    const headers = memory(HEADERS * HEADER_ROOM)
    this.#mmsghdrs = viewOf(mmsghdrs)
    this.#vectors = viewOf(vectors)
    this.#controls = viewOf(controls)
    this.headers = viewOf(headers)
    this.#namesAt = libc.addressOf(this.#names)
    this.#mmsghdrsAt = libc.addressOf(mmsghdrs)
    this.#vectorsAt = libc.addressOf(vectors)
    this.#controlsAt = libc.addressOf(controls)
    this.#headersAt = libc.addressOf(headers)
    for (let index = 0; index < MESSAGES; index += 1) {
      const at = index * MMSGHDR
      setPointer(this.#mmsghdrs, at + NAME_AT, this.#namesAt + index * this.#nameLength)
      this.#mmsghdrs.setUint32(at + NAME_LENGTH_AT, this.#nameLength, true)
      setPointer(this.#mmsghdrs, at + CONTROL_AT, this.#controlsAt + index * CONTROL_ROOM)
      const control = index * CONTROL_ROOM
      setPointer(this.#controls, control, CONTROL_DATA_AT + 2)
      this.#controls.setInt32(control + CONTROL_LEVEL_AT, SOL_UDP, true)
      this.#controls.setInt32(control + CONTROL_TYPE_AT, UDP_SEGMENT, true)
    }
  }

  /** Makes room for one more datagram, and gives where its headers are to be written. */
  nextHeader(): number {
    if (this.#vectorCount + 2 > VECTORS || this.#messageCount === MESSAGES) this.flush()
    return this.#headerCount * HEADER_ROOM
  }

  /** Adds the datagram whose headers were just written, and whose payload is at an address. */
  addSegment(
    route: PeerRoute,
    packetAt: number,
    packetLength: number,
    headerLength: number,
    payload: number,
    payloadLength: number,
  ): void {
    const header = this.#headersAt + this.#headerCount * HEADER_ROOM
    this.#headerCount += 1
    const vector = this.#begin(route, packetAt, packetLength, headerLength + payloadLength, 2)
    setVector(this.#vectors, vector, header, headerLength)
    setVector(this.#vectors, vector + 1, payload, payloadLength)
    this.#begins[vector + 1] = 0
  }

  /** Adds a packet at an address as a datagram. */
  addWhole(route: PeerRoute, packetAt: number, address: number, length: number): void {
    if (this.#vectorCount + 1 > VECTORS || this.#messageCount === MESSAGES) this.flush()
    setVector(this.#vectors, this.#begin(route, packetAt, length, length, 1), address, length)
  }

  /** Sends what was added. What it refers to may then be overwritten. */
  flush(): void {
    const count = this.#messageCount
    const fd = this.fd
    if (fd !== undefined && count > 0) {
      for (let index = 0; index < count; index += 1) this.#seal(index)
      let at = 0
      while (at < count) {
        const sent = this.#libc.sendmmsg(fd, this.#mmsghdrsAt + at * MMSGHDR, count - at, 0)
        if (sent > 0) {
          for (let index = at; index < at + sent; index += 1) this.#countSent(index)
          at += sent
        } else if (this.#libc.errno() !== EINTR) {
          this.#failed(fd, at, this.#libc.errno())
          at += 1
        }
      }
    }
    this.#messageCount = 0
    this.#vectorCount = 0
    this.#headerCount = 0
  }

  /** @returns the first of the vectors of one more datagram */
  #begin(route: PeerRoute, packetAt: number, packetLength: number, length: number, vectors: number): number {
    const vector = this.#vectorCount
    this.#vectorCount += vectors
    this.#begins[vector] = 1
    const last = this.#messages[this.#messageCount - 1]
    if (last !== undefined && this.#joins && canJoin(last, route, length)) {
      last.datagrams += 1
      last.bytes += length
      last.isClosed = length < last.size
      return vector
    }
    const message = this.#messages[this.#messageCount]
    this.#names.set(route.name, this.#messageCount * this.#nameLength)
    this.#messageCount += 1
    if (message === undefined) return vector
    message.route = route
    message.firstVector = vector
    message.datagrams = 1
    message.size = length
    message.bytes = length
    message.isClosed = false
    message.packetAt = packetAt
    message.packetLength = packetLength
    return vector
  }

  /** Completes the header of a message. */
  #seal(index: number): void {
    const message = this.#messages[index]
    if (message === undefined) return
    const next = index + 1 < this.#messageCount ? this.#messages[index + 1]?.firstVector : undefined
    const end = next ?? this.#vectorCount
    this.#setVectors(index, message.firstVector, end - message.firstVector)
    const isJoined = message.datagrams > 1
    setPointer(this.#mmsghdrs, index * MMSGHDR + CONTROL_LENGTH_AT, isJoined ? CONTROL_ROOM : 0)
    if (isJoined) this.#controls.setUint16(index * CONTROL_ROOM + CONTROL_DATA_AT, message.size, true)
  }

  #setVectors(index: number, first: number, count: number): void {
    const at = index * MMSGHDR
    setPointer(this.#mmsghdrs, at + VECTORS_AT, this.#vectorsAt + first * IOVEC)
    setPointer(this.#mmsghdrs, at + VECTOR_COUNT_AT, count)
  }

  #failed(fd: number, index: number, errno: number): void {
    const message = this.#messages[index]
    if (message === undefined) return
    // A kernel before 4.18, or a device that computes no checksums: then one by one, for good.
    if (message.datagrams > 1 && (errno === EIO || errno === EINVAL)) {
      this.#joins = false
      this.#sendSingly(fd, index, message)
    } else if (errno === EMSGSIZE) {
      this.#counters.add('tooBig', message.datagrams)
      this.#onTooBig(message.packetAt, message.packetLength)
    } else this.#counters.add('sendFailed', message.datagrams)
  }

  #sendSingly(fd: number, index: number, message: Message): void {
    setPointer(this.#mmsghdrs, index * MMSGHDR + CONTROL_LENGTH_AT, 0)
    let vector = message.firstVector
    let left = message.bytes
    for (let datagram = 0; datagram < message.datagrams; datagram += 1) {
      const length = Math.min(message.size, left)
      left -= length
      let vectors = 1
      while (vector + vectors < this.#vectorCount && this.#begins[vector + vectors] === 0) vectors += 1
      this.#setVectors(index, vector, vectors)
      vector += vectors
      let sent = -1
      do sent = this.#libc.sendmmsg(fd, this.#mmsghdrsAt + index * MMSGHDR, 1, 0)
      while (sent < 0 && this.#libc.errno() === EINTR)
      if (sent === 1) {
        this.#counters.add('sentPackets', 1)
        this.#counters.add('sentBytes', length)
      } else if (this.#libc.errno() === EMSGSIZE) {
        this.#counters.add('tooBig', 1)
        if (datagram === 0) this.#onTooBig(message.packetAt, message.packetLength)
      } else this.#counters.add('sendFailed', 1)
    }
  }

  #countSent(index: number): void {
    const message = this.#messages[index]
    if (message === undefined) return
    this.#counters.add('sentPackets', message.datagrams)
    this.#counters.add('sentBytes', message.bytes)
  }
}

const canJoin = (message: Message, route: PeerRoute, length: number): boolean =>
  message.route === route &&
  !message.isClosed &&
  length <= message.size &&
  message.datagrams < MAX_DATAGRAMS &&
  message.bytes + length <= MAX_MESSAGE
