/**
 * What probers send each other, 20 bytes, big-endian: `SVPB`, version (1), kind (1 question, 2 answer), two zero bytes, the
 * question's nonce (8 bytes, which an answer repeats), and how long ago the sender last received anything from the
 * receiver, in ms (4 bytes; since it began to probe it, if nothing came yet). An answer is never larger than its question.
 */
export interface Datagram {
  /** A question is answered at once, with an answer of its nonce. */
  readonly kind: 'question' | 'answer'
  /** 64 random bits: who has not seen the question cannot answer it. */
  readonly nonce: bigint
  /** In ms; at most 2³² − 1. */
  readonly heardAgeMs: number
}

const MAGIC = 0x53_56_50_42
const VERSION = 1
const LENGTH = 20
const KINDS = ['question', 'answer'] as const
const MAX_U32 = 0xff_ff_ff_ff

/** The 20 bytes of a datagram. `heardAgeMs` is rounded, and bounded to 0 and 2³² − 1. */
export function encodeDatagram({ kind, nonce, heardAgeMs }: Datagram): Buffer {
  const bytes = Buffer.alloc(LENGTH)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeUInt8(VERSION, 4)
  bytes.writeUInt8(KINDS.indexOf(kind) + 1, 5)
  bytes.writeBigUInt64BE(nonce, 8)
  bytes.writeUInt32BE(Math.min(Math.max(0, Math.round(heardAgeMs)), MAX_U32), 16)
  return bytes
}

/** Undefined for whatever is not exactly one. */
export function decodeDatagram(bytes: Buffer): Datagram | undefined {
  if (bytes.length !== LENGTH || bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt8(4) !== VERSION) {
    return undefined
  }
  const kind = KINDS[bytes.readUInt8(5) - 1]
  if (kind === undefined || bytes.readUInt16BE(6) !== 0) return undefined
  return { kind, nonce: bytes.readBigUInt64BE(8), heardAgeMs: bytes.readUInt32BE(16) }
}
