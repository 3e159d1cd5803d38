/** What the kernel is given in one call: joined datagrams, and TCP segments as one packet. On a C library that records. */
import { beforeEach, describe, expect, it } from 'vitest'
import { addBytes, addField, isCorrect, writeChecksum } from '../packet/checksum.js'
import { OFFLOAD_HEADER, readOffload } from '../packet/offload.js'
import { largePacket, payloadLength, payloadStart, writeSegmentHeader } from '../packet/segments.js'
import { pseudoHeaderSum } from '../packet/transport.js'
import { ProxyCounters } from './counters.js'
import type { Libc } from './libc.js'
import { CONTROL_LENGTH_AT, MMSGHDR, NAME_AT, VECTOR_COUNT_AT, VECTORS_AT, viewOf } from './memory.js'
import type { PeerRoute } from './peer-table.js'
import { Sender } from './sender.js'
import { socketAddress } from './socket.js'
import { TunWriter } from './tun-writer.js'

interface Message {
  readonly port: number
  readonly bytes: Buffer
  /** Of a datagram, if they are joined. */
  readonly size: number
}

/** Memory by address, far beyond 32 bits, and what was written or sent. */
class Recorder {
  readonly written: Buffer[] = []
  readonly messages: Message[] = []
  /** What the next calls fail with, in turn; 0 succeeds. */
  readonly errors: number[] = []
  #errno = 0
  readonly #memory: Buffer[] = []

  readonly libc = {
    addressOf: (bytes: Buffer) => this.#memory.push(bytes) * 2 ** 34,
    errno: () => this.#errno,
    writev: (_: number, vectors: number, count: number) => {
      if (this.#fails()) return -1
      const bytes = this.#gather(vectors, count)
      this.written.push(bytes)
      return bytes.length
    },
    sendmmsg: (_: number, messages: number, count: number) => {
      for (let index = 0; index < count; index += 1) {
        if (this.#fails()) return index === 0 ? -1 : this.#postpone(index)
        this.messages.push(this.#message(messages + index * MMSGHDR))
      }
      return count
    },
  } as unknown as Libc

  #fails(): boolean {
    this.#errno = this.errors.shift() ?? 0
    return this.#errno !== 0
  }

  /** As the kernel does: what comes after a message that was sent fails with the next call. */
  #postpone(sent: number): number {
    this.errors.unshift(this.#errno)
    return sent
  }

  #message(at: number): Message {
    const header = this.#read(at, MMSGHDR)
    const name = this.#read(Number(header.readBigUInt64LE(NAME_AT)), 16)
    const hasControl = header.readBigUInt64LE(CONTROL_LENGTH_AT) > 0n
    const control = hasControl ? this.#read(Number(header.readBigUInt64LE(32)), 18) : undefined
    const vectors = Number(header.readBigUInt64LE(VECTORS_AT))
    const bytes = this.#gather(vectors, Number(header.readBigUInt64LE(VECTOR_COUNT_AT)))
    return { port: name.readUInt16BE(2), bytes, size: control?.readUInt16LE(16) ?? 0 }
  }

  #gather(vectors: number, count: number): Buffer {
    const parts = Array.from({ length: count }, (_, index) => {
      const vector = this.#read(vectors + index * 16, 16)
      return this.#read(Number(vector.readBigUInt64LE(0)), Number(vector.readBigUInt64LE(8)))
    })
    return Buffer.concat(parts)
  }

  #read(address: number, length: number): Buffer {
    const bytes = this.#memory[Math.floor(address / 2 ** 34) - 1]
    const at = address % 2 ** 34
    if (bytes === undefined || at + length > bytes.length) throw new RangeError(`no memory at ${address}`)
    return Buffer.from(bytes.subarray(at, at + length))
  }
}

let recorder: Recorder
let counters: ProxyCounters
beforeEach(() => {
  recorder = new Recorder()
  counters = new ProxyCounters()
})

