import { describe, expect, it } from 'vitest'
import { CONFIG_KEY, claimedSubnet, claimKey, recordKey, recordKeyOf, recordName } from './keys.js'

/** What nats-server takes as a key of a bucket. */
const ALLOWED = /^[-/_=.a-zA-Z0-9]+$/

describe('the key of a lease', () => {
  it.each([
    [{ subnet: '10.5.52.0/24' }, 'subnets.10.5.52.0-24', '10.5.52.0-24'],
    [
      { subnet: '10.5.52.0/24', ipv6Subnet: '2001:cafe:42:1::/64' },
      'subnets.10.5.52.0-24/2001=cafe=42=1==-64',
      '10.5.52.0-24&2001:cafe:42:1::-64',
    ],
  ])('of %o is %s, in characters that NATS allows, and leads back', (subnets, key, name) => {
    expect(recordKeyOf(subnets)).toBe(key)
    expect(key).toMatch(ALLOWED)
    expect(recordKey(name)).toBe(key)
    expect(recordName(key)).toBe(name)
  })

  it('is neither the config nor a claim', () => {
    for (const key of [CONFIG_KEY, claimKey('fd00:0:0:7::/64'), 'elsewhere.10.5.52.0-24']) {
      expect(recordName(key)).toBeUndefined()
    }
  })
})

describe('the key of a claim', () => {
  it('is one that NATS allows, and leads back to its subnet', () => {
    const key = claimKey('fd00:0:0:7::/64')
    expect(key).toBe('claims.fd00=0=0=7==-64')
    expect(key).toMatch(ALLOWED)
    expect(claimedSubnet(key)).toBe('fd00:0:0:7::/64')
  })

  it('is no key of another kind', () => {
    expect(claimedSubnet('subnets.10.5.52.0-24')).toBeUndefined()
    expect(claimedSubnet(CONFIG_KEY)).toBeUndefined()
  })
})
