import type { Family } from '@selvedge/core/kit'
import {
  coalescibleHeader,
  hasCorrectChecksum,
  hasSameHeaders,
  isPlainTcp,
  isPushed,
  isSameFlow,
  sequenceOf,
  writeLargeHeader,
} from '../packet/coalescing.js'
import { OFFLOAD_HEADER, writeTcpOffload } from '../packet/offload.js'
import { BASE_HEADER, TCP_CHECKSUM } from '../packet/transport.js'
import type { Libc } from './libc.js'
import { IOVEC, memory, setVector, viewOf } from './memory.js'

/** Of connections whose segments are gathered at a time. */
const GROUPS = 16
/** Of segments in one packet. */
const MAX_SEGMENTS = 64
/** Of an IP packet, in bytes. */
const MAX_PACKET = 65_535
/** The offload header, and the parts of the packet. */
const VECTORS = MAX_SEGMENTS + 1

/** Segments of one connection that follow one another. */
interface Group {
  /** Of the memory that is its own. */
  readonly index: number
  family: Family
  /** The first segment. */
  offset: number
  firstLength: number
  headerLength: number
  /** The payload of each segment but the last. */
  size: number
  segments: number
  /** Of the packet, in bytes. */
  length: number
  nextSequence: number
  pushes: boolean
  isChecked: boolean
}

interface WriteResult {
  /** That were written, segments of larger ones too, and their bytes. */
  packets: number
  bytes: number
  /** That the kernel refused. */
  failed: number
  /** Of the last of those; 0 if there was none. */
  errno: number
}

const NOTHING: Readonly<WriteResult> = { packets: 0, bytes: 0, failed: 0, errno: 0 }

/**
 * Writes packets to a TUN device whose packets have offload headers. TCP segments that follow one another go to it as one
 * packet, which costs the kernel little more than one of them.
 */
export class TunWriter {
  #result: WriteResult = { ...NOTHING }
  readonly #libc: Libc
  readonly #view: DataView
  readonly #address: number
  readonly #vectors: DataView
  readonly #vectorsAt: number
  readonly #offloads: DataView
  readonly #offloadsAt: number
  readonly #free: Group[]
  /** Those in use, the oldest first. */
  readonly #groups: Group[] = []
  #fd = -1

