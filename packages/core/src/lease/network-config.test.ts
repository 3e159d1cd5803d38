import { describe, expect, it } from 'vitest'
import { isOverlayError } from '../util/errors.js'
import { membersOf } from '../util/json.js'
import { type NetworkConfig, parseNetworkConfig } from './network-config.js'

const IPV6 = { EnableIPv4: false, EnableIPv6: true }

/** The least a config says, with everything else filled in. */
const filledIn: NetworkConfig = {
  ipv4: { network: '10.244.0.0/16', subnetLength: 24, subnetMin: '10.244.1.0', subnetMax: '10.244.255.0' },
  ipv6: undefined,
  enableNFTables: false,
  backend: undefined,
  unknownKeys: [],
}

describe('a network config', () => {
  it('is read from its text and from what it parses to', () => {
    expect(parseNetworkConfig('{"Network": "10.244.0.0/16"}')).toEqual(filledIn)
    expect(parseNetworkConfig({ Network: '10.244.0.0/16' })).toEqual(filledIn)
  })

  it('is read in full', () => {
    const config = {
      Network: '10.0.0.0/8',
      IPv6Network: '2001:cafe:42::/56',
      EnableIPv4: true,
      EnableIPv6: true,
      EnableNFTables: true,
      SubnetLen: 20,
      SubnetMin: '10.10.0.0',
      SubnetMax: '10.99.0.0',
      IPv6SubnetLen: 64,
      IPv6SubnetMin: '2001:cafe:42:4::',
      IPv6SubnetMax: '2001:cafe:42:fe::',
      Backend: { Type: 'vxlan', VNI: 7, directRouting: true },
    }
    expect(parseNetworkConfig(JSON.stringify(config))).toEqual({
      ipv4: { network: '10.0.0.0/8', subnetLength: 20, subnetMin: '10.10.0.0', subnetMax: '10.99.0.0' },
      ipv6: {
        network: '2001:cafe:42::/56',
        subnetLength: 64,
        subnetMin: '2001:cafe:42:4::',
        subnetMax: '2001:cafe:42:fe::',
      },
      enableNFTables: true,
      backend: { type: 'vxlan', options: { VNI: 7, directRouting: true } },
      unknownKeys: [],
    })
  })

  it.each([
    ['of another type', { SubnetLen: 'x', SubnetMin: 7, SubnetMax: [] }],
    ['out of bounds', { SubnetLen: 8, SubnetMin: '10.9.0.0', SubnetMax: '192.0.2.0' }],
    ['that contradict each other', { SubnetMin: '10.244.9.0', SubnetMax: '10.244.8.0' }],
    ['of the other family', { EnableIPv6: true, IPv6Network: 'fd00::/48', IPv6SubnetMin: '10.244.1.0' }],
  ])('ignores its subnets if they are assigned elsewhere, even those %s', (_, keys) => {
    const config = parseNetworkConfig({ Network: '10.244.0.0/16', ...keys }, { ignoreSubnets: true })
    expect(config.ipv4).toEqual({ ...filledIn.ipv4, subnetMin: '10.244.0.0' })
    expect(() => parseNetworkConfig({ Network: '10.244.0.0/16', ...keys })).toThrow(/Subnet/)
  })

  it.each([
    ['10.244.0.0/29', 31, '10.244.0.6'],
    ['10.244.0.0/32', 32, '10.244.0.0'],
    ['0.0.0.0/0', undefined, undefined],
  ])(
    'of %s may be of any size if its subnets are assigned elsewhere, but must be routable',
    (Network, length, max) => {
      const parse = () => parseNetworkConfig({ Network }, { ignoreSubnets: true }).ipv4
      if (length === undefined) expect(parse).toThrow('cannot be routed')
      else expect(parse()).toMatchObject({ network: Network, subnetLength: length, subnetMax: max })
    },
  )

  it('is read whatever the case of its keys, as Go does', () => {
    expect(
      parseNetworkConfig({
        network: '10.0.0.0/8',
        SUBNETLEN: 16,
        backend: { TYPE: 'host-gw' },
        enableipv4: true,
      }),
    ).toMatchObject({
      ipv4: { network: '10.0.0.0/8', subnetLength: 16 },
      backend: { type: 'host-gw', options: {} },
    })
  })

  it('names the keys that mean nothing', () => {
    const { unknownKeys } = parseNetworkConfig({ Network: '10.244.0.0/16', SubnetLength: 24, Type: 'vxlan' })
    expect(unknownKeys).toEqual(['SubnetLength', 'Type'])
  })

  it.each<[what: string, backend: object | undefined, read: NetworkConfig['backend']]>([
    ['no Backend', undefined, undefined],
    ['a Type alone', { Type: 'vxlan' }, { type: 'vxlan', options: {} }],
    ['a Type in lower case', { type: 'vxlan', PSK: 'x' }, { type: 'vxlan', options: { PSK: 'x' } }],
  ])('may have %s', (_what, Backend, backend) => {
    expect(parseNetworkConfig({ Network: '10.244.0.0/16', Backend }).backend).toEqual(backend)
  })
})

