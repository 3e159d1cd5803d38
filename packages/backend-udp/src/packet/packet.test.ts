import { describe, expect, it } from 'vitest'
import { addBytes, isCorrect, writeChecksum } from './checksum.js'
import { writeIcmpError } from './icmp.js'
import { decrementTtl, destinationAt, familyOfPacket, mayNotFragment, sourceAt } from './ip.js'

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const text = (view: DataView, length: number) =>
  Buffer.from(view.buffer, view.byteOffset, length).toString('hex')

/** The example of RFC 1071's readers everywhere: the header of a UDP packet from 192.168.0.1 to 192.168.0.199. */
const HEADER = '4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7'

/** An echo request from 10.5.1.2 to 10.5.2.2. */
const ECHO = '4500 001c 1234 4000 4001 119b 0a05 0102 0a05 0202 0800 f7fd 0001 0001'
/** UDP from 10.5.1.2 to 10.5.2.2 without a payload. */
const UDP = '4500 001c 0000 0000 4011 63bf 0a05 0102 0a05 0202 03e8 03e9 0008 0000'
const UDP6 =
  '6000 0000 0008 1140 20010db8000000000000000000000001 20010db8000000000000000000000002 03e8 03e9 0008 0000'

describe('the checksum', () => {
  it('of a known header adds up, and is what it was when written again', () => {
    const view = viewOf(hex(HEADER))
    expect(isCorrect(addBytes(view, 0, 20))).toBe(true)
    view.setUint16(10, 0)
    writeChecksum(view, 10, addBytes(view, 0, 20))
    expect(view.getUint16(10)).toBe(0xb861)
  })

  it("is RFC 1071's own example", () => {
    const view = viewOf(hex('0001 f203 f4f5 f6f7 0000'))
    writeChecksum(view, 8, addBytes(view, 0, 8))
    expect(view.getUint16(8)).toBe(0x220d)
  })

  it('is the same in parts, of an odd length, and of the largest packet', () => {
    const bytes = new Uint8Array(65_535).fill(0xff)
    const view = viewOf(bytes)
    expect(addBytes(view, 0, 65_534)).toBe(0xffff)
    bytes.forEach((_, index) => {
      bytes[index] = (index * 7) & 0xff
    })
    for (const length of [0, 1, 2, 3, 4, 5, 1471, 65_535]) {
      let slow = 0
      for (let at = 0; at < length; at += 2) {
        slow += (bytes[at] ?? 0) + (at + 1 < length ? (bytes[at + 1] ?? 0) << 8 : 0)
      }
      while (slow > 0xffff) slow = (slow & 0xffff) + Math.floor(slow / 0x10000)
      expect(addBytes(view, 0, length)).toBe(slow)
      const even = length & ~1 & 0xfff0
      if (even < length) {
        expect(addBytes(view, even, length - even, addBytes(view, 0, even))).toBe(slow)
      }
    }
  })
})

describe('a packet', () => {
  it.each([
    [ECHO, 4],
    [UDP, 4],
    [UDP6, 6],
    ['', undefined],
    ['45', undefined],
    [ECHO.slice(0, -2), undefined],
    [`${ECHO} 00`, undefined],
    [ECHO.replace('4500', '4400'), undefined],
    [ECHO.replace('4500', '4f00'), undefined],
    [ECHO.replace('001c', '0000'), undefined],
    [ECHO.replace('001c', 'ffff'), undefined],
    [UDP6.slice(0, -2), undefined],
    [UDP6.replace('6000', '7000'), undefined],
    [UDP6.replace('0008 1140', '0000 1140'), undefined],
    ['6000 0000 0000 1140', undefined],
  ])('%s is of family %s', (packet, family) => {
    const bytes = hex(packet)
    expect(familyOfPacket(viewOf(bytes), 0, bytes.length)).toBe(family)
  })

  it('loses one of its TTL, and its checksum still adds up', () => {
    const view = viewOf(hex(HEADER))
    for (let ttl = 0x3f; ttl > 0; ttl -= 1) {
      expect(decrementTtl(view, 4, 0)).toBe(true)
      expect(view.getUint8(8)).toBe(ttl)
      expect(isCorrect(addBytes(view, 0, 20))).toBe(true)
    }
    expect(decrementTtl(view, 4, 0)).toBe(false)
    expect(view.getUint8(8)).toBe(1)
  })

  it('of IPv6 loses one of its hop limit', () => {
    const view = viewOf(hex(UDP6))
    expect(decrementTtl(view, 6, 0)).toBe(true)
    expect(view.getUint8(7)).toBe(0x3f)
  })

  it('says whether it may be fragmented', () => {
    expect(mayNotFragment(viewOf(hex(ECHO)), 4, 0)).toBe(true)
    expect(mayNotFragment(viewOf(hex(UDP)), 4, 0)).toBe(false)
    expect(mayNotFragment(viewOf(hex(UDP6)), 6, 0)).toBe(true)
  })
})

