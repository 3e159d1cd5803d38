import { describe, expect, it } from 'vitest'
import type { KeyRange } from './client/api.js'
import { NetworkKeys } from './keys.js'

const text = ({ key, range_end }: KeyRange) => [String(key), String(range_end)]

describe('NetworkKeys', () => {
  const keys = new NetworkKeys()

  it('has the keys of flannel', () => {
    expect(keys.config).toBe('/coreos.com/network/config')
    expect(text(keys.leases)).toEqual(['/coreos.com/network/subnets/', '/coreos.com/network/subnets0'])
    const subnets = { subnet: '10.5.52.0/24', ipv6Subnet: '2001:cafe:42:1::/64' }
    const key = keys.lease(subnets)
    expect(String(key)).toBe('/coreos.com/network/subnets/10.5.52.0-24&2001:cafe:42:1::-64')
    expect(keys.nameOf(key)).toBe('10.5.52.0-24&2001:cafe:42:1::-64')
  })

  it('has claims where neither the config nor a watch on leases sees them', () => {
    const claim = String(keys.claim('2001:cafe:42:1::/64'))
    expect(claim).toBe('/coreos.com/network/ipv6-claims/2001:cafe:42:1::-64')
    const [first = '', end = ''] = text(keys.leases)
    expect(claim >= first && claim < end).toBe(false)
  })

  it('knows all leases that begin with one address, and no others', () => {
    const [first = '', end = ''] = text(keys.leasesAt('10.5.1.0/24'))
    const at = (name: string) => `/coreos.com/network/subnets/${name}`
    const inside = (name: string) => at(name) >= first && at(name) < end
    expect(['10.5.1.0-24', '10.5.1.0-24&fd00::-64', '10.5.1.0-30'].map(inside)).toEqual([true, true, true])
    expect(['10.5.1.00-24', '10.5.1.1-24', '10.5.10.0-24', '10.5.1.0'].map(inside)).toEqual(
      Array(4).fill(false),
    )
  })

  it.each([
    ['coreos.com/network', 'coreos.com/network/config'],
    ['/a//b/', '/a/b/config'],
  ])('joins prefix %s as Go does', (prefix, config) => {
    expect(new NetworkKeys(prefix).config).toBe(config)
  })
})