describe('what is filled in', () => {
  type Row = [network: string, given: object, length: number, min: string, max: string]

  it.each<Row>([
    ['10.244.0.0/16', {}, 24, '10.244.1.0', '10.244.255.0'],
    ['10.0.0.0/8', {}, 24, '10.0.1.0', '10.255.255.0'],
    ['10.244.3.7/16', {}, 24, '10.244.1.0', '10.244.255.0'],
    ['10.244.0.0/16', { SubnetLen: 0 }, 24, '10.244.1.0', '10.244.255.0'],
    ['10.244.0.0/16', { SubnetMin: '', SubnetMax: null }, 24, '10.244.1.0', '10.244.255.0'],
    // The longest network that holds /24s, and the first that does not.
    ['10.244.0.0/22', {}, 24, '10.244.1.0', '10.244.3.0'],
    ['10.244.0.0/23', {}, 25, '10.244.0.128', '10.244.1.128'],
    ['10.244.0.0/28', {}, 30, '10.244.0.4', '10.244.0.12'],
    ['10.244.0.0/28', { SubnetLen: 30 }, 30, '10.244.0.4', '10.244.0.12'],
    ['10.244.0.0/16', { SubnetLen: 18 }, 18, '10.244.64.0', '10.244.192.0'],
    ['10.244.0.0/16', { SubnetLen: 30 }, 30, '10.244.0.4', '10.244.255.252'],
    ['10.244.0.0/16', { SubnetMin: '10.244.0.0' }, 24, '10.244.0.0', '10.244.255.0'],
    ['10.244.0.0/16', { SubnetMin: '10.244.9.0', SubnetMax: '10.244.9.0' }, 24, '10.244.9.0', '10.244.9.0'],
    ['240.0.0.0/4', {}, 24, '240.0.1.0', '255.255.255.0'],
  ])('%s with %o', (Network, given, subnetLength, subnetMin, subnetMax) => {
    expect(parseNetworkConfig({ Network, ...given }).ipv4).toMatchObject({
      subnetLength,
      subnetMin,
      subnetMax,
    })
  })

  it.each<Row>([
    ['fd00:10:244::/48', {}, 64, 'fd00:10:244:1::', 'fd00:10:244:ffff::'],
    ['fd00::/8', {}, 64, 'fd00:0:0:1::', 'fdff:ffff:ffff:ffff::'],
    ['fd00:10:244::/62', {}, 64, 'fd00:10:244:1::', 'fd00:10:244:3::'],
    ['fd00:10:244::/63', {}, 65, 'fd00:10:244:0:8000::', 'fd00:10:244:1:8000::'],
    ['fd00:10:244::/124', {}, 126, 'fd00:10:244::4', 'fd00:10:244::c'],
    ['fd00:10:244::/48', { IPv6SubnetLen: 50 }, 50, 'fd00:10:244:4000::', 'fd00:10:244:c000::'],
    [
      'fd00:10:244::/48',
      { IPv6SubnetLen: 126 },
      126,
      'fd00:10:244::4',
      'fd00:10:244:ffff:ffff:ffff:ffff:fffc',
    ],
    ['fd00:10:244::/48', { IPv6SubnetMin: 'fd00:10:244:9::' }, 64, 'fd00:10:244:9::', 'fd00:10:244:ffff::'],
  ])('%s with %o', (IPv6Network, given, subnetLength, subnetMin, subnetMax) => {
    const { ipv4, ipv6 } = parseNetworkConfig({ ...IPV6, IPv6Network, ...given })
    expect(ipv4).toBeUndefined()
    expect(ipv6).toMatchObject({ subnetLength, subnetMin, subnetMax })
  })

  it('leaves out a family that is off, whatever is said of it', () => {
    const { ipv4, ipv6, unknownKeys } = parseNetworkConfig({
      Network: '10.244.0.0/16',
      IPv6Network: ['nonsense'],
      IPv6SubnetLen: 'nonsense',
    })
    expect(ipv4).toBeDefined()
    expect(ipv6).toBeUndefined()
    expect(unknownKeys).toEqual([])
  })
})

