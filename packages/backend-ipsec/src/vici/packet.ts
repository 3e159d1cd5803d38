import { decodeMessage, encodeMessage, nameBytes, ViciFormatError, type ViciSection } from './message.js'

/** The types of packets, which are a packet's first byte. */
export const PACKET = {
  request: 0,
  response: 1,
  unknownCommand: 2,
  registerEvent: 3,
  unregisterEvent: 4,
  confirmEvent: 5,
  unknownEvent: 6,
  event: 7,
} as const

type PacketType = (typeof PACKET)[keyof typeof PACKET]

export interface Packet {
  readonly type: PacketType
  /** Of a command or an event; empty for the answers, which have none. */
  readonly name: string
  readonly message: ViciSection
}

/** What charon accepts and sends, without the length before it. */
export const MAX_PACKET_BYTES = 512 * 1024

const HEADER_BYTES = 4

const NAMED: readonly number[] = [PACKET.request, PACKET.registerEvent, PACKET.unregisterEvent, PACKET.event]
const TYPES: readonly number[] = Object.values(PACKET)

/** A packet with its length before it. Throws a TypeError if it is larger than charon accepts. */
export function encodePacket(type: PacketType, name = '', message: ViciSection = {}): Buffer {
  const body = Buffer.concat([
    Buffer.of(type),
    ...(NAMED.includes(type) ? [nameBytes(name)] : []),
    encodeMessage(message),
  ])
  if (body.length > MAX_PACKET_BYTES) {
    throw new TypeError(`the vici packet ${name} has more than ${MAX_PACKET_BYTES} bytes`)
  }
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(body.length)
  return Buffer.concat([header, body])
}

/** Decodes one packet without its length. Throws a {@link ViciFormatError}. */
export function decodePacket(body: Buffer): Packet {
  const [type] = body
  if (!isPacketType(type)) throw new ViciFormatError(`a vici packet is of the unknown type ${type}`)
  if (!NAMED.includes(type)) return { type, name: '', message: decodeMessage(body.subarray(1)) }
  const end = 2 + (body[1] ?? 0)
  if (body.length < end) throw new ViciFormatError('a vici packet ends inside its name')
  return { type, name: body.toString('utf8', 2, end), message: decodeMessage(body.subarray(end)) }
}

const isPacketType = (type: number | undefined): type is PacketType =>
  type !== undefined && TYPES.includes(type)

/** Cuts what a socket receives into packets. */
export class PacketSplitter {
  #chunks: Buffer[] = []
  #size = 0

  /** The packets that are complete with this chunk. Throws a {@link ViciFormatError} for one that is too large. */
  push(chunk: Buffer): Packet[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const packets: Packet[] = []
    for (let body = this.#next(); body !== undefined; body = this.#next()) packets.push(decodePacket(body))
    return packets
  }

  #next(): Buffer | undefined {
    if (this.#size < HEADER_BYTES) return undefined
    const length = this.#join(HEADER_BYTES).readUInt32BE()
    if (length > MAX_PACKET_BYTES) {
      throw new ViciFormatError(
        `a vici packet of ${length} bytes was announced; ${MAX_PACKET_BYTES} is the maximum`,
      )
    }
    const end = HEADER_BYTES + length
    if (this.#size < end) return undefined
    const bytes = this.#join(end)
    this.#chunks = [bytes.subarray(end)]
    this.#size -= end
    return bytes.subarray(HEADER_BYTES, end)
  }

  /** The bytes so far as one, unless the first chunk has as many as are asked for. */
  #join(bytes: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks
    if (first.length >= bytes) return first
    const joined = Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined
  }
}