describe('datagrams', () => {
  const routeTo = (port: number): PeerRoute => ({
    name: socketAddress('192.0.2.1', port),
    sender: { count: 1 } as PeerRoute['sender'],
  })
  const [one, other] = [routeTo(1), routeTo(2)]
  let tooBig: number[]
  let sender: Sender
  let payload: number
  beforeEach(() => {
    tooBig = []
    sender = new Sender(recorder.libc, 4, counters, (packetAt) => tooBig.push(packetAt))
    sender.fd = 9
    payload = recorder.libc.addressOf(Buffer.from(Array.from({ length: 70_000 }, (_, index) => index & 0xff)))
  })
  const add = (route: PeerRoute, length: number, at = 0) => sender.addWhole(route, at, payload + at, length)
  const sizes = () => recorder.messages.map(({ port, bytes, size }) => [port, bytes.length, size])

  it('of one length to one peer are joined; a shorter one is the last', () => {
    for (const [route, length] of [
      [one, 100],
      [one, 100],
      [one, 60],
      [one, 60],
      [one, 61],
      [other, 61],
      [one, 61],
    ] as const)
      add(route, length)
    sender.flush()
    expect(sizes()).toEqual([
      [1, 260, 100],
      [1, 60, 0],
      [1, 61, 0],
      [2, 61, 0],
      [1, 61, 0],
    ])
    expect(counters.read()).toMatchObject({ sentPackets: 7, sentBytes: 503, sendFailed: 0 })
  })

  it('are at most 64 in a message, and no more than an IP packet holds', () => {
    for (let index = 0; index < 65; index += 1) add(one, 10)
    for (let index = 0; index < 3; index += 1) add(other, 30_000)
    sender.flush()
    expect(sizes()).toEqual([
      [1, 640, 10],
      [1, 10, 0],
      [2, 60_000, 30_000],
      [2, 30_000, 0],
    ])
  })

  it('are sent, however many are added before the flush', () => {
    for (let index = 0; index < 1_000; index += 1) add(index % 2 === 0 ? one : other, 20, index)
    for (let index = 0; index < 3_000; index += 1) {
      sender.headers.setUint32(sender.nextHeader(), index)
      sender.addSegment(one, 0, 50, 4, payload, 46)
    }
    sender.flush()
    expect(recorder.messages.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(1_000 * 20 + 3_000 * 50)
    expect(counters.read()).toMatchObject({ sentPackets: 4_000, sendFailed: 0 })
    const segments = Buffer.concat(recorder.messages.slice(1_000).map(({ bytes }) => bytes))
    expect(Array.from({ length: 3_000 }, (_, index) => segments.readUInt32BE(50 * index))).toEqual(
      Array.from({ length: 3_000 }, (_, index) => index),
    )
  })

  it.each([5, 22])(
    'are sent one by one where the kernel cannot send joined ones (errno %d), from then on',
    (errno) => {
      recorder.errors.push(0, errno)
      add(other, 10)
      for (const at of [0, 1, 2]) {
        sender.headers.setUint32(sender.nextHeader(), 0x01020304)
        sender.addSegment(one, 0, 50, 4, payload + at, at === 2 ? 3 : 6)
      }
      sender.flush()
      expect(sizes()).toEqual([
        [2, 10, 0],
        [1, 10, 0],
        [1, 10, 0],
        [1, 7, 0],
      ])
      expect([...(recorder.messages[3]?.bytes ?? [])]).toEqual([1, 2, 3, 4, 2, 3, 4])
      add(one, 10)
      add(one, 10)
      sender.flush()
      expect(sizes().slice(4)).toEqual([
        [1, 10, 0],
        [1, 10, 0],
      ])
      expect(counters.read()).toMatchObject({ sentPackets: 6, sendFailed: 0 })
    },
  )

  it('that fail cost no other: too big ones are answered, an interrupted call is made again', () => {
    recorder.errors.push(4, 0, 90, 1)
    add(one, 1_000, 0)
    add(other, 2_000, 5)
    add(other, 2_000, 6)
    add(one, 3_000, 7)
    add(other, 4_000, 8)
    sender.flush()
    expect(sizes()).toEqual([
      [1, 1_000, 0],
      [2, 4_000, 0],
    ])
    expect(tooBig).toEqual([5])
    expect(counters.read()).toMatchObject({ sentPackets: 2, sentBytes: 5_000, tooBig: 2, sendFailed: 1 })
  })
})

describe.each([4, 6] as const)('received TCP segments of IPv%d', (family) => {
  const ipHeader = family === 4 ? 20 : 40
  let memory: Buffer
  let end: number
  let writer: TunWriter
  beforeEach(() => {
    memory = Buffer.alloc(200_000)
    end = 0
    writer = new TunWriter(recorder.libc, viewOf(memory), recorder.libc.addressOf(memory))
  })

  interface Segment {
    readonly sequence?: number
    readonly length?: number
    readonly flags?: number
    readonly port?: number
    readonly timestamp?: number
    readonly corrupt?: boolean
    readonly ttl?: number
  }
  /** Has a segment received; gives it as it came. */
  function receive(segment: Segment): Buffer {
    const { sequence = 0, length = 100, flags = 0x10, port = 80, timestamp = 1, corrupt, ttl = 62 } = segment
    const total = ipHeader + 32 + length
    const bytes = memory.subarray(end, end + total)
    const view = viewOf(bytes)
    if (family === 4) {
      view.setUint32(0, 0x4500_0000 | total)
      view.setUint16(6, 0x4000)
      view.setUint16(8, (ttl << 8) | 6)
      view.setUint32(12, 0x0a05_0202)
      view.setUint32(16, 0x0a05_0102)
      writeChecksum(view, 10, addBytes(view, 0, 20))
    } else {
      view.setUint32(0, 0x6000_0000)
      view.setUint16(4, total - 40)
      view.setUint16(6, 0x0600 | ttl)
      bytes.fill(7, 8, 40)
    }
    view.setUint32(ipHeader, (port << 16) | 5001)
    view.setUint32(ipHeader + 4, sequence >>> 0)
    view.setUint16(ipHeader + 12, 0x8000 | flags)
    view.setUint32(ipHeader + 24, timestamp)
    for (let at = 0; at < length; at += 1) bytes[ipHeader + 32 + at] = (sequence + at) & 0xff
    const sum = addField(total - ipHeader, pseudoHeaderSum(view, 0, family, 6))
    writeChecksum(view, ipHeader + 16, addBytes(view, ipHeader, total - ipHeader, sum))
    if (corrupt) bytes[total - 1] = (bytes[total - 1] ?? 0) ^ 1
    const copy = Buffer.from(bytes)
    writer.put(3, end, total, family)
    end += total
    return copy
  }
  const flush = () => {
    writer.flush()
    return recorder.written.splice(0)
  }
  /** As the kernel would see the segments of what was written. */
  function segmentsOf(written: Buffer): Buffer[] {
    const view = viewOf(written)
    const offload = readOffload(view, 0)
    const packet = written.subarray(OFFLOAD_HEADER)
    if (!offload.isLarge) return [packet]
    expect(offload).toMatchObject({ needsChecksum: true, transport: ipHeader, checksum: 16 })
    expect(written.readUInt16LE(2)).toBe(ipHeader + 32)
    const large = largePacket(view, OFFLOAD_HEADER, packet.length, family, offload)
    if (large === undefined) throw new Error('the kernel would refuse it')
    if (family === 4) expect(isCorrect(addBytes(view, OFFLOAD_HEADER, 20))).toBe(true)
    return Array.from({ length: large.count }, (_, index) => {
      const header = Buffer.alloc(large.headerLength)
      writeSegmentHeader(large, index, viewOf(header), 0)
      // Identifications of packets that are not fragmented mean nothing (RFC 6864).
      if (family === 4) {
        header.writeUInt16BE(0, 4)
        header.writeUInt16BE(0, 10)
        writeChecksum(viewOf(header), 10, addBytes(viewOf(header), 0, 20))
      }
      const start = payloadStart(large, index)
      return Buffer.concat([header, packet.subarray(start, start + payloadLength(large, index))])
    })
  }

  it('that follow one another are one packet, and the same segments when taken apart', () => {
    const received = [0, 100, 200].map((sequence) => receive({ sequence: sequence - 150 }))
    received.push(receive({ sequence: 150, length: 40, flags: 0x18 }))
    const written = flush()
    expect(written).toHaveLength(1)
    expect(segmentsOf(written[0] ?? Buffer.of())).toEqual(received)
    expect(writer.takeResult()).toEqual({
      packets: 4,
      bytes: received.reduce((sum, { length }) => sum + length, 0),
      failed: 0,
      errno: 0,
    })
  })

  it.each<[string, readonly Segment[], readonly number[]]>([
    ['a gap', [{}, { sequence: 101 }], [1, 1]],
    ['a repetition', [{}, {}], [1, 1]],
    ['a longer one', [{}, { sequence: 100, length: 101 }], [1, 1]],
    ['what follows a shorter one', [{}, { sequence: 100, length: 9 }, { sequence: 109, length: 9 }], [2, 1]],
    ['what follows a push', [{}, { sequence: 100, flags: 0x18 }, { sequence: 200 }], [2, 1]],
    ['what follows a first push', [{ flags: 0x18 }, { sequence: 100 }], [1, 1]],
    ['a FIN', [{}, { sequence: 100 }, { sequence: 200, flags: 0x11 }], [2, 1]],
    ['an ACK alone', [{}, { sequence: 100, length: 0 }, { sequence: 100 }], [1, 1, 1]],
    ['another timestamp', [{}, { sequence: 100, timestamp: 2 }, { sequence: 200, timestamp: 2 }], [1, 2]],
    ['another TTL', [{}, { sequence: 100, ttl: 61 }], [1, 1]],
    [
      'a wrong checksum',
      [{}, { sequence: 100 }, { sequence: 200, corrupt: true }, { sequence: 300 }],
      [2, 1, 1],
    ],
    ['a wrong first checksum', [{ corrupt: true }, { sequence: 100 }, { sequence: 200 }], [1, 2]],
    ['nothing: wrapped sequence numbers', [{ sequence: -50 }, { sequence: 50 }], [2]],
  ])('are kept apart, and in their order, by %s', (_, segments, expected) => {
    const received = segments.map(receive)
    const written = flush()
    const apart = written.map(segmentsOf)
    expect(apart.map(({ length }) => length)).toEqual(expected)
    expect(apart.flat()).toEqual(received)
  })

  it('of connections that alternate are gathered for each', () => {
    for (const sequence of [0, 100, 200]) for (const port of [80, 81, 82]) receive({ sequence, port })
    expect(flush().map((packet) => segmentsOf(packet).length)).toEqual([3, 3, 3])
  })

  it('of more connections than are gathered at a time all arrive', () => {
    for (const sequence of [0, 100]) for (let port = 0; port < 40; port += 1) receive({ sequence, port })
    expect(flush().flatMap(segmentsOf)).toHaveLength(80)
  })

  it('are at most 64 in one, and no more than an IP packet holds', () => {
    for (let index = 0; index < 70; index += 1) receive({ sequence: index * 100 })
    expect(flush().map((packet) => segmentsOf(packet).length)).toEqual([64, 6])
    for (let index = 0; index < 4; index += 1) receive({ sequence: index * 30_000, length: 30_000 })
    expect(flush().map((packet) => segmentsOf(packet).length)).toEqual([2, 2])
  })

  it('that the kernel refuses are counted, each', () => {
    receive({})
    receive({ sequence: 100 })
    receive({ port: 81 })
    recorder.errors.push(22)
    expect(flush()).toHaveLength(1)
    expect(writer.takeResult()).toMatchObject({ packets: 1, failed: 2, errno: 22 })
    expect(writer.takeResult()).toMatchObject({ packets: 0, failed: 0, errno: 0 })
  })
})
