import { describeResource, type KnownLease, type ResourceEntry } from '@selvedge/agent'
import { fdb, link, neighbour, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import { parseIptablesSave, parseNftRuleset, ruleLines } from './chains.js'
import { compareLeases, compareSubnetEnv } from './compare.js'
import { LeaseIndex } from './lease-index.js'
import { markEntries } from './marks.js'

const MAC = '02:00:00:00:00:01'
const leases: readonly KnownLease[] = [
  { key: '10.1.2.0-24', subnet: '10.1.2.0/24', publicIp: '192.0.2.2' },
  { key: '10.1.3.0-24', subnet: '10.1.3.0/24', publicIp: '192.0.2.3' },
  { key: 'fd00--', ipv6Subnet: 'fd00:0:0:1::/64', publicIpv6: '2001:db8::2' },
]

test('an address belongs to the lease whose subnet contains it, or whose node bears it', () => {
  const index = new LeaseIndex(leases)
  expect(index.ofAddress('10.1.2.77')).toBe('10.1.2.0-24')
  expect(index.ofAddress('192.0.2.3')).toBe('10.1.3.0-24')
  expect(index.ofAddress('fd00:0:0:1::9')).toBe('fd00--')
  for (const other of ['10.1.4.1', 'fd00:0:0:2::9', 'nonsense', ''])
    expect(index.ofAddress(other)).toBeUndefined()
  expect(index.of(route({ destination: '10.1.3.128/25', device: 'eth0' }))).toBe('10.1.3.0-24')
  expect(index.of(route({ destination: '10.1.0.0/16', device: 'eth0' }))).toBeUndefined()
  expect(index.of(fdb({ link: 'flannel.1', macAddress: MAC, destination: '192.0.2.2' }))).toBe('10.1.2.0-24')
})

test('an entry is held, missing, stale or foreign; one that differs is missing, and what is there is stale', () => {
  const held = route({ destination: '10.1.2.0/24', gateway: '10.1.2.0', device: 'flannel.1', onLink: true })
  const wanted = neighbour({ link: 'flannel.1', address: '10.1.2.0', macAddress: MAC })
  const other = neighbour({ link: 'flannel.1', address: '10.1.2.0', macAddress: '02:00:00:00:00:09' })
  const left = route({ destination: '10.1.9.0/24', device: 'flannel.1' })
  const gone = route({ destination: '10.1.3.0/24', device: 'flannel.1' })
  const foreign = route({ destination: '10.1.2.128/25', device: 'eth0' })
  const changed = { was: 'changed', at: 5 } as const
  const entries: readonly ResourceEntry[] = [
    { state: 'held', resource: held, owners: ['10.1.2.0-24'] },
    { state: 'missing', resource: wanted, actual: other, owners: ['10.1.2.0-24'], changed },
    { state: 'missing', resource: gone, owners: ['10.1.3.0-24'] },
    { state: 'stale', resource: left, owners: [] },
  ]
  const view = [
    ...[held, other, left].map((resource) => ({ resource })),
    { resource: foreign, protocol: 'bird' },
    // Another program's, where ours should be.
    { resource: gone, protocol: 'static' },
  ]
  const marked = markEntries({ entries, leases, own: '10.1.2.0-24', networks: ['10.1.0.0/16'] }, view, [])
  expect(marked.map(({ mark, text, lease, writer }) => [mark, text, lease, writer])).toEqual([
    ['held', '10.1.2.0/24 via 10.1.2.0 dev flannel.1 onlink', '10.1.2.0-24', undefined],
    ['missing', `10.1.2.0 lladdr ${MAC} dev flannel.1`, '10.1.2.0-24', undefined],
    ['stale', '10.1.2.0 lladdr 02:00:00:00:00:09 dev flannel.1', '10.1.2.0-24', undefined],
    ['missing', '10.1.3.0/24 dev flannel.1', '10.1.3.0-24', undefined],
    ['stale', '10.1.9.0/24 dev flannel.1', undefined, undefined],
    ['foreign', '10.1.2.128/25 dev eth0', '10.1.2.0-24', 'bird'],
    ['foreign', '10.1.3.0/24 dev flannel.1', '10.1.3.0-24', 'static'],
  ])
  expect(marked[1]?.changed).toEqual(changed)
})

const SAVED = `*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [12:345]
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A POSTROUTING -s 10.1.0.0/16 -j ACCEPT
-A POSTROUTING -s 10.10.1.0/24 -m comment --comment "10.1.0.0/16-not" -j RETURN
-A FLANNEL-POSTRTG -s 10.1.0.0/16 -j MASQUERADE
COMMIT
`

test('a ruleset is marked rule by rule, and rules of others that name the network are foreign', () => {
  const text = `*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -s 10.1.0.0/16 -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG -d 10.1.0.0/16 -j RETURN
COMMIT
`
  const was = text.replace('-d 10.1.0.0/16', '-d 10.2.0.0/16')
  const ruleset = { kind: 'ruleset', key: 'ruleset iptables ipv4', mode: 'iptables', family: 4 }
  const entries: readonly ResourceEntry[] = [
    {
      state: 'missing',
      resource: { ...ruleset, text } as ResourceEntry['resource'],
      actual: { ...ruleset, text: was } as ResourceEntry['resource'],
      owners: ['10.1.2.0-24'],
    },
  ]
  const chains = parseIptablesSave(SAVED, 'ip')
  const marked = markEntries({ entries, leases, own: '10.1.2.0-24', networks: ['10.1.0.0/16'] }, [], chains)
  expect(marked.map(({ mark, text }) => `${mark} ${text}`)).toEqual([
    'held iptables ip nat FLANNEL-POSTRTG: -s 10.1.0.0/16 -j MASQUERADE --random-fully',
    'missing iptables ip nat FLANNEL-POSTRTG: -d 10.1.0.0/16 -j RETURN',
    'held iptables ip nat POSTROUTING: -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
    'stale iptables ip nat FLANNEL-POSTRTG: -d 10.2.0.0/16 -j RETURN',
    'foreign iptables ip nat POSTROUTING: -s 10.1.0.0/16 -j ACCEPT',
  ])
})

test('chains of iptables: policies, hooks, jumps and verdicts', () => {
  const chains = parseIptablesSave(SAVED, 'ip')
  expect(chains.map(({ name, hook, policy }) => [name, hook, policy])).toEqual([
    ['PREROUTING', 'prerouting', 'ACCEPT'],
    ['POSTROUTING', 'postrouting', 'ACCEPT'],
    ['FLANNEL-POSTRTG', undefined, undefined],
  ])
  expect(chains[1]?.rules.map(({ target }) => target)).toEqual(['FLANNEL-POSTRTG', 'accept', 'return'])
})

test('chains of nftables: sets and braces in comments do not end a chain; iptables tables are left out', () => {
  const chains = parseNftRuleset(`table ip flannel-ipv4 {
	set peers {
		type ipv4_addr
		elements = { 10.0.0.1,
			     10.0.0.2 }
	}

	chain postrtg {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr { 10.1.0.0/16, 10.2.0.0/16 } counter packets 5 bytes 300 masquerade fully-random
		ip daddr 10.1.0.0/16 jump other comment "} drop {"
	}

	chain other {
		tcp dport 22 drop
	}
}
# Warning: table ip nat is managed by iptables-nft, do not touch!
table ip nat {
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "x" counter packets 0 bytes 0 xt target "MASQUERADE"
	}
}
`)
  expect(chains.map(({ table, name, hook }) => [table, name, hook])).toEqual([
    ['flannel-ipv4', 'postrtg', 'postrouting'],
    ['flannel-ipv4', 'other', undefined],
  ])
  expect(ruleLines(chains)[0]).toBe(
    'nftables ip flannel-ipv4 postrtg: ip saddr { 10.1.0.0/16, 10.2.0.0/16 } counter masquerade fully-random',
  )
  expect(chains.flatMap(({ rules }) => rules.map(({ target }) => target))).toEqual([
    'masquerade',
    'other',
    'drop',
  ])
})

test('what is not a ruleset has no chains', () => {
  for (const text of ['', '}}}}', 'table', 'table ip x {', '*\n:\n-A', '\u0000']) {
    expect(parseNftRuleset(text)).toEqual([])
    expect(parseIptablesSave(text, 'ip').flatMap(({ rules }) => rules)).toEqual([])
  }
})

test('subnet.env: equal, other, none, and nobody to say', () => {
  const desired = 'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'
  expect(compareSubnetEnv('f', desired, desired)).toMatchObject({ mark: 'held', differences: [] })
  expect(compareSubnetEnv('f', 'FLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n', desired)).toMatchObject({
    mark: 'stale',
    differences: ['- FLANNEL_MTU=1400', '+ FLANNEL_MTU=1450'],
  })
  expect(compareSubnetEnv('f', undefined, desired).mark).toBe('missing')
  expect(compareSubnetEnv('f', desired, undefined).mark).toBe('unknown')
})

test('leases that only the agent has come first, those that only the store has are foreign', () => {
  const stored = [
    { subnet: '10.1.2.0/24', attributes: { publicIp: '192.0.2.2', backendType: 'vxlan' } },
    { subnet: '10.1.7.0/24', attributes: { publicIp: '192.0.2.7', backendType: 'vxlan' } },
  ]
  const compared = compareLeases(leases.slice(0, 2), stored, '10.1.2.0-24')
  expect(compared.map(({ key, mark, isOwn }) => [key, mark, isOwn])).toEqual([
    ['10.1.3.0-24', 'missing', false],
    ['10.1.2.0-24', 'held', true],
    ['10.1.7.0-24', 'foreign', false],
  ])
  expect(compareLeases([], stored, undefined).map(({ mark }) => mark)).toEqual([undefined, undefined])
})

test('a hostile name cannot move a terminal', () => {
  const text = describeResource(link({ name: 'a\u001b[2Jb', type: 'vxlan', mtu: 1450, alias: '\u202e' }))
  expect(text).toMatch(/^a\\u001b\[2Jb vxlan mtu 1450 up$/)
})
