import type { Libc } from './libc.js'
import {
  CONTROL_AT,
  CONTROL_DATA_AT,
  CONTROL_LENGTH_AT,
  CONTROL_LEVEL_AT,
  CONTROL_ROOM,
  CONTROL_TYPE_AT,
  FLAGS_AT,
  IOVEC,
  LENGTH_AT,
  MMSGHDR,
  memory,
  NAME_AT,
  NAME_LENGTH_AT,
  SOL_UDP,
  setPointer,
  setVector,
  UDP_GRO,
  VECTOR_COUNT_AT,
  VECTORS_AT,
  viewOf,
} from './memory.js'
import { SOCKADDR_LENGTH } from './socket.js'

/** How many messages come from the kernel in one call. */
const BATCH = 64
/** The room for one: no datagram is larger, nor several that the kernel has joined. */
const SLOT = 65_536

const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40

/** Memory for messages that are received: slot by slot an address, a payload, and what the kernel says of it. */
export class ReceiveBatch {
  /** The payloads; that of slot n begins at `payloadAt(n)`. */
  readonly view: DataView
  /** The address of the first byte of that. */
  readonly address: number
  /** The socket addresses; that of slot n begins at n × `nameLength`. */
  readonly names: DataView
  readonly nameLength: number
  readonly #libc: Libc
  readonly #headers: DataView
  readonly #headersAt: number
  readonly #controls: DataView
  /** What the headers point to must not be collected. */
  readonly #vectors: DataView

  constructor(libc: Libc, family: 4 | 6) {
    this.#libc = libc
    this.nameLength = SOCKADDR_LENGTH[family]
    const payloads = Buffer.allocUnsafeSlow(BATCH * SLOT)
    const names = memory(BATCH * this.nameLength)
    const headers = memory(BATCH * MMSGHDR)
    const vectors = memory(BATCH * IOVEC)
    const controls = memory(BATCH * CONTROL_ROOM)
    this.view = viewOf(payloads)
    this.names = viewOf(names)
    this.#headers = viewOf(headers)
    this.#vectors = viewOf(vectors)
    this.#controls = viewOf(controls)
    this.address = libc.addressOf(payloads)
    this.#headersAt = libc.addressOf(headers)
    const [namesAt, vectorsAt, controlsAt] = [names, vectors, controls].map((bytes) => libc.addressOf(bytes))
    for (let slot = 0; slot < BATCH; slot += 1) {
      const header = slot * MMSGHDR
      setPointer(this.#headers, header + NAME_AT, Number(namesAt) + slot * this.nameLength)
      setPointer(this.#headers, header + VECTORS_AT, Number(vectorsAt) + slot * IOVEC)
      setPointer(this.#headers, header + VECTOR_COUNT_AT, 1)
      setPointer(this.#headers, header + CONTROL_AT, Number(controlsAt) + slot * CONTROL_ROOM)
      setVector(this.#vectors, slot, this.address + slot * SLOT, SLOT)
      this.#setRoom(slot)
    }
  }

  /** Receives what there is, up to a batch. @returns how many messages; -1 if it failed */
  receive(fd: number): number {
    return this.#libc.recvmmsg(fd, this.#headersAt, BATCH, MSG_DONTWAIT, 0)
  }

  payloadAt(slot: number): number {
    return slot * SLOT
  }

  /** The length of what was received; undefined if it was longer than a slot. To be asked once of each message. */
  received(slot: number): number | undefined {
    const header = slot * MMSGHDR
    // The kernel has overwritten how much room there is.
    this.#setRoom(slot)
    if ((this.#headers.getUint32(header + FLAGS_AT, true) & MSG_TRUNC) !== 0) return undefined
    return this.#headers.getUint32(header + LENGTH_AT, true)
  }

  /** The length of each datagram, but the last, that the kernel has joined to one message; 0 if it has not. */
  datagramLength(slot: number): number {
    const at = slot * CONTROL_ROOM
    if (this.#controls.getUint32(at, true) === 0) return 0
    // Nothing clears it when a message comes without.
    this.#controls.setUint32(at, 0, true)
    const isJoined =
      this.#controls.getInt32(at + CONTROL_LEVEL_AT, true) === SOL_UDP &&
      this.#controls.getInt32(at + CONTROL_TYPE_AT, true) === UDP_GRO
    return isJoined ? this.#controls.getInt32(at + CONTROL_DATA_AT, true) : 0
  }

  #setRoom(slot: number): void {
    const header = slot * MMSGHDR
    this.#headers.setUint32(header + NAME_LENGTH_AT, this.nameLength, true)
    setPointer(this.#headers, header + CONTROL_LENGTH_AT, CONTROL_ROOM)
  }
}
