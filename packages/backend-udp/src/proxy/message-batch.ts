import type { Libc } from './libc.js'
import { SOCKADDR_LENGTH } from './socket.js'

/** How many datagrams go to or come from the kernel in one call. */
export const BATCH = 64
/** The room for one: no IP packet is larger. */
export const SLOT = 65_536

/** `struct mmsghdr` and `struct iovec` with 64-bit pointers (include/linux/socket.h, include/uapi/linux/uio.h). */
const MMSGHDR = 64
const IOVEC = 16
const NAME_LENGTH_AT = 8
const FLAGS_AT = 48
const LENGTH_AT = 56
const MSG_TRUNC = 0x20

/** Memory for a batch of datagrams, laid out for `sendmmsg` and `recvmmsg`: slot by slot an address and a payload. */
export class MessageBatch {
  /** The payloads; that of slot n begins at n × SLOT. */
  readonly view: DataView
  readonly bytes: Buffer
  /** The address of the first slot. */
  readonly payload: number
  /** The socket addresses; that of slot n begins at n × `nameLength`. */
  readonly names: DataView
  readonly #nameBytes: Buffer
  readonly nameLength: number
  readonly #headers: DataView
  readonly #vectors: DataView
  readonly #headersAt: number

  constructor(libc: Libc, family: 4 | 6) {
    this.nameLength = SOCKADDR_LENGTH[family]
    this.bytes = Buffer.allocUnsafeSlow(BATCH * SLOT)
    const names = Buffer.allocUnsafeSlow(BATCH * this.nameLength)
    const headers = Buffer.allocUnsafeSlow(BATCH * MMSGHDR).fill(0)
    const vectors = Buffer.allocUnsafeSlow(BATCH * IOVEC)
    this.#nameBytes = names
    this.view = viewOf(this.bytes)
    this.names = viewOf(names)
    this.#headers = viewOf(headers)
    this.#vectors = viewOf(vectors)
    this.payload = libc.addressOf(this.bytes)
    this.#headersAt = libc.addressOf(headers)
    const [namesAt, vectorsAt] = [libc.addressOf(names), libc.addressOf(vectors)]
    for (let slot = 0; slot < BATCH; slot += 1) {
      const header = slot * MMSGHDR
      this.#headers.setBigUint64(header, BigInt(namesAt + slot * this.nameLength), true)
      this.#headers.setUint32(header + NAME_LENGTH_AT, this.nameLength, true)
      this.#headers.setBigUint64(header + 16, BigInt(vectorsAt + slot * IOVEC), true)
      this.#headers.setBigUint64(header + 24, 1n, true)
      this.#vectors.setBigUint64(slot * IOVEC, BigInt(this.payload + slot * SLOT), true)
      this.#setRoom(slot, SLOT)
    }
  }

  /** The address of a slot's header, for the calls. */
  headerOf(slot: number): number {
    return this.#headersAt + slot * MMSGHDR
  }

  /** Says where the payload of a slot goes, and how long it is. */
  address(slot: number, name: Uint8Array, length: number): void {
    this.#nameBytes.set(name, slot * this.nameLength)
    this.#setRoom(slot, length)
  }

  lengthToSend(slot: number): number {
    return this.#vectors.getUint32(slot * IOVEC + 8, true)
  }

  /** The length of what was received; undefined if it was longer than a slot. */
  received(slot: number): number | undefined {
    const header = slot * MMSGHDR
    // The kernel has overwritten how much room there is for an address.
    this.#headers.setUint32(header + NAME_LENGTH_AT, this.nameLength, true)
    if ((this.#headers.getUint32(header + FLAGS_AT, true) & MSG_TRUNC) !== 0) return undefined
    return this.#headers.getUint32(header + LENGTH_AT, true)
  }

  #setRoom(slot: number, length: number): void {
    this.#vectors.setUint32(slot * IOVEC + 8, length, true)
    this.#vectors.setUint32(slot * IOVEC + 12, 0, true)
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)
