import { describe, expect, it } from 'vitest'
import {
  decodeLease,
  decodeLeaseAttributes,
  encodeLeaseAttributes,
  type Lease,
  type LeaseAttributes,
  type LeaseSubnets,
  leaseKey,
  parseLeaseKey,
  sameLease,
  sameNode,
} from './lease.js'

describe('the key of a lease', () => {
  it.each<[LeaseSubnets, string]>([
    [{ subnet: '10.5.52.0/24' }, '10.5.52.0-24'],
    [{ subnet: '10.5.52.0/24', ipv6Subnet: '2001:cafe:42:1::/64' }, '10.5.52.0-24&2001:cafe:42:1::-64'],
    [{ ipv6Subnet: '2001:cafe:42:1::/64' }, '0.0.0.0-0&2001:cafe:42:1::-64'],
    [{ subnet: '10.0.0.4/30' }, '10.0.0.4-30'],
  ])('of %o is %s, and is read back', (subnets, key) => {
    expect(leaseKey(subnets)).toBe(key)
    expect(parseLeaseKey(key)).toEqual(subnets)
  })

  it.each([
    '',
    'config',
    '10.5.52.0',
    '10.5.52.0/24',
    '10.5.52.0-',
    '10.5.52.0-33',
    '10.5.52.0-024',
    '10.5.52.256-24',
    '010.5.52.0-24',
    '10.5.52-24',
    'x10.5.52.0-24',
    '10.5.52.0-24x',
    ' 10.5.52.0-24',
    '0.0.0.0-0',
    '10.5.52.0-0',
    '10.5.52.0-24&',
    '10.5.52.0-24&2001:cafe:42:1::',
    '10.5.52.0-24&2001:cafe:42:1::-129',
    '10.5.52.0-24&10.5.53.0-24',
    '2001:cafe:42:1::-64',
    '10.5.52.0-24&2001:cafe:42:1::-64&2001:cafe:42:2::-64',
  ])('%j is none', (key) => {
    expect(parseLeaseKey(key)).toBeUndefined()
  })

  it.each<[key: string, subnets: LeaseSubnets]>([
    ['10.5.52.7-24', { subnet: '10.5.52.0/24' }],
    ['10.5.52.0-24&2001:cafe:42:1:0:0:0:7-64', { subnet: '10.5.52.0/24', ipv6Subnet: '2001:cafe:42:1::/64' }],
  ])('%s names a subnet, but is the key of no lease', (key, subnets) => {
    expect(parseLeaseKey(key)).toEqual(subnets)
    expect(() => decodeLease(key, '{}')).toThrow(`its key would have to be ${leaseKey(subnets)}`)
  })

  it('is not to be had of a lease without a subnet', () => {
    expect(() => leaseKey({})).toThrow(TypeError)
  })
})

