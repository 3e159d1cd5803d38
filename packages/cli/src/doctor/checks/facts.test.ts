import { readCommandLine, type StatusPage } from '@selvedge/agent'
import { expect, test } from 'vitest'
import type { Facts } from '../facts/facts.js'
import type { LinkFact } from '../facts/network.js'
import { rulesetOf } from '../facts/ruleset.js'
import { diagnose } from './index.js'

/** What is hard to make on a real host, or is another's: here on facts alone. */

const link = (ifname: string, address: string, more: Partial<LinkFact> = {}): LinkFact => ({
  ifindex: 2,
  ifname,
  flags: ['UP', 'LOWER_UP'],
  mtu: 1500,
  addr_info: [{ family: 'inet', local: address, prefixlen: 24, scope: 'global' }],
  ...more,
})

const inForce = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

const page: StatusPage = {
  format: 1,
  version: '1',
  ready: true,
  node: {
    lease: { key: '10.244.1.0-24', subnet: '10.244.1.0/24', publicIp: '192.0.2.1', expiresAt: 90_000_000 },
    backend: 'vxlan',
    mtu: 1450,
    externalInterface: { name: 'eth0', mtu: 1500 },
  },
  store: { name: 'etcd', connected: true, staleMs: 0, fromCache: false },
  config: { inForce, differences: [], staleMs: 0 },
  kernel: { inSync: true, desired: 5, actual: 5, failed: 0, failures: [] },
  drift: { total: 0, last: [] },
  peerCount: 1,
  peers: [],
}

const flannel = link('flannel.1', '10.244.1.0', { address: 'aa:00:00:00:00:01', mtu: 1450 })

const command = readCommandLine([], {})
if (command.type !== 'run') throw new Error('a command line without flags asks for a run')

const well: Facts = {
  now: 1_000,
  settings: command.settings,
  asked: { backend: undefined, networks: [] },
  hasNetAdmin: true,
  sysctls: new Map([
    ['net/ipv4/ip_forward', '1'],
    ['net/netfilter/nf_conntrack_count', '10'],
    ['net/netfilter/nf_conntrack_max', '1000'],
    ['net/ipv4/neigh/default/gc_thresh3', '1024'],
  ]),
  tunProblem: undefined,
  driver: { unsupported: undefined, denied: undefined, external: { name: 'eth0' } },
  trials: { rules: [], backend: undefined },
  network: { links: [link('eth0', '192.0.2.1'), flannel], routes: [] },
  rulesets: rulesetOf({}),
  sockets: [],
  programs: new Set(['selvedged']),
  services: {
    networkd: undefined,
    networkManager: undefined,
    udev: undefined,
    clusterIps: [],
    probes: [],
  },
  controlSocket: '/run/selvedge/control.sock',
  agent: { state: 'answers', page },
  store: {
    state: 'answers',
    type: 'etcd',
    place: 'etcd at http://192.0.2.9:2379, /coreos.com/network',
    config: '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}',
    configProblem: undefined,
    comparable: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } },
    subnets: 256,
    networks: ['10.244.0.0/16'],
    backend: 'vxlan',
    outside: new Set(),
    leases: [
      {
        key: '10.244.1.0-24',
        publicIp: '192.0.2.1',
        backendType: 'vxlan',
        vtepMac: 'aa:00:00:00:00:01',
        expiresAt: 90_000_000,
      },
    ],
    problems: [],
    rights: [],
  },
  desired: { source: 'none', why: 'nobody says' },
  ways: new Map(),
  policies: undefined,
  certificates: [],
  servers: [],
  subnetFile: {
    path: '/run/flannel/subnet.env',
    text: 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  },
  paths: { tried: [], peers: 0 },
  checksums: 0,
  flows: [],
  shaken: [],
  pods: {
    configFolder: '/etc/cni/net.d',
    configs: undefined,
    pluginFolder: '/opt/cni/bin',
    plugins: undefined,
    notReady: [],
    given: [],
    silent: [],
  },
}

const agent = (more: Partial<StatusPage>): Partial<Facts> => ({
  agent: { state: 'answers', page: { ...page, ...more } },
})
const links = (...all: LinkFact[]): Partial<Facts> => ({ network: { links: all, routes: [] } })
const sysctl = (name: string, value: string): Partial<Facts> => ({
  sysctls: new Map([...well.sysctls, [name, value]]),
})
const dual = agent({
  config: {
    inForce: { ...inForce, EnableIPv6: true, IPv6Network: 'fd44::/48' },
    differences: [],
    staleMs: 0,
  },
})

function node(): NonNullable<StatusPage['node']> {
  if (page.node === undefined) throw new Error('the page has a node')
  return page.node
}

function store(more: object): Partial<Facts> {
  return { store: { ...well.store, ...more } as Facts['store'] }
}

test('nothing is found where nothing is wrong', () => {
  expect(diagnose(well)).toEqual([])
})

