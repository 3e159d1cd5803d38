import { describe, expect, it } from 'vitest'
import { parseNetworkConfig } from './network-config.js'
import { SubnetPool } from './subnet-pool.js'

function ipv4Pool(config: object = {}): SubnetPool {
  const { ipv4 } = parseNetworkConfig({ Network: '10.5.0.0/16', ...config })
  if (ipv4 === undefined) throw new Error('no IPv4')
  return new SubnetPool(ipv4)
}

function ipv6Pool(config: object): SubnetPool {
  const { ipv6 } = parseNetworkConfig({ EnableIPv4: false, EnableIPv6: true, ...config })
  if (ipv6 === undefined) throw new Error('no IPv6')
  return new SubnetPool(ipv6)
}

/** 10.5.16.0/24 to 10.5.19.0/24. */
const four = () => ipv4Pool({ SubnetMin: '10.5.16.0', SubnetMax: '10.5.19.0' })

describe('SubnetPool', () => {
  it('counts the subnets from SubnetMin to SubnetMax', () => {
    expect(ipv4Pool().size).toBe(255n)
    expect(four().size).toBe(4n)
    expect(ipv6Pool({ IPv6Network: 'fc00::/7', IPv6SubnetLen: 126 }).size).toBe(2n ** 119n - 1n)
  })

  it('finds the first free subnet from the start given, around the end', () => {
    const pool = four()
    expect(pool.find(0n)).toBe('10.5.16.0/24')
    expect(pool.find(2n)).toBe('10.5.18.0/24')
    expect(pool.find(7n)).toBe('10.5.19.0/24')
    pool.take('10.5.18.0/24')
    pool.take('10.5.19.0/24')
    expect(pool.find(2n)).toBe('10.5.16.0/24')
    pool.take('10.5.16.0/24')
    expect(pool.find(2n)).toBe('10.5.17.0/24')
    pool.take('10.5.17.0/24')
    expect(pool.find(2n)).toBeUndefined()
    pool.release('10.5.18.0/24')
    expect(pool.find(3n)).toBe('10.5.18.0/24')
  })

  it.each([
    ['a shorter prefix takes all that it holds', '10.5.16.0/23', ['10.5.18.0/24', '10.5.19.0/24']],
    [
      'a longer prefix takes the one that holds it',
      '10.5.17.64/26',
      ['10.5.16.0/24', '10.5.18.0/24', '10.5.19.0/24'],
    ],
    ['what reaches over the range counts inside it', '10.5.0.0/17', []],
    [
      'the whole network does not count',
      '10.5.0.0/16',
      ['10.5.16.0/24', '10.5.17.0/24', '10.5.18.0/24', '10.5.19.0/24'],
    ],
    [
      'what reaches over the network does not count',
      '10.4.0.0/15',
      ['10.5.16.0/24', '10.5.17.0/24', '10.5.18.0/24', '10.5.19.0/24'],
    ],
    [
      'what lies below the range does not count',
      '10.5.15.0/24',
      ['10.5.16.0/24', '10.5.17.0/24', '10.5.18.0/24', '10.5.19.0/24'],
    ],
    [
      'what lies above the range does not count',
      '10.5.20.0/22',
      ['10.5.16.0/24', '10.5.17.0/24', '10.5.18.0/24', '10.5.19.0/24'],
    ],
    [
      'another family does not count',
      'fd00::/8',
      ['10.5.16.0/24', '10.5.17.0/24', '10.5.18.0/24', '10.5.19.0/24'],
    ],
  ])('%s', (_, taken, free) => {
    const pool = four()
    pool.take(taken)
    const all = ['10.5.16.0/24', '10.5.17.0/24', '10.5.18.0/24', '10.5.19.0/24']
    expect(all.filter((subnet) => !pool.has(subnet))).toEqual(free)
    expect(pool.find(0n)).toBe(free[0])
  })

  it('has what any taken subnet overlaps', () => {
    const pool = four()
    pool.take('10.5.18.0/24')
    expect(pool.has('10.5.16.0/22')).toBe(true)
    expect(pool.has('10.5.16.0/23')).toBe(false)
    expect(pool.has('10.5.18.7/32')).toBe(true)
    expect(pool.has('10.9.0.0/16')).toBe(false)
  })

  it('keeps what one of two overlapping leases still holds', () => {
    const pool = four()
    pool.take('10.5.16.0/24')
    pool.take('10.5.16.0/22')
    pool.release('10.5.16.0/22')
    expect(pool.has('10.5.16.0/24')).toBe(true)
    expect(pool.find(0n)).toBe('10.5.17.0/24')
  })

  it('names what takes more than one, the widest first', () => {
    const pool = four()
    expect(pool.wide).toEqual([])
    for (const subnet of ['10.5.16.0/24', '10.5.18.0/23', '10.5.18.0/23', '10.0.0.0/8']) pool.take(subnet)
    expect(pool.wide).toEqual([{ subnet: '10.5.18.0/23', size: 2n }])
    pool.take('10.5.0.0/17')
    expect(pool.wide).toEqual([
      { subnet: '10.5.0.0/17', size: 4n },
      { subnet: '10.5.18.0/23', size: 2n },
    ])
    pool.release('10.5.0.0/17')
    pool.release('10.5.18.0/23')
    expect(pool.wide).toEqual([{ subnet: '10.5.18.0/23', size: 2n }])
    pool.release('10.5.18.0/23')
    expect(pool.wide).toEqual([])
  })

  it('refuses to give back what was never taken, and stays right', () => {
    const pool = four()
    pool.take('10.5.16.0/24')
    expect(() => pool.release('10.5.16.0/23')).toThrow(TypeError)
    expect(pool.has('10.5.16.0/24')).toBe(true)
    expect(pool.has('10.5.17.0/24')).toBe(false)
  })

  it('knows which subnets fit', () => {
    const pool = four()
    expect(pool.fits('10.5.16.0/24')).toBe(true)
    expect(pool.fits('10.5.19.0/24')).toBe(true)
    expect(pool.fits('10.5.15.0/24')).toBe(false)
    expect(pool.fits('10.5.20.0/24')).toBe(false)
    expect(pool.fits('10.5.16.0/25')).toBe(false)
    expect(pool.fits('fd00::/24')).toBe(false)
  })

  it('works in an IPv6 network of more subnets than a double can count', () => {
    const pool = ipv6Pool({ IPv6Network: 'fd00::/8', IPv6SubnetLen: 120 })
    const first = pool.find(2n ** 100n)
    expect(first).toBe('fd00:1000::100/120')
    pool.take(first ?? '')
    expect(pool.find(2n ** 100n)).toBe('fd00:1000::200/120')
    for (const half of ['fd00::/9', 'fd80::/9']) pool.take(half)
    expect(pool.find(0n)).toBeUndefined()
  })

  it('agrees with a plain set of subnets over random takes and releases', () => {
    const seed = 20240607
    const random = lcg(seed)
    const pool = ipv4Pool({ SubnetMin: '10.5.64.0', SubnetMax: '10.5.127.0' })
    const taken: string[] = []
    for (let round = 0; round < 3000; round += 1) {
      if (random() < 0.45 && taken.length > 0) {
        const [subnet = ''] = taken.splice(Math.floor(random() * taken.length), 1)
        pool.release(subnet)
      } else {
        const length = random() < 0.8 ? 24 : 21 + Math.floor(random() * 6)
        const subnet = `10.5.${56 + Math.floor(random() * 80)}.0/${length}`
        taken.push(subnet)
        pool.take(subnet)
      }
      const plain = new Set(taken.flatMap(thirdOctets))
      const start = Math.floor(random() * 64)
      const around = Array.from({ length: 64 }, (_, step) => 64 + ((start + step) % 64))
      const free = around.find((third) => !plain.has(third))
      const said = `seed ${seed}, round ${round}`
      expect(pool.find(BigInt(start)), said).toBe(free === undefined ? undefined : `10.5.${free}.0/24`)
      expect(pool.has(`10.5.${64 + start}.0/24`), said).toBe(plain.has(64 + start))
    }
  })

  it('finds the last free one of 65,535 subnets without walking them', () => {
    const pool = ipv4Pool({ Network: '10.0.0.0/8' })
    for (let number = 1; number < 2 ** 16; number += 1) {
      if (number !== 40_000) pool.take(`10.${number >> 8}.${number & 255}.0/24`)
    }
    const began = process.cpuUsage()
    for (let turn = 0n; turn < 1000n; turn += 1n) expect(pool.find(turn * 61n)).toBe('10.156.64.0/24')
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(500)
  })
})

/** Which 10.5.x.0/24 the subnet overlaps. */
function thirdOctets(subnet: string): number[] {
  const [, third = 0, length = 24] = /^10\.5\.(\d+)\.0\/(\d+)$/.exec(subnet)?.map(Number) ?? []
  const size = 2 ** Math.max(0, 24 - length)
  const base = third - (third % size)
  return Array.from({ length: size }, (_, step) => base + step)
}

/** A linear congruential generator (Numerical Recipes), good enough to shuffle tests. */
function lcg(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