describe('the value of a lease', () => {
  const data = { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' }
  /** What running flanneld writes. */
  const rows: readonly [what: string, LeaseAttributes, string][] = [
    [
      'vxlan',
      { publicIp: '192.168.64.3', backendType: 'vxlan', backendData: data },
      '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
    ],
    [
      'vxlan, dual-stack',
      {
        publicIp: '192.168.64.3',
        publicIpv6: '2001:db8::3',
        backendType: 'vxlan',
        backendData: data,
        backendV6Data: data,
      },
      '{"PublicIP":"192.168.64.3","PublicIPv6":"2001:db8::3","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},"BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
    ],
    [
      'vxlan, IPv6 only',
      { publicIpv6: '2001:db8::3', backendType: 'vxlan', backendV6Data: data },
      '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::3","BackendType":"vxlan","BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
    ],
    [
      'host-gw',
      { publicIp: '192.168.64.3', backendType: 'host-gw' },
      '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"host-gw"}',
    ],
    ['udp and alloc', { publicIp: '192.168.64.3' }, '{"PublicIP":"192.168.64.3","PublicIPv6":null}'],
    [
      'text for data (extension)',
      { publicIp: '192.168.64.3', backendType: 'extension', backendData: 'a "key"\n' },
      '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"extension","BackendData":"a \\"key\\"\\n"}',
    ],
  ]
  it.each(rows)('of %s is flannel’s, byte for byte, and is read back', (_what, attributes, text) => {
    expect(encodeLeaseAttributes(attributes)).toBe(text)
    expect(decodeLeaseAttributes(text)).toEqual(attributes)
  })

  it.each<[what: string, text: string, attributes: LeaseAttributes]>([
    ['unknown fields', '{"PublicIP":"10.0.0.1","Owner":"me"}', { publicIp: '10.0.0.1' }],
    ['empty fields', '{"PublicIP":"","BackendType":"","BackendData":null}', {}],
    ['no fields', '{}', {}],
    ['an address that says there is none', '{"PublicIP":"0.0.0.0","PublicIPv6":"::"}', {}],
    ['an address in a longer spelling', '{"PublicIPv6":"2001:DB8:0:0::3"}', { publicIpv6: '2001:db8::3' }],
    ['white space', ' {"PublicIP" : "10.0.0.1"}\n', { publicIp: '10.0.0.1' }],
    [
      'keys in another case, as Go reads them',
      '{"publicIP":"10.0.0.1","BACKENDTYPE":"vxlan","backenddata":{"VNI":1}}',
      { publicIp: '10.0.0.1', backendType: 'vxlan', backendData: { VNI: 1 } },
    ],
    [
      'repeated keys: the last counts',
      '{"PublicIP":"10.0.0.1","publicip":"10.0.0.2","PublicIP":"10.0.0.3"}',
      { publicIp: '10.0.0.3' },
    ],
    [
      'null behind a value, which leaves text and replaces data',
      '{"PublicIP":"10.0.0.1","BackendType":"vxlan","BackendType":null,"BackendData":{"VNI":1},"BackendData":null}',
      { publicIp: '10.0.0.1', backendType: 'vxlan' },
    ],
    [
      'an IPv6 address that is none',
      '{"PublicIP":"10.0.0.1","PublicIPv6":"x"}',
      {
        publicIp: '10.0.0.1',
        invalidAddresses: { publicIp: undefined, publicIpv6: 'PublicIPv6 is "x", not an IPv6 address' },
      },
    ],
    [
      'an IPv4 address that is none',
      '{"PublicIP":["10.0.0.1"],"PublicIPv6":"2001:db8::3"}',
      {
        publicIpv6: '2001:db8::3',
        invalidAddresses: {
          publicIp: 'PublicIP is ["10.0.0.1"], not an IPv4 address',
          publicIpv6: undefined,
        },
      },
    ],
  ])('is read with %s', (_what, text, attributes) => {
    expect(decodeLeaseAttributes(text)).toEqual(attributes)
  })

  it('is not the same once an address in it is none', () => {
    const subnet = '10.5.52.0/24'
    const [before, after] = ['{"PublicIP":"10.0.0.1"}', '{"PublicIP":"10.0.0.1","PublicIPv6":"x"}'].map(
      (text) => ({
        subnet,
        attributes: decodeLeaseAttributes(text),
      }),
    )
    expect(sameLease(before as Lease, after as Lease)).toBe(false)
  })

  it.each<[text: string, says: string]>([
    ['', 'JSON'],
    ['{', 'JSON'],
    ['null', 'a lease is a JSON object'],
    ['[]', 'a lease is a JSON object'],
    ['"x"', 'a lease is a JSON object'],
    ['{"PublicIP":"10.1"}', 'PublicIP is "10.1", not an IPv4 address'],
    ['{"PublicIP":"2001:db8::3"}', 'PublicIP is "2001:db8::3", not an IPv4 address'],
    ['{"PublicIP":10}', 'PublicIP is 10, not an IPv4 address'],
    ['{"PublicIPv6":"10.0.0.1"}', 'PublicIPv6 is "10.0.0.1", not an IPv6 address'],
    ['{"BackendType":7}', 'BackendType is 7, not a string'],
    ['{"PublicIP":"x","PublicIPv6":"y"}', 'PublicIP is "x", not an IPv4 address'],
    [`{"BackendData":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'it is nested too deep'],
    [`{"BackendData":"${'x'.repeat(65_536)}"}`, 'it is longer than 65536 characters'],
  ])('%.40j is none', (text, says) => {
    expect(() => decodeLeaseAttributes(text)).toThrow(SyntaxError)
    expect(() => decodeLeaseAttributes(text)).toThrow(says)
  })
})

describe('the record of a lease', () => {
  it('is its key and its value', () => {
    expect(decodeLease('10.5.52.0-24', '{"PublicIP":"192.168.64.3","BackendType":"host-gw"}')).toEqual({
      subnet: '10.5.52.0/24',
      attributes: { publicIp: '192.168.64.3', backendType: 'host-gw' },
    })
  })

  it.each<[key: string, value: string, says: string]>([
    ['config', '{}', 'the record config is no lease; correct or delete it: its key names no subnet'],
    [
      '10.5.52.0-24',
      '',
      'the record 10.5.52.0-24 is no lease; correct or delete it: it is not JSON: Unexpected end of JSON input',
    ],
    ['10.5.52.0-24', '[]', 'a lease is a JSON object'],
    ['10.5.52.0-24', '{"PublicIP":1}', 'PublicIP is 1, not an IPv4 address'],
  ])('%s with the value %j is none', (key, value, says) => {
    expect(() => decodeLease(key, value)).toThrow(expect.objectContaining({ code: 'INVALID_LEASE' }))
    expect(() => decodeLease(key, value)).toThrow(says)
  })
})

describe('two leases', () => {
  const lease = { subnet: '10.5.52.0/24', attributes: { publicIp: '10.0.0.1', backendType: 'vxlan' } }

  it('are the same whenever they end', () => {
    expect(sameLease(lease, { ...lease, expiresAt: 1 })).toBe(true)
  })

  it.each([
    { ...lease, subnet: '10.5.53.0/24' },
    { ...lease, ipv6Subnet: '2001:cafe:42:1::/64' },
    { ...lease, attributes: { ...lease.attributes, publicIp: '10.0.0.2' } },
    { ...lease, attributes: { ...lease.attributes, backendData: {} } },
    { ...lease, attributes: { ...lease.attributes, backendV6Data: {} } },
  ])('differ if one says %o', (other) => {
    expect(sameLease(lease, other)).toBe(false)
  })

  it.each<[LeaseAttributes, LeaseAttributes, boolean]>([
    [{ publicIp: '10.0.0.1' }, { publicIp: '10.0.0.1', backendType: 'vxlan' }, true],
    [{ publicIp: '10.0.0.1' }, { publicIp: '10.0.0.2' }, false],
    [
      { publicIp: '10.0.0.1', publicIpv6: '2001:db8::1' },
      { publicIp: '10.0.0.1', publicIpv6: '2001:db8::2' },
      true,
    ],
    [{ publicIpv6: '2001:db8::1' }, { publicIpv6: '2001:db8::1' }, true],
    [{ publicIpv6: '2001:db8::1' }, { publicIpv6: '2001:db8::2' }, false],
    [{ publicIp: '10.0.0.1', publicIpv6: '2001:db8::1' }, { publicIpv6: '2001:db8::1' }, false],
    // Neither says who it is: they are not taken for one.
    [{}, {}, false],
  ])('of %o and %o: one node is %s', (a, b, same) => {
    expect(sameNode(a, b)).toBe(same)
    expect(sameNode(b, a)).toBe(same)
  })
})
