import { addressBits, parseAddress } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { PrefixTable } from './prefix-table.js'

const at = (address: string): [DataView, number] => {
  const parsed = parseAddress(address)
  if (parsed === undefined) throw new Error(address)
  const length = addressBits(parsed.family) / 8
  const bytes = Buffer.from(parsed.value.toString(16).padStart(length * 2, '0'), 'hex')
  return [new DataView(Uint8Array.from([9, ...bytes]).buffer), 1]
}

describe('a table of prefixes', () => {
  it('finds the longest of IPv4', () => {
    const table = new PrefixTable<string>()
    for (const cidr of [
      '0.0.0.0/0',
      '10.0.0.0/8',
      '10.5.0.0/16',
      '10.5.1.0/24',
      '10.5.1.128/25',
      '10.5.1.129/32',
    ]) {
      table.set(cidr, cidr)
    }
    expect(table.find(...at('192.0.2.1'))).toBe('0.0.0.0/0')
    expect(table.find(...at('10.255.255.255'))).toBe('10.0.0.0/8')
    expect(table.find(...at('10.5.2.1'))).toBe('10.5.0.0/16')
    expect(table.find(...at('10.5.1.127'))).toBe('10.5.1.0/24')
    expect(table.find(...at('10.5.1.130'))).toBe('10.5.1.128/25')
    expect(table.find(...at('10.5.1.129'))).toBe('10.5.1.129/32')
    table.delete('10.5.1.128/25')
    table.delete('0.0.0.0/0')
    table.delete('1.2.3.0/24')
    expect(table.find(...at('10.5.1.130'))).toBe('10.5.1.0/24')
    expect(table.find(...at('192.0.2.1'))).toBeUndefined()
  })

  it.each([20, 32, 33, 48, 64, 65, 96, 112, 128])('finds IPv6 prefixes of /%d', (length) => {
    const table = new PrefixTable<string>()
    table.set(`2001:db8:1:2:3:4:5:6/${length}`, 'first')
    table.set('2001:db8::/19', 'around')
    expect(table.find(...at('2001:db8:1:2:3:4:5:6'))).toBe('first')
    expect(table.find(...at('2001:db8:1:2:3:4:5:7'))).toBe(length === 128 ? 'around' : 'first')
    expect(table.find(...at('2001:db9:ffff::'))).toBe(length === 20 ? 'first' : 'around')
    expect(table.find(...at('2002::'))).toBeUndefined()
    table.delete(`2001:db8:1:2:3:4:5:6/${length}`)
    expect(table.find(...at('2001:db8:1:2:3:4:5:6'))).toBe('around')
  })

  it('replaces a value, and counts it once', () => {
    const table = new PrefixTable<number>()
    table.set('10.5.1.0/24', 1)
    table.set('10.5.1.0/24', 2)
    expect(table.find(...at('10.5.1.1'))).toBe(2)
    table.delete('10.5.1.0/24')
    table.delete('10.5.1.0/24')
    expect(table.find(...at('10.5.1.1'))).toBeUndefined()
  })
})
