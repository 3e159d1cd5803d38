import { type LeaseContext, parseNetworkConfig } from '@selvedge/core'
import { requirementsOf } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { ipip } from './index.js'

const context = (config: object, mtu = 1500): LeaseContext => ({
  config: parseNetworkConfig(config),
  externalInterface: {
    name: 'eth0',
    mtu,
    ipv4: '192.168.64.2',
    ipv6: '2001:db8::2',
    onLink: ['192.168.64.0/24'],
  },
  publicIp: '192.168.64.2',
  publicIpv6: '2001:db8::2',
  lease: { subnet: '10.5.1.0/24', ipv6Subnet: '2001:cafe:42:1::/64', attributes: {} },
})
const IPV4 = { Network: '10.5.0.0/16' }
const DUAL = { ...IPV4, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' }
const IPV6 = { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' }

describe('ipip', () => {
  it.each([
    [IPV4, ['ipip'], 1480],
    [DUAL, ['ipip', 'ip6tnl'], 1460],
    [IPV6, ['ip6tnl'], 1460],
  ])('%j requires %j, and leaves pods %i bytes', (config, types, mtu) => {
    expect(requirementsOf(ipip(), parseNetworkConfig(config))).toEqual(types)
    expect(ipip().mtu(context(config))).toBe(mtu)
  })

  it('refuses an interface whose packets are too small, and says what is needed', () => {
    expect(() => ipip().mtu(context(IPV6, 1300))).toThrow(
      /MTU of eth0 is 1300, but must be 1320 or more.*IPIP adds 40/,
    )
  })

  it('publishes addresses and its type, as flannel does, and no data', () => {
    expect(ipip().attributes(context(IPV4))).toEqual({ publicIp: '192.168.64.2', backendType: 'ipip' })
  })

  it('takes DirectRouting from the option before the config', () => {
    const peer = { subnet: '10.5.2.0/24', attributes: { publicIp: '192.168.64.3', backendType: 'ipip' } }
    const direct = context({ ...IPV4, Backend: { Type: 'ipip', DirectRouting: true } })
    expect(ipip().peer(peer, direct)).toMatchObject([{ device: 'eth0', gateway: '192.168.64.3' }])
    expect(ipip({ directRouting: false }).peer(peer, direct)).toMatchObject([
      { device: 'flannel.ipip', onLink: true },
    ])
  })

  it('warns of a key that means nothing, and refuses what is no setting', () => {
    const config = parseNetworkConfig({ ...IPV4, Backend: { Type: 'ipip', Direct: true } })
    expect(ipip().warnings?.({ ...context(IPV4), config })).toEqual([
      expect.stringContaining('the key Direct'),
    ])
    const wrong = context({ ...IPV4, Backend: { Type: 'ipip', DirectRouting: 'yes' } })
    expect(() => ipip().attributes(wrong)).toThrow(/DirectRouting.*yes/)
    expect(() => ipip({ direct: true } as object)).toThrow(/no option direct: did you mean directRouting\?/)
  })
})
