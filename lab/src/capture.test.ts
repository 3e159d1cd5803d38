import { describe, expect, it } from 'vitest'
import { isPlain, parsePcap } from './capture.js'

const header = Buffer.alloc(24)
header.writeUInt32LE(0xa1b2c3d4)

function record(seconds: number, microseconds: number, bytes: Buffer): Buffer {
  const fields = Buffer.alloc(16)
  for (const [index, value] of [seconds, microseconds, bytes.length, bytes.length].entries()) {
    fields.writeUInt32LE(value, index * 4)
  }
  return Buffer.concat([fields, bytes])
}

describe('a file of tcpdump', () => {
  it('is its packets, with their times, but for one that is cut off', () => {
    const [first, second] = [Buffer.from('one'), Buffer.from('another')]
    const file = Buffer.concat([header, record(1_700_000_000, 250_500, first), record(7, 0, second)])
    expect(parsePcap(file)).toEqual([
      { timeMs: 1_700_000_000_250.5, bytes: first },
      { timeMs: 7000, bytes: second },
    ])
    expect(parsePcap(file.subarray(0, -1))).toHaveLength(1)
    expect(parsePcap(header)).toEqual([])
  })

  it('is refused if it is something else', () => {
    expect(() => parsePcap(Buffer.alloc(30))).toThrow('libpcap')
    expect(() => parsePcap(Buffer.alloc(3))).toThrow('libpcap')
  })
})

it('a packet is plain if the header from the one to the other is in it, anywhere', () => {
  const packet = (hex: string) => ({ timeMs: 0, bytes: Buffer.from(hex, 'hex') })
  const inner = packet('00ff0af401020af4020200')
  expect(isPlain(inner, '10.244.1.2', '10.244.2.2')).toBe(true)
  expect(isPlain(inner, '10.244.2.2', '10.244.1.2')).toBe(false)
  const [one, other] = ['fd440000000000010000000000000002', 'fd440000000000020000000000000002']
  expect(isPlain(packet(`60${one}${other}`), 'fd44:0:0:1::2', 'fd44:0:0:2::2')).toBe(true)
  expect(isPlain(packet(`60${other}${one}`), 'fd44:0:0:1::2', 'fd44:0:0:2::2')).toBe(false)
})
