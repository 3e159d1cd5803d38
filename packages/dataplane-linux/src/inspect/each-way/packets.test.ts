import { describe, expect, it, test } from 'vitest'
import { conclude } from './measure.js'
import { checksum, longReply, longRequest, readAnswer } from './packets.js'

const V4 = { source: '192.0.2.1', destination: '192.0.2.2' }
const V6 = { source: '2001:db8::1', destination: '2001:db8::2' }
const ID = 0x1234

/** As a kernel answers: a type of ICMP, and the rest of the request. */
function replyTo(message: Buffer, type: number, length = message.length): Buffer {
  const reply = Buffer.from(message.subarray(0, length))
  reply.writeUInt8(type, 0)
  return reply
}

const pseudo = (next: number, size: number): Buffer => {
  const header = Buffer.alloc(40)
  header.set([0x20, 0x01, 0x0d, 0xb8], 0)
  header.set([0x20, 0x01, 0x0d, 0xb8], 16)
  header[15] = 1
  header[31] = 2
  header.writeUInt32BE(size, 32)
  header[39] = next
  return header
}

describe('a long request', () => {
  it('of IPv4 is one packet, not to be fragmented, that asks for the time', () => {
    const [packet = Buffer.alloc(0), ...more] = longRequest(V4, ID, 1450)
    expect(more).toEqual([])
    expect(packet).toHaveLength(1450)
    expect(packet.readUInt16BE(6)).toBe(0x4000)
    expect([...packet.subarray(12, 20)]).toEqual([192, 0, 2, 1, 192, 0, 2, 2])
    expect(packet[20]).toBe(13)
    expect(checksum(packet.subarray(20))).toBe(0)
    // The answer is short, and says which it answers.
    const answer = Buffer.concat([packet.subarray(0, 20), replyTo(packet.subarray(20), 14, 20)])
    expect(readAnswer(4, answer, ID)).toEqual({ direction: 'there', length: 1450 })
  })

  it('of IPv6 is a datagram to a closed port', () => {
    const [packet = Buffer.alloc(0), ...more] = longRequest(V6, ID, 1450)
    expect(more).toEqual([])
    expect(packet).toHaveLength(1450)
    expect(packet.readUInt16BE(4)).toBe(1410)
    expect(checksum(pseudo(17, 1410), packet.subarray(40))).toBe(0)
    const error = Buffer.concat([Buffer.from([1, 4, 0, 0, 0, 0, 0, 0]), packet.subarray(0, 1232)])
    expect(readAnswer(6, error, ID)).toEqual({ direction: 'there', length: 1450 })
  })
})

describe('what is answered by a long reply', () => {
  it('of IPv4 goes in fragments that are one echo request', () => {
    const fragments = longReply(V4, ID, 1450)
    expect(fragments.map(({ length }) => length)).toEqual([532, 532, 426])
    expect(fragments.map((each) => each.readUInt16BE(6))).toEqual([0x2000, 0x2000 | 64, 128])
    expect(new Set(fragments.map((each) => each.readUInt16BE(4))).size).toBe(1)
    const message = Buffer.concat(fragments.map((each) => each.subarray(20)))
    expect(message[0]).toBe(8)
    expect(checksum(message)).toBe(0)
    const answer = Buffer.concat([fragments[0]?.subarray(0, 20) ?? Buffer.alloc(0), replyTo(message, 0)])
    expect(readAnswer(4, answer, ID)).toEqual({ direction: 'back', length: 1450 })
  })

  it('of IPv6 as well', () => {
    const fragments = longReply(V6, ID, 1280)
    expect(fragments.map((each) => each.readUInt16BE(42))).toEqual([1, 512 | 1, 1024])
    const message = Buffer.concat(fragments.map((each) => each.subarray(48)))
    expect(checksum(pseudo(58, 1240), message)).toBe(0)
    expect(readAnswer(6, replyTo(message, 129), ID)).toEqual({ direction: 'back', length: 1280 })
  })

  it('has an identification of IP that is none of another length, and never zero', () => {
    const ids = [1450, 1400, 1280].map((length) => longReply(V4, 0xfffe, length)[0]?.readUInt16BE(4))
    expect(new Set(ids).size).toBe(3)
    expect(longReply(V4, 0x10000 - 1450, 1450)[0]?.readUInt16BE(4)).toBe(1)
  })
})

describe('an answer', () => {
  const message = Buffer.concat(longReply(V6, ID, 1280).map((each) => each.subarray(48)))

  it.each<[name: string, family: 4 | 6, packet: Buffer]>([
    ['of nothing', 4, Buffer.alloc(0)],
    ['that ends in its header', 4, Buffer.from([0x4f, 0, 0, 0, 0])],
    ['of a few bytes', 6, Buffer.from([129, 0, 0])],
    ['that is a request', 6, message],
    [
      'to a datagram of another port',
      6,
      Buffer.concat([Buffer.from([1, 4, 0, 0, 0, 0, 0, 0]), Buffer.alloc(60)]),
    ],
    ['that quotes too little', 6, Buffer.from([1, 4, 0, 0, 0, 0, 0, 0, 0x60])],
  ])('%s is none', (_, family, packet) => {
    expect(readAnswer(family, packet, ID)).toBeUndefined()
  })

  it('to another look is none', () => {
    expect(readAnswer(6, replyTo(message, 129), ID + 1)).toBeUndefined()
  })
})

test.each<[name: string, answers: Parameters<typeof conclude>[0], there: unknown, back: unknown]>([
  ['silence says nothing', [], undefined, undefined],
  ['only short requests are answered', [{ direction: 'there', length: 560 }], 'less', undefined],
  ['only short answers come', [{ direction: 'back', length: 560 }], undefined, 0],
  [
    'all is answered',
    [
      { direction: 'there', length: 1450 },
      { direction: 'back', length: 1300 },
      { direction: 'back', length: 1450 },
    ],
    'whole',
    1450,
  ],
  ['of a length that was not asked about', [{ direction: 'back', length: 9000 }], undefined, 0],
])('%s', (_, answers, there, back) => {
  expect(conclude(answers, [1450, 1300])).toEqual({ there, back })
})
