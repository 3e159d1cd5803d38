import type { InspectedPeer, KnownLease, ResourceEntry } from '@selvedge/agent'
import { link, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import type { AskedIpsec, AskedPath, DesiredState } from './facts.js'
import { traceOf } from './hops.js'

const NOW = 1_700_000_000_000
const OWN = '10.1.1.0-24'
const PEER = '10.1.2.0-24'

type State = ResourceEntry['state']
const entry = (resource: object, owner = PEER, state: State = 'held', actual?: object): ResourceEntry => ({
  state,
  resource: resource as ResourceEntry['resource'],
  actual: actual as ResourceEntry['actual'],
  owners: [owner],
})
const leaseOf = (n: number, backendType: string): KnownLease => ({
  key: `10.1.${n}.0-24`,
  subnet: `10.1.${n}.0/24`,
  ipv6Subnet: `fd00:1:0:${n}::/64`,
  publicIp: `192.0.2.${n}`,
  publicIpv6: `2001:db8::${n}`,
  backendType,
})
const desiredBy = (backend: string, ...entries: ResourceEntry[]): DesiredState => ({
  own: OWN,
  backend,
  networks: ['10.1.0.0/16', 'fd00:1::/48'],
  leases: [leaseOf(1, backend), leaseOf(2, backend)],
  entries,
})
const byDevice = (device: string, type: string, destination = '10.1.0.0/16'): AskedPath => ({
  route: { type: 'unicast', destination, table: 254, protocol: 'selvedge', device, onLink: false },
  link: { name: device, type, mtu: 1420, up: true, carrier: true },
})
const judged = (asked: AskedPath, desired: DesiredState | undefined, destination = '10.1.2.7') =>
  traceOf({ destination, asked, desired, now: NOW }).hops.map(({ step, verdict }) => `${step}: ${verdict}`)
const hop = (step: string, asked: AskedPath, desired: DesiredState | undefined, destination = '10.1.2.7') =>
  traceOf({ destination, asked, desired, now: NOW }).hops.find((each) => each.step === step)

const peer = (fields: Partial<InspectedPeer> = {}): InspectedPeer => ({
  publicKey: 'theirs=',
  endpoint: '192.0.2.2:51820',
  allowedIps: ['10.1.2.0/24'],
  handshakeAt: NOW - 12_000,
  ...fields,
})
const wgPeer = (allowedIps: readonly string[]) => ({
  kind: 'wireguard-peer',
  key: `wireguard-peer flannel-wg ${allowedIps}`,
  device: 'flannel-wg',
  publicKey: 'theirs=',
  endpoint: '192.0.2.2:51820',
  allowedIps,
})
const wgRoutes = [
  entry(link({ name: 'flannel-wg', type: 'wireguard', mtu: 1420 }), OWN),
  entry(route({ destination: '10.1.0.0/16', type: 'blackhole', metric: 4_000_000_000 }), OWN),
  entry(route({ destination: '10.1.0.0/16', device: 'flannel-wg' }), OWN),
  ...['flannel-wg', 'flannel-wg-v6'].map((name) =>
    entry(
      { kind: 'wireguard-device', key: `wireguard-device ${name}`, name, listenPort: 1, publicKey: 'own=' },
      OWN,
    ),
  ),
]
const wireguard = desiredBy(
  'wireguard',
  ...wgRoutes,
  entry(wgPeer(['10.1.2.0/24'])),
  entry(wgPeer(['fd00:1:0:2::/64'])),
)
const asksWireguard = (...peers: InspectedPeer[]): AskedPath => ({
  ...byDevice('flannel-wg', 'wireguard'),
  wireguard: { device: 'flannel-wg', peers },
})

test('wireguard: the peer that the device sends the packet to is that of the lease', () => {
  const hidden = peer({ publicKey: 'other=', allowedIps: ['10.1.0.0/16'] })
  expect(judged(asksWireguard(hidden, peer()), wireguard)).toEqual([
    'route: same',
    'device: same',
    'peer: same',
    'handshake: unsaid',
    'wireguard: same',
  ])
  expect(hop('handshake', asksWireguard(peer()), wireguard)?.kernel).toBe('12s ago')
})

test.each<[string, readonly InspectedPeer[], RegExp]>([
  ['no peer', [], /none may be sent to 10\.1\.2\.7: it is dropped/],
  ['another peer has the network', [peer({ publicKey: 'other=' })], /^other= at/],
  ['a longer network of another', [peer(), peer({ publicKey: 'x=', allowedIps: ['10.1.2.7/32'] })], /^x= at/],
  ['more networks than its lease', [peer({ allowedIps: ['0.0.0.0/0', '10.1.2.0/24'] })], /0\.0\.0\.0\/0/],
])('wireguard: %s differs', (_, peers, kernel) => {
  expect(hop('peer', asksWireguard(...peers), wireguard)).toMatchObject({
    verdict: 'differs',
    kernel: expect.stringMatching(kernel),
    leases: expect.stringContaining('theirs= at 192.0.2.2:51820'),
  })
})

test('wireguard: a device that nothing carries differs; one that may not be read is no difference', () => {
  const asked = byDevice('flannel-wg', 'wireguard')
  const device = 'flannel-wg'
  expect(hop('peer', { ...asked, wireguard: { device, peers: undefined } }, wireguard)).toMatchObject({
    verdict: 'differs',
  })
  const denied = { device, peers: undefined, problem: 'permission denied' }
  expect(hop('peer', { ...asked, wireguard: denied }, wireguard)).toMatchObject({ verdict: 'unsaid' })
})

test('wireguard: without leases the peer is shown; one without a handshake says so', () => {
  const asked = asksWireguard(peer({ handshakeAt: undefined, endpoint: undefined }))
  expect(hop('peer', asked, undefined)).toMatchObject({
    verdict: 'unsaid',
    kernel: expect.stringMatching(/no known endpoint/),
  })
  expect(hop('handshake', asked, undefined)?.kernel).toMatch(/^never/)
  expect(hop('handshake', asksWireguard(peer({ handshakeAt: NOW - 181_000 })), wireguard)?.kernel).toMatch(
    /the next packet begins another/,
  )
})

test('wireguard: an address of no lease is one that no peer has', () => {
  expect(hop('peer', asksWireguard(peer()), wireguard, '10.1.9.9')).toMatchObject({ verdict: 'same' })
  const stray = peer({ allowedIps: ['10.1.9.0/24'] })
  expect(hop('peer', asksWireguard(stray), wireguard, '10.1.9.9')).toMatchObject({ verdict: 'differs' })
})

const udpPeer = {
  kind: 'udp-peer',
  key: 'udp-peer flannel0 10.1.2.0/24',
  device: 'flannel0',
  subnet: '10.1.2.0/24',
  address: '192.0.2.2',
  port: 8285,
}
const udpProxy = {
  kind: 'udp-proxy',
  key: 'udp-proxy flannel0',
  device: 'flannel0',
  port: 8285,
  addresses: ['192.0.2.1'],
}
const udpRoute = entry(route({ destination: '10.1.0.0/16', device: 'flannel0' }), OWN)
const udpLink = entry(link({ name: 'flannel0', type: 'tun', mtu: 1420 }), OWN)

test('udp: the proxy and its peer are hops, as the agent says; a TUN device that no process holds differs', () => {
  const asked = byDevice('flannel0', 'tun')
  const held = desiredBy('udp', udpRoute, udpLink, entry(udpProxy, OWN), entry(udpPeer))
  expect(judged(asked, held)).toEqual(['route: same', 'device: same', 'proxy: same', "proxy's peer: same"])
  const elsewhere = entry(udpPeer, PEER, 'missing', { ...udpPeer, address: '192.0.2.9' })
  expect(hop("proxy's peer", asked, desiredBy('udp', udpRoute, udpLink, elsewhere))).toMatchObject({
    verdict: 'differs',
    kernel: 'packets for 10.1.2.0/24 go to 192.0.2.9, UDP port 8285',
  })
  const unheld = { ...asked, link: { name: 'flannel0', type: 'tun', mtu: 1420, up: true, carrier: false } }
  expect(hop('device', unheld, held)).toMatchObject({
    verdict: 'differs',
    kernel: expect.stringMatching(/no process holds it/),
  })
})

const tunnel = { source: '192.0.2.1', destination: '192.0.2.2' }
const policy = (fields: object = {}): AskedIpsec['policies'][number] => ({
  kind: 'xfrm-policy',
  key: 'xfrm-policy out',
  direction: 'out',
  source: '10.1.1.0/24',
  destination: '10.1.2.0/24',
  action: 'allow',
  priority: 0,
  tunnel,
  ...fields,
})
const BLOCK = policy({ destination: '10.1.0.0/16', action: 'block', priority: 9, tunnel: undefined })
const STATE = { ...tunnel, spi: 0xc0ffee }
const connection = {
  kind: 'ike-connection',
  key: 'ike-connection a',
  localAddress: '192.0.2.1',
  remoteAddress: '192.0.2.2',
  localSubnet: '10.1.1.0/24',
  remoteSubnet: '10.1.2.0/24',
}
const ipsec = desiredBy(
  'ipsec',
  entry(route({ destination: '10.1.0.0/16', device: 'eth0' }), OWN),
  entry(BLOCK, OWN),
  entry(policy()),
  entry(connection),
  entry({ kind: 'ike-secret', key: 'ike-secret 10.1.0.0/16 192.0.2.2' }),
)
const asksIpsec = (policies: AskedIpsec['policies'], states = [STATE]): AskedPath => ({
  ...byDevice('eth0', 'veth'),
  ipsec: { source: '10.1.1.5', destination: '10.1.2.7', policies, states },
})

test('ipsec: the policy, the state and the connection are those of the lease', () => {
  expect(judged(asksIpsec([BLOCK, policy(), policy({ direction: 'in' })]), ipsec)).toEqual([
    'route: same',
    'device: unsaid',
    'ipsec policy: same',
    'ipsec state: same',
    'connection: same',
  ])
  expect(hop('ipsec state', asksIpsec([policy()]), ipsec)?.kernel).toContain('spi 0x00c0ffee')
})

test.each<[string, AskedIpsec['policies'], RegExp]>([
  ['no policy, so that packets leave in plain', [], /^none: the packet leaves in plain$/],
  [
    'a policy of another program that lets them pass',
    [policy({ priority: -1, tunnel: undefined })],
    /: in plain$/,
  ],
  ['one that blocks all', [BLOCK], /: dropped$/],
  [
    'a tunnel to another host',
    [policy({ tunnel: { ...tunnel, destination: '192.0.2.9' } })],
    /to 192\.0\.2\.9$/,
  ],
])('ipsec: %s differs', (_, policies, kernel) => {
  expect(hop('ipsec policy', asksIpsec(policies), ipsec)).toMatchObject({
    verdict: 'differs',
    kernel: expect.stringMatching(kernel),
    leases: 'from 10.1.1.0/24 to 10.1.2.0/24: in esp from 192.0.2.1 to 192.0.2.2',
  })
})

test('ipsec: a policy without a state differs, and a secret that charon has not got', () => {
  expect(hop('ipsec state', asksIpsec([policy()], []), ipsec)).toMatchObject({ verdict: 'differs' })
  const secret = { kind: 'ike-secret', key: 'ike-secret 10.1.0.0/16 192.0.2.2' }
  const missing = desiredBy('ipsec', entry(policy()), entry(secret, PEER, 'missing'))
  expect(judged(asksIpsec([policy()]), missing)).toContain('ike-secret: differs')
})

test('a policy of other programs is a hop with any backend, and is not judged', () => {
  const asked = { ...byDevice('flannel0', 'tun'), ipsec: asksIpsec([policy()]).ipsec }
  expect(judged(asked, desiredBy('udp', udpRoute, udpLink))).toContain('ipsec policy: unsaid')
})

test('ipsec of charon itself: its route comes before the blackhole', () => {
  const guard = route({ destination: '10.1.0.0/16', type: 'blackhole', metric: 4_000_000_000 })
  const desired = desiredBy('ipsec', entry(guard, OWN), entry(connection))
  expect(judged(byDevice('ipsec0', 'tun', '10.1.2.0/24'), desired)).toEqual([
    'route: same',
    'device: unsaid',
    'connection: same',
  ])
  expect(judged({ route: { error: 'EINVAL' } }, desired)).toContain('route: differs')
})

test('extension: what is recorded as run is a hop, without the commands; the kernel alone says which way they made', () => {
  const command = {
    kind: 'command',
    key: 'command 10.1.2.0/24',
    subject: '10.1.2.0/24',
    add: { text: 'SeCrEt' },
    environment: {},
    done: true,
  }
  const asked = byDevice('eth0', 'veth', '10.1.2.0/24')
  expect(judged(asked, desiredBy('extension', entry(command)))).toEqual([
    'route: unsaid',
    'device: unsaid',
    'command: same',
  ])
  const missing = desiredBy('extension', entry(command, PEER, 'missing'))
  expect(hop('command', asked, missing)).toMatchObject({ verdict: 'differs', kernel: 'not recorded as run' })
  expect(
    JSON.stringify(traceOf({ destination: '10.1.2.7', asked, desired: missing, now: NOW }).hops),
  ).not.toContain('SeCrEt')
  // Without commands for peers there are no entries.
  expect(judged(asked, desiredBy('extension'))[0]).toBe('route: unsaid')
})