test.each<[id: string, says: string, facts: Partial<Facts>]>([
  ['host.rights', 'CAP_NET_ADMIN', { hasNetAdmin: false }],
  ['host.no-ip', 'ip does not run', { network: undefined }],
  [
    'host.tun-device',
    'the backend udp needs it',
    { tunProblem: 'ENOENT', ...agent({ node: { ...node(), backend: 'udp' } }) },
  ],
  ['host.ip6-forward', 'forwarding is 0', { ...dual, ...sysctl('net/ipv6/conf/all/forwarding', '0') }],
  ['host.ipv6-off', 'disable_ipv6 is 1', { ...dual, ...sysctl('net/ipv6/conf/all/disable_ipv6', '1') }],
  ['host.neighbour-table', '1000 peers', agent({ peerCount: 1_000 })],
  ['host.conntrack-full', '950 of 1000', sysctl('net/netfilter/nf_conntrack_count', '950')],
  [
    'host.port-taken',
    "UDP port 8472, which is the backend vxlan's, is taken by socat (process 7)",
    { sockets: [{ port: 8472, inode: '1', owner: { name: 'socat', pid: 7 } }] },
  ],
  [
    'firewall.two-iptables',
    'legacy has 1',
    { rulesets: rulesetOf({ nft4: '*nat\n-A X -j ACCEPT', legacy4: '*filter\n-A FORWARD -j DROP' }) },
  ],
  ['identity.interface-gone', 'eth0', links(flannel, link('eth1', '192.0.2.1'))],
  [
    'store.refused',
    'permission denied',
    {
      store: {
        state: 'failed',
        type: 'etcd',
        place: 'etcd',
        code: 'STORE_UNAVAILABLE',
        why: 'etcdserver: permission denied',
        rights: undefined,
      },
    },
  ],
  [
    'store.stale',
    'for 90 s',
    agent({ store: { name: 'etcd', connected: false, staleMs: 90_000, fromCache: false } }),
  ],
  [
    'store.lease-ends',
    'ends in 60 s',
    {
      ...agent({ store: { name: 'etcd', connected: false, staleMs: 0, fromCache: false } }),
      now: 89_940_000,
    },
  ],
  [
    'host.bridge-netfilter',
    'is 0',
    {
      ...sysctl('net/bridge/bridge-nf-call-iptables', '0'),
      programs: new Set(['selvedged', 'kube-proxy']),
    },
  ],
  ['store.full', '1 of 1 subnets', store({ subnets: 1 })],
  [
    'store.overlap',
    '10.244.9.9/24 of eth1',
    links(link('eth0', '192.0.2.1'), flannel, link('eth1', '10.244.9.9')),
  ],
  ['agent.denied', 'sudo', { agent: { state: 'denied', why: 'only root may: use sudo' } }],
  ['agent.not-ready', 'no config', agent({ ready: false, waitingFor: 'no config' })],
  [
    'agent.refused-entries',
    'File exists',
    agent({ kernel: { ...page.kernel, failed: 1, failures: [{ key: 'route', message: 'File exists' }] } }),
  ],
  ['kernel.not-in-sync', '4 of 5', agent({ kernel: { ...page.kernel, inSync: false, actual: 4 } })],
  [
    'kernel.entry-missing',
    'xfrm-policy out 10.244.2.0/24 is missing, for 10.244.2.0-24',
    {
      desired: {
        source: 'agent',
        page: {
          format: 1,
          own: '10.244.1.0-24',
          backend: 'ipsec',
          networks: ['10.244.0.0/16'],
          externalInterface: 'eth0',
          mtu: 1423,
          subnetFile: { path: '/run/flannel/subnet.env', text: '' },
          leases: [],
          entries: [
            {
              state: 'missing',
              resource: { kind: 'xfrm-policy', key: 'xfrm-policy out 10.244.2.0/24' },
              owners: ['10.244.2.0-24'],
            },
          ],
        },
      },
    },
  ],
  ['kernel.checksums', '7 packets with a wrong checksum', { checksums: 7 }],
  ['kernel.device-down', 'flannel.1 is down', links(link('eth0', '192.0.2.1'), { ...flannel, flags: [] })],
  [
    'kernel.published-mac',
    'aa:00:00:00:00:02',
    links(link('eth0', '192.0.2.1'), { ...flannel, address: 'aa:00:00:00:00:02' }),
  ],
])('%s', (id, says, facts) => {
  const found = diagnose({ ...well, ...facts }).filter((finding) => finding.id === id)
  expect(found.map(({ what }) => what)).toEqual([expect.stringContaining(says)])
  expect(found[0]?.remedy).not.toBe('')
})

