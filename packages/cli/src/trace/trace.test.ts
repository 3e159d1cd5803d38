import type { ResourceEntry } from '@selvedge/agent'
import { fdb, link, neighbour, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import type { AskedPath, TraceFacts } from './facts.js'
import { differs, traceOf } from './hops.js'
import { readPing } from './probe.js'
import { ruleHops } from './rules.js'

const NOW = 1_700_000_000_000
const MAC = '02:00:00:00:00:02'
const held = (resource: ResourceEntry['resource'], owner: string): ResourceEntry => ({
  state: 'held',
  resource,
  owners: [owner],
})
const desired: NonNullable<TraceFacts['desired']> = {
  own: '10.1.1.0-24',
  backend: 'vxlan',
  networks: ['10.1.0.0/16'],
  leases: [
    { key: '10.1.1.0-24', subnet: '10.1.1.0/24', publicIp: '192.0.2.1', backendType: 'vxlan' },
    { key: '10.1.2.0-24', subnet: '10.1.2.0/24', publicIp: '192.0.2.2', backendType: 'vxlan' },
    { key: '10.1.6.0-24', subnet: '10.1.6.0/24', publicIp: '10.1.6.9', backendType: 'vxlan' },
  ],
  entries: [
    held(link({ name: 'flannel.1', type: 'vxlan', mtu: 1450 }), '10.1.1.0-24'),
    held(
      route({ destination: '10.1.2.0/24', gateway: '10.1.2.0', device: 'flannel.1', onLink: true }),
      '10.1.2.0-24',
    ),
    held(neighbour({ link: 'flannel.1', address: '10.1.2.0', macAddress: MAC }), '10.1.2.0-24'),
    held(fdb({ link: 'flannel.1', macAddress: MAC, destination: '192.0.2.2' }), '10.1.2.0-24'),
  ],
}
const asked: AskedPath = {
  route: {
    type: 'unicast',
    destination: '10.1.2.0/24',
    table: 254,
    protocol: 'selvedge',
    device: 'flannel.1',
    gateway: '10.1.2.0',
    onLink: true,
  },
  link: { name: 'flannel.1', type: 'vxlan', mtu: 1450, up: true, carrier: true },
  neighbour: {
    link: 'flannel.1',
    address: '10.1.2.0',
    answer: { macAddress: MAC, state: 'permanent' },
  },
  fdb: { macAddress: MAC, answer: ['192.0.2.2'] },
  underlay: {
    address: '192.0.2.2',
    route: { type: 'unicast', destination: '192.0.2.0/24', table: 254, protocol: 'kernel', device: 'eth0' },
    link: { name: 'eth0', mtu: 1500, up: true, carrier: true },
  },
}
const trace = (change: Partial<AskedPath>, destination = '10.1.2.7') =>
  traceOf({ destination, asked: { ...asked, ...change }, desired, now: NOW })
const verdicts = (of: ReturnType<typeof trace>) => of.hops.map(({ step, verdict }) => `${step}: ${verdict}`)

test('a way that is as the leases require', () => {
  const found = trace({})
  expect(verdicts(found)).toEqual([
    'route: same',
    'device: same',
    'neighbour: same',
    'fdb: same',
    'underlay route: same',
    'underlay device: unsaid',
  ])
  expect(found).toMatchObject({ owner: 'pod', lease: { publicIp: '192.0.2.2' } })
  expect(differs(found)).toBe(false)
})

const wrongRoute = {
  ...asked.route,
  destination: '10.1.2.0/25',
  gateway: undefined,
  device: 'eth1',
  protocol: 'static',
}
test.each<[string, Partial<AskedPath>, string]>([
  ['a more specific route of others', { route: wrongRoute }, 'route'],
  ['no route', { route: { error: 'ENETUNREACH' } }, 'route'],
  ['a route without onlink', { route: { ...asked.route, onLink: false } }, 'route'],
  ['several paths', { route: { ...asked.route, isMultipath: true } }, 'route'],
  [
    'a device that is down',
    { link: { name: 'flannel.1', type: 'vxlan', mtu: 1450, up: false, carrier: false } },
    'device',
  ],
  [
    'a device without carrier',
    { link: { name: 'flannel.1', type: 'vxlan', mtu: 1450, up: true, carrier: false } },
    'device',
  ],
  [
    'a device of another MTU',
    { link: { name: 'flannel.1', type: 'vxlan', mtu: 1400, up: true, carrier: true } },
    'device',
  ],
  [
    'another MAC',
    {
      neighbour: {
        link: 'flannel.1',
        address: '10.1.2.0',
        answer: { macAddress: '02:00:00:00:00:09', state: 'permanent' },
      },
    },
    'neighbour',
  ],
  [
    'a neighbour that the kernel is looking for',
    { neighbour: { link: 'flannel.1', address: '10.1.2.0', answer: { state: 'failed' } } },
    'neighbour',
  ],
  ['no neighbour', { neighbour: { link: 'flannel.1', address: '10.1.2.0', answer: undefined } }, 'neighbour'],
  ['another VTEP', { fdb: { macAddress: MAC, answer: ['192.0.2.9'] } }, 'fdb'],
  ['no VTEP', { fdb: { macAddress: MAC, answer: [] } }, 'fdb'],
  ['a MAC that no lease has', { fdb: { macAddress: '02:00:00:00:00:09', answer: ['192.0.2.2'] } }, 'fdb'],
  [
    'a tunnel inside itself',
    {
      underlay: {
        address: '192.0.2.2',
        route: { type: 'unicast', destination: '192.0.2.2/32', device: 'flannel.1' },
      },
    },
    'underlay route',
  ],
  [
    'an underlay without a route',
    { underlay: { address: '192.0.2.2', route: { error: 'ENETUNREACH' } } },
    'underlay route',
  ],
])('%s differs', (_, change, step) => {
  const found = trace(change)
  expect(found.hops.filter(({ verdict }) => verdict === 'differs').map((hop) => hop.step)).toEqual([step])
})

const local = { type: 'unicast', destination: '10.1.1.0/24', table: 254, protocol: 'kernel', device: 'cni0' }
const byDefault = { type: 'unicast', destination: '0.0.0.0/0', table: 254, protocol: 'dhcp', device: 'eth0' }
const overlay = {
  type: 'unicast',
  destination: '10.1.0.0/16',
  table: 254,
  protocol: 'boot',
  device: 'flannel.1',
}
test.each([
  ['a pod of this node, by its bridge', '10.1.1.5', 'own pod', local, 'same'],
  ['a pod of this node, by the default route', '10.1.1.5', 'own pod', byDefault, 'differs'],
  ['a pod of this node, by the overlay', '10.1.1.5', 'own pod', overlay, 'differs'],
  ['this node', '192.0.2.1', 'own host', { ...local, type: 'local', device: 'lo' }, 'same'],
  ['a peer, by the underlay', '192.0.2.2', 'host', byDefault, 'same'],
  ['a peer, by the overlay', '192.0.2.2', 'host', overlay, 'differs'],
  ['nobody, and no route', '10.1.9.9', 'no lease', { error: 'ENETUNREACH' }, 'same'],
  ['nobody, by the overlay', '10.1.9.9', 'no lease', overlay, 'differs'],
  ['a peer that was refused', '10.1.6.3', 'pod', overlay, 'differs'],
  ['an address outside', '203.0.113.1', 'outside', byDefault, 'same'],
  ['IPv6 beside IPv4', '2001:db8::9', 'outside', { error: 'ENETUNREACH' }, 'same'],
])('%s: %s is %s, and the route is judged', (_, destination, owner, answer, verdict) => {
  const found = traceOf({ destination, asked: { route: answer }, desired, now: NOW })
  expect(found.owner).toBe(owner)
  expect(found.hops[0]).toMatchObject({ step: 'route', verdict })
})

test('without leases the kernel alone is shown', () => {
  const found = traceOf({ destination: '10.1.2.7', asked, now: NOW })
  expect(found.owner).toBe('unknown')
  expect(differs(found)).toBe(false)
})

test('the summaries of ping', () => {
  const iputils =
    '3 packets transmitted, 2 received, 33% packet loss, time 402ms\nrtt min/avg/max/mdev = 0.05/0.07/0.1/0.01 ms\n'
  expect(readPing(iputils)).toEqual({ sent: 3, received: 2, averageMs: 0.07 })
  const busybox =
    '3 packets transmitted, 3 packets received, 0% packet loss\nround-trip min/avg/max = 0.1/0.2/0.3 ms\n'
  expect(readPing(busybox)).toEqual({ sent: 3, received: 3, averageMs: 0.2 })
  expect(readPing('3 packets transmitted, 0 received, +3 errors, 100% packet loss')).toEqual({
    sent: 3,
    received: 0,
    averageMs: undefined,
  })
  expect(readPing('ping: unknown host')).toBeUndefined()
})

const IPTABLES = `*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN
-A FLANNEL-POSTRTG -s 10.1.1.0/24 -d 10.1.0.0/16 -j RETURN
-A FLANNEL-POSTRTG -s 10.1.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
COMMIT
`
const NFTABLES = `table ip flannel-ipv4 {
\tchain postrtg {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tmeta mark & 0x00004000 == 0x00004000 counter return
\t\tip saddr 10.1.1.0/24 ip daddr 10.1.0.0/16 counter return
\t\tip saddr 10.1.0.0/16 ip daddr != 224.0.0.0/4 counter masquerade fully-random
\t}
}
`
const rulesetOf = (mode: string, text: string) =>
  ({ kind: 'ruleset', key: `ruleset ${mode} ipv4`, mode, family: 4, text }) as ResourceEntry['resource']

test.each([
  ['iptables', IPTABLES],
  ['nftables', NFTABLES],
])('the rule of %s that decides: of those that are desired, and of those that are there', (mode, text) => {
  const resource = rulesetOf(mode, text)
  const asHeld: ResourceEntry[] = [{ state: 'held', resource, owners: [] }]
  expect(ruleHops(asHeld, '10.1.1.5', '10.1.2.7')).toMatchObject([{ step: 'nat rules', verdict: 'same' }])
  expect(ruleHops(asHeld, '10.1.1.5', '10.1.2.7')[0]?.kernel).toMatch(/^return: .*10\.1\.1\.0\/24/)
  expect(ruleHops(asHeld, '10.1.1.5', '203.0.113.1')[0]?.kernel).toMatch(/^masquerade: /)
  expect(ruleHops(asHeld, '10.1.1.5', '224.0.0.9')).toEqual([])
  expect(ruleHops(asHeld, '192.0.2.9', '203.0.113.1')).toEqual([])
  expect(ruleHops(asHeld, 'fd00::1', 'fd00::2')).toEqual([])
  expect(ruleHops(asHeld, undefined, '10.1.2.7')).toEqual([])
  // Without the rule that spares the overlay's own packets, they are masqueraded.
  const without = text
    .split('\n')
    .filter((line) => !line.includes('10.1.1.0/24'))
    .join('\n')
  const asMissing: ResourceEntry[] = [
    { state: 'missing', resource, actual: rulesetOf(mode, without), owners: [] },
  ]
  const [hop] = ruleHops(asMissing, '10.1.1.5', '10.1.2.7')
  expect(hop).toMatchObject({ verdict: 'differs', kernel: expect.stringMatching(/^masquerade/) })
  const asGone: ResourceEntry[] = [{ state: 'missing', resource, owners: [] }]
  expect(ruleHops(asGone, '10.1.1.5', '10.1.2.7')[0]).toMatchObject({
    verdict: 'differs',
    kernel: 'no rule of the overlay',
  })
})