describe('an ICMP error', () => {
  const answer = (packet: string, error: 'no route' | 'ttl exceeded' | 'too big', mtu?: number) => {
    const bytes = hex(packet)
    const family = familyOfPacket(viewOf(bytes), 0, bytes.length)
    if (family === undefined) throw new Error('no packet')
    const out = viewOf(new Uint8Array(1280))
    const source = family === 4 ? hex('0a050100') : hex('20010db8000000000000000000000009')
    const length = writeIcmpError(
      { view: viewOf(bytes), offset: 0, length: bytes.length, family },
      error,
      source,
      out,
      mtu,
    )
    return { out, length, shown: text(out, length) }
  }

  it('says that there is no route, with the packet in it', () => {
    const { out, length, shown } = answer(ECHO, 'no route')
    expect(length).toBe(28 + 28)
    expect(shown.slice(24, 40)).toBe('0a0501000a050102')
    expect(shown.slice(40, 44)).toBe('0300')
    expect(shown.slice(56)).toBe(ECHO.replaceAll(' ', ''))
    expect(isCorrect(addBytes(out, 0, 20))).toBe(true)
    expect(isCorrect(addBytes(out, 20, length - 20))).toBe(true)
  })

  it.each([
    [UDP, 'ttl exceeded', '0b00'],
    [UDP, 'too big', '0304'],
  ] as const)('to %s: %s', (packet, error, type) => {
    const { shown } = answer(packet, error, 1400)
    expect(shown.slice(40, 44)).toBe(type)
    expect(shown.slice(48, 56)).toBe(error === 'too big' ? '00000578' : '00000000')
  })

  it.each([
    ['no route', '0100'],
    ['ttl exceeded', '0300'],
    ['too big', '0200'],
  ] as const)('of ICMPv6: %s', (error, type) => {
    const { out, length, shown } = answer(UDP6, error, 1400)
    expect(familyOfPacket(out, 0, length)).toBe(6)
    expect(shown.slice(80, 84)).toBe(type)
    const pseudo = viewOf(hex(`${shown.slice(16, 80)} 0000 ${shown.slice(8, 12)} 0000 003a`))
    expect(isCorrect(addBytes(out, 40, length - 40, addBytes(pseudo, 0, 40)))).toBe(true)
  })

  it('quotes no more than an error may hold', () => {
    const large = `4500 0800 0000 0000 4011 63bf 0a05 0102 0a05 0202 ${'ab'.repeat(2028)}`
    expect(answer(large, 'no route').length).toBe(576)
    const large6 = `6000 0000 0800 1140 ${'20'.repeat(32)} ${'ab'.repeat(2048)}`
    expect(answer(large6, 'no route').length).toBe(1280)
  })

  it.each([
    ['an error', ECHO.replace('0800 f7fd', '0300 f7fd')],
    ['a redirect', ECHO.replace('0800 f7fd', '0500 f7fd')],
    ['a later fragment', UDP.replace('001c 0000 0000', '001c 0000 0010')],
    ['a multicast', UDP.replace('0a05 0202', 'e000 0001')],
    ['a broadcast', UDP.replace('0a05 0202', 'ffff ffff')],
    ['no host', UDP.replace('0a05 0102', '0000 0000')],
    ['a loopback address', UDP.replace('0a05 0102', '7f00 0001')],
    ['an IPv6 multicast', UDP6.replace('20010db8000000000000000000000002', `ff02${'0'.repeat(27)}1`)],
    ['an unspecified IPv6 source', UDP6.replace('20010db8000000000000000000000001', '0'.repeat(32))],
    ['an ICMPv6 error', UDP6.replace('0008 1140', '0008 3a40').replace('03e8 03e9', '0100 0000')],
    [
      'an ICMPv6 error behind options',
      UDP6.replace('0008 1140', '0010 3c40').replace(
        '03e8 03e9 0008 0000',
        '3a00 0000 0000 0000 0100 0000 0000 0000',
      ),
    ],
    ['a later IPv6 fragment', UDP6.replace('0008 1140', '0008 2c40').replace('03e8 03e9', '1100 0008')],
  ])('never answers %s', (_, packet) => {
    expect(answer(packet, 'no route').length).toBe(0)
  })
})

describe('any bytes at all', () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  it(`never make any of it throw or write outside its memory (SEED=${seed})`, () => {
    let state = seed
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state / 2 ** 32
    }
    const samples = [ECHO, UDP, UDP6].map(hex)
    for (let round = 0; round < 20_000; round += 1) {
      const sample = samples[Math.floor(random() * samples.length)] ?? hex(ECHO)
      const length = random() < 0.5 ? sample.length : Math.floor(random() * 2_000)
      const bytes = new Uint8Array(length)
      bytes.set(sample.subarray(0, length))
      for (let changes = Math.floor(random() * 8); changes > 0 && length > 0; changes -= 1) {
        bytes[Math.floor(random() * Math.min(length, 64))] = Math.floor(random() * 256)
      }
      const view = viewOf(bytes)
      const family = familyOfPacket(view, 0, length)
      if (family === undefined) continue
      expect(sourceAt(family, 0) < destinationAt(family, 0)).toBe(true)
      const out = viewOf(new Uint8Array(1280))
      const source = new Uint8Array(family === 4 ? 4 : 16)
      const answered = writeIcmpError({ view, offset: 0, length, family }, 'no route', source, out)
      if (answered > 0) expect(familyOfPacket(out, 0, answered)).toBe(family)
      decrementTtl(view, family, 0)
      expect(familyOfPacket(view, 0, length)).toBe(family)
    }
  })
})