test('of thousands of the kind a few are named, and the others counted', () => {
  const leases = Array.from({ length: 2_000 }, (_, n) => ({
    key: `10.244.${n}.0-24`,
    publicIp: `198.51.100.${n % 1_000}`,
    backendType: 'vxlan',
    vtepMac: undefined,
    expiresAt: undefined,
  }))
  const found = diagnose({ ...well, ...store({ subnets: undefined, leases: [...leases] }) })
  const shared = found.filter(({ id }) => id === 'identity.peers-share-address')
  expect(shared).toHaveLength(5)
  expect(shared[4]?.what).toMatch(/\(and 995 more of the kind\)$/)
})

const claim = (number: number) => ({
  key: `10.244.${number}.0-24`,
  publicIp: '192.0.2.71',
  backendType: 'vxlan',
  vtepMac: undefined,
  expiresAt: undefined,
})
const echo = { sent: 20, received: 20, rttMs: 0.3 }
const path = (number: number, overlay: typeof echo | undefined) => ({
  key: `10.244.${number}.0-24`,
  subnet: `10.244.${number}.0/24`,
  publicIp: `192.0.2.${number}`,
  underlay: echo,
  overlay,
  longest: undefined,
})

test.each([
  ['the second does not answer', [path(71, echo), path(72, undefined)], ['10.244.72.0-24']],
  ['the first does not', [path(71, undefined), path(72, echo)], ['10.244.71.0-24']],
  ['neither does, and a third peer does', [path(71, undefined), path(72, undefined), path(9, echo)], []],
  ['both do', [path(71, echo), path(72, echo)], []],
  ['one does, and the other was not tried', [path(71, echo)], []],
  ['nothing was tried', [], []],
  ['no peer has an address in the overlay', [path(71, undefined), path(72, undefined)], []],
])(
  'of two leases with one address only the one that does not answer is to be released: %s',
  (_, tried, released) => {
    const facts = { ...well, ...store({ leases: [claim(71), claim(72)] }), paths: { tried, peers: 2 } }
    const [found] = diagnose(facts).filter(({ id }) => id === 'identity.peers-share-address')
    expect(found?.what).toMatch(
      /^2 leases publish one address, 192\.0\.2\.71: 10\.244\.71\.0-24 \(.*10\.244\.72\.0-24 \(/,
    )
    const named = [...(found?.remedy ?? '').matchAll(/leases release (10\S+)/g)].map(([, key]) => key)
    expect(named).toEqual(released)
  },
)

test('an agent on flanneld’s host, and a flanneld on the agent’s, are told apart', () => {
  const programs = new Set(['flanneld'])
  const idsOf = (facts: Partial<Facts>) => diagnose({ ...well, programs, ...facts }).map(({ id }) => id)
  expect(idsOf({})).toEqual(['host.flanneld-too'])
  expect(idsOf({ agent: { state: 'absent' } })).toEqual(['agent.absent'])
})

const SAVED = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -s 10.0.0.0/8 -m comment --comment "all of ours" -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT`
const DOCKERS_ACCEPT = '-A DOCKER-USER -s 10.0.0.0/8 -m comment --comment "all of ours" -j ACCEPT\n'

test.each<[name: string, save: string, ids: readonly string[]]>([
  ['a chain that is jumped to accepts', SAVED, []],
  ['nothing does', SAVED.replace(DOCKERS_ACCEPT, ''), ['firewall.forward-drop']],
  ['it accepts another network', SAVED.replace('10.0.0.0/8', '10.8.0.0/16'), ['firewall.forward-drop']],
  [
    'by devices',
    SAVED.replace(DOCKERS_ACCEPT, '-A FORWARD -i cni0 -j ACCEPT\n-A FORWARD -o cni0 -j ACCEPT\n'),
    [],
  ],
  [
    'a rule that is no drop of all of it',
    SAVED.replace(
      '-A FORWARD -j DOCKER',
      '-A FORWARD -s 10.244.0.0/16 -d 169.254.169.254/32 -j DROP\n-A FORWARD -j DOCKER',
    ),
    [],
  ],
  [
    'a rule that drops the port, among others',
    SAVED.replace(
      '-A FORWARD -j DOCKER',
      '-A INPUT -p udp -m multiport --dports 53,8400:8500 -j DROP\n-A FORWARD -j DOCKER',
    ),
    ['firewall.dropped-port'],
  ],
  [
    'the port is accepted first',
    SAVED.replace(
      '-A FORWARD -j DOCKER',
      '-A INPUT -p udp --dport 8472 -j ACCEPT\n-A INPUT -p udp -j DROP\n-A FORWARD -j DOCKER',
    ),
    [],
  ],
])('iptables drops what is forwarded: %s', (_, nft4, ids) => {
  expect(diagnose({ ...well, rulesets: rulesetOf({ nft4 }) }).map(({ id }) => id)).toEqual(ids)
})

test('before anything is installed only what matters then is looked at', () => {
  const nothing: Partial<Facts> = { agent: undefined, store: undefined, hasNetAdmin: false }
  expect(diagnose({ ...well, ...nothing }, { pre: true }).map(({ id }) => id)).toEqual(['host.rights'])
})