  /**
   * @param view the memory that all packets are in, which must not change until they are flushed
   * @param address of its first byte
   */
  constructor(libc: Libc, view: DataView, address: number) {
    this.#libc = libc
    this.#view = view
    this.#address = address
    // The last ones are for packets that are written as they are.
    const vectors = memory((GROUPS + 1) * VECTORS * IOVEC)
    const offloads = memory((GROUPS + 1) * OFFLOAD_HEADER)
    this.#vectors = viewOf(vectors)
    this.#vectorsAt = libc.addressOf(vectors)
    this.#offloads = viewOf(offloads)
    this.#offloadsAt = libc.addressOf(offloads)
    for (let index = 0; index <= GROUPS; index += 1) {
      setVector(this.#vectors, index * VECTORS, this.#offloadsAt + index * OFFLOAD_HEADER, OFFLOAD_HEADER)
    }
    this.#free = Array.from({ length: GROUPS }, (_, index) => ({
      index,
      family: 4,
      offset: 0,
      firstLength: 0,
      headerLength: 0,
      size: 0,
      segments: 0,
      length: 0,
      nextSequence: 0,
      pushes: false,
      isChecked: false,
    }))
  }

  /** What has come of packets since this was last called. */
  takeResult(): Readonly<WriteResult> {
    const result = this.#result
    this.#result = { ...NOTHING }
    return result
  }

  /** Writes a packet to `fd`, now or with the next `flush`. Packets of one connection keep their order. */
  put(fd: number, offset: number, length: number, family: Family): void {
    this.#fd = fd
    const view = this.#view
    if (!isPlainTcp(view, offset, length, family)) {
      this.#writeAsItIs(offset, length)
      return
    }
    const group = this.#groupOf(offset, family)
    const headerLength = coalescibleHeader(view, offset, length, family)
    if (headerLength === 0) {
      if (group !== undefined) this.#write(group)
      this.#writeAsItIs(offset, length)
      return
    }
    if (group !== undefined) {
      if (this.#append(group, offset, length, headerLength)) return
      this.#write(group)
    }
    this.#begin(offset, length, family, headerLength)
  }

  /** Writes what is gathered. */
  flush(): void {
    for (;;) {
      const group = this.#groups[0]
      if (group === undefined) return
      this.#write(group)
    }
  }

  #groupOf(offset: number, family: Family): Group | undefined {
    for (const group of this.#groups) {
      if (group.family === family && isSameFlow(this.#view, group.offset, offset, family)) return group
    }
    return undefined
  }

  #begin(offset: number, length: number, family: Family, headerLength: number): void {
    const oldest = this.#groups[0]
    if (this.#free.length === 0 && oldest !== undefined) this.#write(oldest)
    const group = this.#free.pop()
    if (group === undefined) return
    group.family = family
    group.offset = offset
    group.firstLength = length
    group.headerLength = headerLength
    group.size = length - headerLength
    group.segments = 1
    group.length = length
    group.nextSequence = (sequenceOf(this.#view, offset, family) + group.size) >>> 0
    group.pushes = false
    group.isChecked = false
    setVector(this.#vectors, group.index * VECTORS + 1, this.#address + offset, length)
    this.#groups.push(group)
    // Whatever follows is pushed apart from it.
    if (isPushed(this.#view, offset, family)) this.#write(group)
  }

  /** Adds a segment to a group if it continues it. */
  #append(group: Group, offset: number, length: number, headerLength: number): boolean {
    const view = this.#view
    const { family } = group
    const payload = length - headerLength
    const continues =
      headerLength === group.headerLength &&
      payload <= group.size &&
      group.segments < MAX_SEGMENTS &&
      group.length + payload <= MAX_PACKET &&
      sequenceOf(view, offset, family) === group.nextSequence &&
      hasSameHeaders(view, group.offset, offset, family, headerLength)
    if (!continues) return false
    // One that is wrong goes to the kernel as it is, which drops and counts it.
    group.isChecked ||= hasCorrectChecksum(view, group.offset, group.firstLength, family)
    if (!group.isChecked || !hasCorrectChecksum(view, offset, length, family)) return false
    group.segments += 1
    const vector = group.index * VECTORS + group.segments
    setVector(this.#vectors, vector, this.#address + offset + headerLength, payload)
    group.length += payload
    group.nextSequence = (group.nextSequence + payload) >>> 0
    group.pushes = isPushed(view, offset, family)
    if (group.pushes || payload < group.size) this.#write(group)
    return true
  }

  #write(group: Group): void {
    const { index, family, offset, headerLength, size, segments, length } = group
    this.#groups.splice(this.#groups.indexOf(group), 1)
    this.#free.push(group)
    if (segments === 1) {
      this.#writeAsItIs(offset, length)
      return
    }
    writeLargeHeader(this.#view, offset, length, family, group.pushes)
    const transport = BASE_HEADER[family]
    writeTcpOffload(this.#offloads, index * OFFLOAD_HEADER, family, {
      headerLength,
      size,
      transport,
      checksum: TCP_CHECKSUM,
    })
    this.#writeVectors(index, segments + 1, length, segments, length + (segments - 1) * headerLength)
  }

  #writeAsItIs(offset: number, length: number): void {
    setVector(this.#vectors, GROUPS * VECTORS + 1, this.#address + offset, length)
    this.#writeVectors(GROUPS, 2, length, 1, length)
  }

  /** @param packets how many of a peer's these are, and of how many bytes */
  #writeVectors(index: number, count: number, length: number, packets: number, bytes: number): void {
    const at = this.#vectorsAt + index * VECTORS * IOVEC
    if (this.#libc.writev(this.#fd, at, count) === OFFLOAD_HEADER + length) {
      this.#result.packets += packets
      this.#result.bytes += bytes
    } else {
      this.#result.errno = this.#libc.errno()
      this.#result.failed += packets
    }
  }
}
