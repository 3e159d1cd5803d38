import { describe, expect, it } from 'vitest'
import { factsOf, ipv4, type LeaseChanges, lease, Setup } from '../../../tests/admission-fixture.js'
import { containsAddress, formatCidr, overlaps, requireCidr } from '../../net/cidr.js'
import { type Lease, leaseKey } from '../lease.js'
import { parseNetworkConfig } from '../network-config.js'

describe('with 60,000 peers', () => {
  const config = parseNetworkConfig({ Network: '10.0.0.0/8' })
  const peer = (n: number, changes: LeaseChanges = {}) =>
    lease(`10.${n >> 8}.${n & 255}.0/24`, `172.16.${n >> 8}.${n & 255}`, {
      created: n,
      mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
      ...changes,
    })
  const facts = factsOf(config, { own: lease('10.255.255.0/24', '192.168.77.1') })

  it("one lease's event decides that lease alone", () => {
    const setup = new Setup(facts)
    setup.put(...Array.from({ length: 60_000 }, (_, n) => peer(n + 256)))
    expect(setup.refused).toEqual([])
    setup.calls = 0
    setup.put(peer(999, { mac: '02:ff:00:00:00:00' }))
    setup.delete(peer(999))
    setup.put(peer(999))
    // A hostile one is decided against those that it excludes.
    setup.put(lease('10.20.30.0/32', '172.16.250.1', { created: 99_999 }))
    expect(setup.calls).toBeLessThan(10)
  }, 60_000)

  it('does not grow with the number of claims to one MAC, as clones of one machine have it', () => {
    const setup = new Setup(factsOf(parseNetworkConfig({ Network: '10.0.0.0/8' })))
    const clones = Array.from({ length: 2_000 }, (_, n) =>
      lease(`10.${20 + (n >> 8)}.${n & 255}.0/24`, `172.16.${n >> 8}.${n & 255}`, {
        created: n,
        mac: '02:00:00:00:00:07',
      }),
    )
    setup.put(...clones)
    expect(setup.routes).toEqual(['10.20.0.0/24'])
    setup.calls = 0
    const [oldest, second] = clones
    if (oldest === undefined || second === undefined) throw new Error('no clones')
    setup.delete(oldest)
    expect(setup.routes).toEqual(['10.20.1.0/24'])
    setup.put(oldest)
    expect(setup.routes).toEqual(['10.20.0.0/24'])
    expect(setup.calls).toBeLessThan(10)
    for (const clone of clones.slice(0, -1)) setup.delete(clone)
    expect(setup.routes).toEqual(['10.27.207.0/24'])
    expect(setup.calls).toBeLessThan(3 * clones.length)
  })
})

describe('whatever comes and goes', () => {
  /** Numbers that look random, the same for a seed: a linear congruential generator (Numerical Recipes). */
  function numbers(seed: number): (bound: number) => number {
    let state = seed
    return (bound) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * bound)
    }
  }

  /** Those that the oldest admit among themselves: what the verdict is by definition. */
  function expected(leases: readonly Lease[]): string[] {
    const admitted: Lease[] = []
    for (const one of leases.toSorted((a, b) => (a.created ?? 0) - (b.created ?? 0))) {
      const rivals = admitted.filter((other) => excludes(one, other))
      if (rivals.length === 0) admitted.push(one)
    }
    return admitted.map(({ subnet = '' }) => subnet).sort()
  }

  function excludes(a: Lease, b: Lease): boolean {
    const [subnetA = '', subnetB = ''] = [a.subnet, b.subnet]
    const [addressA = '', addressB = ''] = [a.attributes.publicIp, b.attributes.publicIp]
    if (addressA === addressB) return false
    return (
      overlaps(requireCidr(subnetA), requireCidr(subnetB)) ||
      containsAddress(subnetA, addressB) ||
      containsAddress(subnetB, addressA) ||
      a.attributes.backendData === b.attributes.backendData
    )
  }

  it.each(Array.from({ length: 50 }, (_, index) => index + 1))('seed %i', (seed) => {
    const next = numbers(seed)
    const setup = new Setup(factsOf(ipv4))
    const leases = new Map<string, Lease>()
    for (let step = 0; step < 60; step += 1) {
      const changes: Lease[] = []
      for (let count = next(3); count >= 0; count -= 1) {
        const length = [24, 24, 24, 25, 23, 32][next(6)] ?? 24
        const subnet = formatCidr(requireCidr(`10.244.${16 + next(12)}.${next(2) * 128}/${length}`))
        const node = next(8)
        const publicIp = node === 7 ? `10.244.${16 + next(12)}.200` : `192.168.77.${node + 2}`
        const one = lease(subnet, publicIp, {
          created: seed * 1000 + step * 3 + count,
          // Few of them: many claims contest one, and it passes from one to the next.
          mac: `02:00:00:00:00:0${next(seed % 2 === 0 ? 9 : 2)}`,
        })
        if (!containsAddress(subnet, publicIp)) changes.push(one)
      }
      const gone = [...leases.values()].filter(() => next(6) === 0)
      for (const one of gone) {
        leases.delete(leaseKey(one))
        setup.delete(one)
      }
      for (const one of changes)
        leases.set(leaseKey(one), { ...one, created: leases.get(leaseKey(one))?.created ?? one.created })
      setup.put(...changes.map((one) => leases.get(leaseKey(one)) ?? one))
      if (next(10) === 0) setup.decideAgain({})
      expect(setup.routes, `step ${step}`).toEqual(expected([...leases.values()]))
    }
  })
})
