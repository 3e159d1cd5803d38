import { formatAddress, parseAddress } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { readAddress, readHardwareAddress, writeAddress, writeMac } from './address-codec.js'

const bytesOf = (text: string): string => {
  const buffer = Buffer.alloc(20, 0xee)
  const length = writeAddress(buffer, 2, text)
  expect(buffer.subarray(0, 2).toString('hex') + buffer.subarray(2 + length).toString('hex')).toMatch(
    /^(ee)+$/,
  )
  return buffer.toString('hex', 2, 2 + length)
}

describe('writeAddress', () => {
  it.each([
    ['10.244.0.1', '0af40001'],
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fd00::', 'fd000000000000000000000000000000'],
    ['2001:db8::42:8329', '20010db8000000000000000000428329'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::3:4:5:6:7:8', '00010000000300040005000600070008'],
    ['FE80::ABCD', 'fe80000000000000000000000000abcd'],
    ['::ffff:10.1.2.3', '00000000000000000000ffff0a010203'],
  ])('writes %s', (text, hex) => expect(bytesOf(text)).toBe(hex))

  it.each([
    '',
    '10.1',
    '10.1.1.1.1',
    '010.1.1.1',
    '256.1.1.1',
    '1.1.1.',
    '.1.1.1',
    '1..1.1',
    '1.1.1.1 ',
    '0x1.1.1.1',
    ':',
    ':::',
    '1:2:3',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:',
    'fe80::1%eth0',
    '1:2:3:4:5:6:7::8',
    '::10.1',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('refuses %j', (text) => expect(() => bytesOf(text)).toThrow(TypeError))
})

describe('readAddress', () => {
  it('agrees with the core on what is canonical, for addresses of all shapes', () => {
    const buffer = Buffer.alloc(16)
    for (let shape = 0; shape < 256; shape += 1) {
      for (let group = 0; group < 8; group += 1) {
        buffer.writeUInt16BE((shape >> group) & 1 ? (group * 4711 + shape) & 0xffff : 0, group * 2)
      }
      const text = readAddress(buffer, 0, 16)
      const address = parseAddress(text)
      expect(address && formatAddress(address)).toBe(text)
      expect(bytesOf(text)).toBe(buffer.toString('hex'))
    }
  })

  it('reads IPv4', () => expect(readAddress(Buffer.from('00c0a84003', 'hex'), 1, 4)).toBe('192.168.64.3'))
})

describe('MAC addresses', () => {
  it('are written and read', () => {
    const buffer = Buffer.alloc(6)
    writeMac(buffer, 0, 'C6:d2:32:6f:8F:44')
    expect(readHardwareAddress(buffer, 0, 6)).toBe('c6:d2:32:6f:8f:44')
  })

  it.each(['', 'c6:d2:32:6f:8f', 'c6:d2:32:6f:8f:4g', 'c6-d2-32-6f-8f-44', 'c6:d2:32:6f:8f:444'])(
    'refuses %j',
    (text) => expect(() => writeMac(Buffer.alloc(6), 0, text)).toThrow(TypeError),
  )
})
