import { expect, test } from 'vitest'
import { parseIptablesSave, parseNftRuleset } from '../chains.js'
import { drawingOf } from './drawing.js'
import { mermaid } from './mermaid.js'
import { svg } from './svg.js'
import { type TopologyHost, topologyOf } from './topology.js'

const HOSTILE = `"]</text><script>alert(1)</script>&'\u0007\u202e\ud800`

const hosts: readonly TopologyHost[] = [
  { key: '10.1.1.0-24', subnets: ['10.1.1.0/24'], addresses: ['192.0.2.1'], isOwn: true, path: 'none' },
  {
    key: '10.1.2.0-24',
    subnets: ['10.1.2.0/24'],
    addresses: ['192.0.2.2'],
    isOwn: false,
    path: 'tunnel',
    device: 'flannel.1',
  },
  {
    key: '10.1.3.0-24',
    subnets: ['10.1.3.0/24'],
    addresses: ['192.0.2.3'],
    isOwn: false,
    path: 'direct',
    device: 'eth0',
  },
  { key: HOSTILE, subnets: [], addresses: [HOSTILE], isOwn: false, path: 'none' },
]

const SAVED = `*filter
:FORWARD DROP [0:0]
:FLANNEL-FWD - [0:0]
:LOOP - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FORWARD -j LOOP
-A LOOP -j LOOP
-A FLANNEL-FWD -s 10.1.0.0/16 -m string --string "</text><script>" -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -s 10.1.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
-A FORWARD -j MARK
COMMIT
`
const NFT = `table ip flannel-ipv4 {
	chain postrtg {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.1.0.0/16 jump out
	}

	chain out {
		counter masquerade
	}

	chain unused {
		drop
	}
}
`
const chains = [...parseIptablesSave(SAVED, 'ip'), ...parseNftRuleset(NFT)]
const drawing = drawingOf(hosts, chains)

test('the chains of NAT and forwarding are drawn with what they lead to, of iptables and nftables; no others', () => {
  expect(drawing.chains.map(({ title, depth, isOwn }) => [title, depth, isOwn])).toEqual([
    ['iptables ip filter FORWARD (forward, policy DROP)', 0, false],
    ['iptables ip nat POSTROUTING (postrouting, policy ACCEPT)', 0, false],
    ['nftables ip flannel-ipv4 postrtg (postrouting, policy accept)', 0, true],
    ['iptables ip filter FLANNEL-FWD', 1, true],
    ['iptables ip filter LOOP', 1, false],
    ['iptables ip nat FLANNEL-POSTRTG', 1, true],
    ['nftables ip flannel-ipv4 out', 1, true],
  ])
  expect(drawing.chains[0]?.rules.map(({ text, leadsTo }) => [text, leadsTo])).toEqual([
    ['-j FLANNEL-FWD', 3],
    ['-j LOOP', 4],
  ])
  // A chain of the same name in another table is another one.
  expect(drawing.chains[1]?.rules[0]?.leadsTo).toBe(5)
  expect(drawing.chains[4]?.rules[0]?.leadsTo).toBe(4)
})

test('SVG: what hosts and rules are named is text, and the image refers to nothing outside', () => {
  const image = svg(drawing)
  expect(image).not.toMatch(/<script|href|url\((?!#arrow)| on\w+=/)
  for (const character of ['\u0007', '\u202e', '\ud800']) expect(image).not.toContain(character)
  expect(image).toContain('&lt;script&gt;')
  // Every element is closed, in order.
  const open: string[] = []
  for (const [, slash, name = '', self] of image.matchAll(/<(\/?)([a-z]+)\b[^>]*?(\/?)>/g)) {
    if (slash === '/') expect(open.pop()).toBe(name)
    else if (self !== '/') open.push(name)
  }
  expect(open).toEqual([])
  expect(image.match(/marker-end/g)).toHaveLength(5)
  expect(svg(drawingOf(hosts, chains))).toBe(image)
})

test('Mermaid: no name ends its label, and each jump is an edge', () => {
  const text = mermaid(drawing)
  for (const [, inside = ''] of text.matchAll(/\["(.*)"\]/g)) {
    expect(inside.replaceAll('<br/>', '')).toMatch(/^(?:[A-Za-z0-9 .:/,_=+*!-]|#\d+;)*$/)
  }
  expect(text).toContain('own ===|"tunnel flannel.1"| peer0')
  expect(text).toContain('own ---|"direct eth0"| peer1')
  expect(text).toContain('own -.-x|"no route"| peer2')
  expect(text.match(/==>/g)).toHaveLength(5)
  expect(mermaid(drawingOf(hosts, chains))).toBe(text)
})

test('5,000 peers and 1,000 chains are a picture of bounded size that says how many it leaves out', () => {
  const many = Array.from(
    { length: 5_001 },
    (_, n): TopologyHost => ({
      key: `k${n}`,
      subnets: [`10.${n >> 8}.${n & 255}.0/24`],
      addresses: ['192.0.2.1'],
      isOwn: n === 0,
      path: 'tunnel',
    }),
  )
  const jumps = Array.from({ length: 1_000 }, (_, n) => `:KUBE-${n} - [0:0]\n-A POSTROUTING -j KUBE-${n}`)
  const saved = `*nat\n:POSTROUTING ACCEPT [0:0]\n${jumps.join('\n')}\nCOMMIT\n`
  const large = drawingOf(many, parseIptablesSave(saved, 'ip'))
  expect(large).toMatchObject({ morePeers: 4_960, moreChains: 971 })
  expect(large.chains[0]).toMatchObject({ moreRules: 984 })
  for (const picture of [svg(large), mermaid(large)]) {
    expect(picture).toContain('4960 more peers')
    expect(picture.length).toBeLessThan(50_000)
  }
})

test('nothing at all is a picture, too', () => {
  const empty = drawingOf([], [])
  expect(svg(empty)).toContain('</svg>')
  expect(mermaid(empty)).toMatch(/^flowchart LR\n/)
})

test('the topology: this node first, peers by their keys as numbers, reached as their routes say', () => {
  const route = (key: string, fields: object) =>
    ({ state: 'held', resource: { kind: 'route', key, ...fields }, owners: [key] }) as const
  const leases = ['10.1.10.0-24', '10.1.9.0-24', '10.1.1.0-24'].map((key) => ({
    key,
    subnet: key.replace('-', '/'),
    publicIp: `192.0.2.${key.split('.')[2]}`,
  }))
  const entries = [
    route('10.1.10.0-24', { gateway: '192.0.2.10', device: 'eth0', onLink: false }),
    route('10.1.9.0-24', { gateway: '10.1.9.0', device: 'flannel.1', onLink: true }),
  ]
  const found = topologyOf({ own: '10.1.1.0-24', leases, entries })
  expect(found.map(({ key, path, device }) => [key, path, device])).toEqual([
    ['10.1.1.0-24', 'none', undefined],
    ['10.1.9.0-24', 'tunnel', 'flannel.1'],
    ['10.1.10.0-24', 'direct', 'eth0'],
  ])
})