describe('a key that is repeated, as Go reads it', () => {
  it.each<[text: string, read: object]>([
    [
      '{"Network":"10.1.0.0/16","network":"10.2.0.0/16","Network":"10.3.0.0/16"}',
      { ipv4: { network: '10.3.0.0/16' } },
    ],
    ['{"Network":"10.1.0.0/16","SubnetLen":26,"SubnetLen":null}', { ipv4: { subnetLength: 26 } }],
    [
      '{"Network":"10.1.0.0/16","Backend":{"Type":"udp"},"backend":{"type":"vxlan","Type":null}}',
      { backend: { type: 'vxlan' } },
    ],
  ])('%s', (text, read) => {
    expect(parseNetworkConfig(text)).toMatchObject(read)
  })

  it('is handed on to the backend, which reads its section likewise', () => {
    const { backend } = parseNetworkConfig(
      '{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan","VNI":7,"VNI":null}}',
    )
    expect(membersOf(backend?.options ?? {})).toEqual([
      ['VNI', 7],
      ['VNI', null],
    ])
  })
})

describe('what is refused, naming the key, its value and the rule', () => {
  const network = { Network: '10.244.0.0/16' }
  const ipv6 = { ...IPV6, IPv6Network: 'fd00:10:244::/48' }

  it.each<[config: object, says: string]>([
    [{}, 'Network is required where IPv4 is on, such as 10.244.0.0/16'],
    [{ Network: '' }, 'Network is "", but must be an IPv4 CIDR such as 10.244.0.0/16'],
    [{ Network: 10 }, 'Network is 10, but must be text'],
    [{ Network: '10.244.0.0' }, 'Network is "10.244.0.0", but must be an IPv4 CIDR'],
    [{ Network: '10.244/16' }, 'Network is "10.244/16", but must be an IPv4 CIDR'],
    [{ Network: '010.244.0.0/16' }, 'Network is "010.244.0.0/16", but must be an IPv4 CIDR'],
    [{ Network: 'fd00::/48' }, 'Network is "fd00::/48", but must be an IPv4 CIDR'],
    [{ network: '10.244.0.0/33' }, 'Network is "10.244.0.0/33", but must be an IPv4 CIDR'],
    [
      { Network: '10.244.0.0/29' },
      'Network is "10.244.0.0/29", but is too small: its prefix must be /28 or shorter',
    ],
    [{ ...network, SubnetLen: -1 }, 'SubnetLen is -1, but must be a whole number from 0 to 32'],
    [{ ...network, SubnetLen: 33 }, 'SubnetLen is 33, but must be a whole number from 0 to 32'],
    [{ ...network, SubnetLen: 24.5 }, 'SubnetLen is 24.5, but must be a whole number'],
    [{ ...network, SubnetLen: '24' }, 'SubnetLen is "24", but must be a whole number'],
    [{ ...network, SubnetLen: 31 }, 'SubnetLen is 31, but must be 30 or less'],
    [
      { ...network, SubnetLen: 17 },
      'SubnetLen is 17, but must be 18 or more, so that /16 holds at least four subnets',
    ],
    [{ ...network, SubnetLen: 8 }, 'SubnetLen is 8, but must be 18 or more'],
    [{ ...network, SubnetMin: '10.244' }, 'SubnetMin is "10.244", but must be an IPv4 address'],
    [{ ...network, SubnetMin: '10.245.0.0' }, 'SubnetMin is "10.245.0.0", but must lie inside Network'],
    [
      { ...network, SubnetMin: '10.244.1.1' },
      'SubnetMin is "10.244.1.1", but must be the base address of a subnet',
    ],
    [{ ...network, SubnetMin: 'fd00::' }, 'SubnetMin is "fd00::", but must be an IPv4 address'],
    [{ ...network, SubnetMax: '10.243.255.0' }, 'SubnetMax is "10.243.255.0", but must lie inside Network'],
    [
      { ...network, SubnetMax: '10.244.9.128' },
      'SubnetMax is "10.244.9.128", but must be the base address of a subnet',
    ],
    [{ ...network, SubnetMax: 9 }, 'SubnetMax is 9, but must be text'],
    [
      { ...network, SubnetMin: '10.244.9.0', SubnetMax: '10.244.8.0' },
      'SubnetMin is "10.244.9.0", but must not lie above SubnetMax, 10.244.8.0',
    ],
    [{ ...network, SubnetMax: '10.244.0.0' }, 'SubnetMin must not lie above SubnetMax, 10.244.0.0'],
    [{ ...network, EnableIPv4: 'yes' }, 'EnableIPv4 is "yes", but must be true or false'],
    [{ ...network, EnableIPv4: false }, 'EnableIPv4 is false, but must be true, or EnableIPv6 must be'],
    [{ ...network, EnableNFTables: 1 }, 'EnableNFTables is 1, but must be true or false'],
    [{ ...network, EnableIPv6: true }, 'IPv6Network is required where IPv6 is on, such as fd00:10:244::/48'],
    [{ ...IPV6, IPv6Network: '10.0.0.0/8' }, 'IPv6Network is "10.0.0.0/8", but must be an IPv6 CIDR'],
    [
      { ...IPV6, IPv6Network: 'fd00::/125' },
      'IPv6Network is "fd00::/125", but is too small: its prefix must be /124',
    ],
    [{ ...ipv6, IPv6SubnetLen: 127 }, 'IPv6SubnetLen is 127, but must be 126 or less'],
    [{ ...ipv6, IPv6SubnetLen: 129 }, 'IPv6SubnetLen is 129, but must be a whole number from 0 to 128'],
    [
      { ...ipv6, IPv6SubnetLen: 49 },
      'IPv6SubnetLen is 49, but must be 50 or more, so that /48 holds at least four',
    ],
    [{ ...ipv6, IPv6SubnetMin: 'fd01::' }, 'IPv6SubnetMin is "fd01::", but must lie inside IPv6Network'],
    [
      { ...ipv6, IPv6SubnetMin: 'fd00:10:244:1::1' },
      'IPv6SubnetMin is "fd00:10:244:1::1", but must be the base address',
    ],
    [{ ...ipv6, IPv6SubnetMax: '10.0.0.0' }, 'IPv6SubnetMax is "10.0.0.0", but must be an IPv6 address'],
    [
      { Network: '0.0.0.0/0' },
      'Network is "0.0.0.0/0", but overlaps \'this network\' (0.0.0.0/8), which cannot be routed',
    ],
    [{ Network: '0.0.0.0/1' }, 'Network is "0.0.0.0/1", but overlaps \'this network\''],
    [{ Network: '127.0.0.0/8' }, 'Network is "127.0.0.0/8", but overlaps loopback (127.0.0.0/8)'],
    [{ Network: '127.3.0.0/16' }, 'Network is "127.3.0.0/16", but overlaps loopback'],
    [{ Network: '224.0.0.0/4' }, 'Network is "224.0.0.0/4", but overlaps multicast (224.0.0.0/4)'],
    [{ ...IPV6, IPv6Network: '::/0' }, 'IPv6Network is "::/0", but overlaps the unspecified address (::)'],
    [{ ...IPV6, IPv6Network: 'ff00::/8' }, 'IPv6Network is "ff00::/8", but overlaps multicast (ff00::/8)'],
    [{ ...network, Backend: 'vxlan' }, 'Backend is text, but must be an object'],
    [{ ...network, Backend: null }, 'Backend is null, but must be an object'],
    [{ ...network, Backend: {} }, 'Backend.Type must name a backend, such as "vxlan"'],
    [{ ...network, Backend: { Type: null } }, 'Backend.Type must name a backend, such as "vxlan"'],
    [{ ...network, Backend: { Port: 8285 } }, 'Backend.Type must name a backend, such as "vxlan"'],
    [{ ...network, Backend: { Type: 5 } }, 'in the Backend section, Type is 5, but must be text'],
    [{ ...network, Backend: { Type: '' } }, 'Backend.Type is "", but must name a backend, such as "vxlan"'],
  ])('%o', (config, says) => {
    expect(() => parseNetworkConfig(config)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(() => parseNetworkConfig(config)).toThrow(says)
    expect(() => parseNetworkConfig(JSON.stringify(config))).toThrow(says)
  })

  it.each<[what: string, text: string, says: string]>([
    [
      'nested 20,000 deep',
      `{"Backend":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_001)}`,
      'it is nested too deep',
    ],
    [
      'longer than 256 KiB',
      `{"Network":"10.244.0.0/16","x":"${'x'.repeat(262_144)}"}`,
      'it is longer than 262144',
    ],
  ])('a text %s', (_what, text, says) => {
    expect(() => parseNetworkConfig(text)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(() => parseNetworkConfig(text)).toThrow(`the network config cannot be read: ${says}`)
  })

  it.each(['null', '[]', '"10.244.0.0/16"', '7'])('the text %s, which is no object', (text) => {
    expect(() => parseNetworkConfig(text)).toThrow(
      'the network config must be a JSON object such as {"Network":',
    )
  })

  it.each([
    '',
    '{',
    '{"Network": "10.244.0.0/16",}',
    '{"Backend": {"Type": "ipsec", "PSK": s3cret}}',
    '{"PSK": "s3cret" x}',
  ])('the text %j, which is no JSON, without quoting from it', (text) => {
    try {
      expect.unreachable(String(parseNetworkConfig(text)))
    } catch (error) {
      expect(error).toSatisfy((thrown) => isOverlayError(thrown, 'INVALID_CONFIG'))
      expect(String(error)).toMatch(/the network config cannot be read: it is not JSON: ./)
      expect(JSON.stringify([String(error), String(Reflect.get(Object(error), 'cause'))])).not.toMatch(
        /s3cret|10\.244/,
      )
    }
  })
})
