import type { LeaseContext } from '@selvedge/core'
import { parseNetworkConfig } from '@selvedge/core'
import { expect, test } from 'vitest'
import { type TrafficRulesOptions, trafficRules } from './traffic-rules.js'

const context = (config: object): LeaseContext => ({
  config: parseNetworkConfig(JSON.stringify(config)),
  externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.168.77.1', onLink: ['192.168.77.0/24'] },
  lease: {
    subnet: '10.244.1.0/24',
    ipv6Subnet: 'fd00:0:0:1::/64',
    attributes: {},
  } as unknown as LeaseContext['lease'],
})

const texts = (config: object, options?: TrafficRulesOptions): readonly string[] =>
  trafficRules(options)
    .local(context(config))
    .map((resource) => `${resource.key}\n${Reflect.get(resource, 'text')}`)

const IPV4 = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }
const DUAL = { ...IPV4, EnableIPv6: true, IPv6Network: 'fd00::/48' }

test('iptables: the text that iptables-save prints of flannel’s rules, its comments and order included', () => {
  expect(texts(IPV4)).toEqual([
    `ruleset iptables ipv4
*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.244.1.0/24 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
`,
  ])
})

test('nftables: the same rules, in the tables that flannel has', () => {
  expect(texts({ ...DUAL, EnableNFTables: true }, { forward: false })).toEqual([
    `ruleset nftables ipv4
table ip flannel-ipv4 {
	chain postrtg {
		type nat hook postrouting priority srcnat; policy accept;
		meta mark & 0x00004000 == 0x00004000 counter return
		ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 counter return
		ip saddr 10.244.0.0/16 ip daddr 10.244.1.0/24 counter return
		ip saddr != 10.244.0.0/16 ip daddr 10.244.1.0/24 counter return
		ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 counter masquerade fully-random
		ip saddr != 10.244.0.0/16 ip daddr 10.244.0.0/16 counter masquerade fully-random
	}
}
`,
    expect.stringContaining('ip6 saddr fd00::/48 ip6 daddr != ff00::/8 counter masquerade fully-random'),
  ])
})

test('what is not asked for is not there; exceptions come before masquerading, each in its family', () => {
  expect(texts(IPV4, { masquerade: false, forward: false })).toEqual([])
  expect(texts(IPV4, { masquerade: false })[0]).not.toContain('*nat')
  const [text = ''] = texts(IPV4, {
    forward: false,
    randomFully: false,
    exceptions: ['10.0.0.7/8', 'fd01::/32'],
    keepAddress: ['10.244.9.0/24'],
  })
  expect(text.split('\n').slice(7, 10)).toEqual([
    '-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.244.9.0/24 -m comment --comment "flanneld masq" -j RETURN',
    '-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.0.0.0/8 -m comment --comment "flanneld masq" -j RETURN',
  ])
  expect(text).not.toContain('random')
  expect(text).not.toContain('fd01')
  expect(() => trafficRules({ exceptions: ['everything'] })).toThrow(
    "names 'everything', which is no network",
  )
})
