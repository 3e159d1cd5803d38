import type { Lease, LeaseAttributes } from '@selvedge/core'
import { IPV4_PARTS, IPV6_PARTS } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { vtepMac } from './vtep-mac.js'

const HERE = { publicIp: '192.168.64.3' }
const FROM_FLANNEL = 'c6:d2:32:6f:8f:44'

const published = (data: object | undefined, changes: LeaseAttributes = {}): Lease => ({
  subnet: '10.5.52.0/24',
  attributes: { ...HERE, backendType: 'vxlan', ...(data && { backendData: { ...data } }), ...changes },
})

const firstOctet = (mac: string): number => Number.parseInt(mac.slice(0, 2), 16)

describe('a MAC that was never published', () => {
  const derived = vtepMac(HERE, undefined, IPV4_PARTS, 1)

  it('ends in the public IPv4 address', () => {
    expect(derived).toMatch(/^[0-9a-f]{2}:[0-9a-f]{2}:c0:a8:40:03$/)
    expect(vtepMac({ publicIp: '10.0.0.255' }, undefined, IPV4_PARTS, 1)).toMatch(/:0a:00:00:ff$/)
  })

  it('is the same on every start, and in every version', () => {
    expect(derived).toBe(vtepMac(HERE, undefined, IPV4_PARTS, 1))
    expect([derived, vtepMac({ publicIpv6: '2001:db8::3' }, undefined, IPV6_PARTS, 1)]).toEqual([
      'aa:c0:c0:a8:40:03',
      '0e:20:c4:95:04:46',
    ])
  })

  it('differs between nodes in the address alone', () => {
    const macs = Array.from({ length: 65_536 }, (_, host) =>
      vtepMac({ publicIp: `10.9.${host >> 8}.${host & 255}` }, undefined, IPV4_PARTS, 1),
    )
    expect(new Set(macs).size).toBe(macs.length)
    expect(new Set(macs.map((mac) => mac.slice(0, 5))).size).toBe(1)
  })

  it('differs between VNIs and between families', () => {
    const both = { ...HERE, publicIpv6: '2001:db8::3' }
    const macs = [1, 2].flatMap((vni) =>
      [IPV4_PARTS, IPV6_PARTS].map((parts) => vtepMac(both, undefined, parts, vni)),
    )
    expect(new Set(macs).size).toBe(4)
  })

  it('differs between nodes without IPv4', () => {
    const macs = Array.from({ length: 1000 }, (_, host) =>
      vtepMac({ publicIpv6: `2001:db8::${(host + 1).toString(16)}` }, undefined, IPV6_PARTS, 1),
    )
    expect(new Set(macs).size).toBe(macs.length)
  })

  it('is unicast and locally administered', () => {
    for (let vni = 0; vni < 256; vni += 1) {
      for (const addresses of [HERE, { publicIpv6: `2001:db8::${vni.toString(16)}` }]) {
        expect(firstOctet(vtepMac(addresses, undefined, IPV4_PARTS, vni)) & 0b11).toBe(0b10)
      }
    }
  })
})

describe('a MAC that was published before', () => {
  const derived = vtepMac(HERE, undefined, IPV4_PARTS, 1)

  it.each<[string, Lease, string]>([
    ['by flannel, is kept', published({ VNI: 1, VtepMAC: FROM_FLANNEL }), FROM_FLANNEL],
    ['in upper case, is kept', published({ VNI: 1, VtepMAC: FROM_FLANNEL.toUpperCase() }), FROM_FLANNEL],
    ['without a VNI, is kept', published({ VtepMAC: FROM_FLANNEL }), FROM_FLANNEL],
    ['for another VNI, is not', published({ VNI: 2, VtepMAC: FROM_FLANNEL }), derived],
    ['and is a multicast one, is not', published({ VNI: 1, VtepMAC: '01:00:5e:00:00:01' }), derived],
    ['and is all zero, is not', published({ VNI: 1, VtepMAC: '00:00:00:00:00:00' }), derived],
    ['and is no MAC, is not', published({ VNI: 1, VtepMAC: 'none' }), derived],
    [
      'by another backend, is not',
      published({ VNI: 1, VtepMAC: FROM_FLANNEL }, { backendType: 'ipip' }),
      derived,
    ],
    ['by none, is none', published(undefined), derived],
  ])('%s', (_what, previous, mac) => {
    expect(vtepMac(HERE, previous, IPV4_PARTS, 1)).toBe(mac)
  })

  it('by flannel, is kept when the node gets another address', () => {
    const moved = published({ VNI: 1, VtepMAC: FROM_FLANNEL }, { publicIp: '192.168.64.99' })
    expect(vtepMac(HERE, moved, IPV4_PARTS, 1)).toBe(FROM_FLANNEL)
  })

  it('and derived from an address, stays behind with it: the next node there derives the same', () => {
    const there = { publicIp: '192.168.64.99' }
    const moved = published({ VNI: 1, VtepMAC: vtepMac(there, undefined, IPV4_PARTS, 1) }, there)
    expect(vtepMac(HERE, moved, IPV4_PARTS, 1)).toBe(derived)
    expect(vtepMac(there, undefined, IPV4_PARTS, 1)).not.toBe(derived)
  })
})
