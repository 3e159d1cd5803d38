import { describe, expect, test } from 'vitest'
import { type Command, readCommandLine } from './command-line.js'
import { UsageError } from './flag-set.js'
import { flags, ownFlags } from './flannel-flags.js'
import { helpText } from './help.js'
import type { AgentSettings } from './settings.js'

function settingsOf(args: string[], variables: Record<string, string> = {}): AgentSettings {
  const command: Command = readCommandLine(args, variables)
  if (command.type !== 'run') throw new Error(`not a run but ${command.type}`)
  return command.settings
}

test('without flags, the defaults of flanneld', () => {
  const { warnings, ...settings } = settingsOf([])
  expect(settings).toEqual({
    store: {
      type: 'etcd',
      endpoints: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'],
      prefix: '/coreos.com/network',
      tls: {},
      username: undefined,
      password: undefined,
      leaseTermMs: 86_400_000,
    },
    externalInterface: { namesOrAddresses: [], patterns: [], canReach: undefined },
    publicIp: undefined,
    publicIpv6: undefined,
    subnetFile: '/run/flannel/subnet.env',
    renewMarginMs: 3_600_000,
    ipMasq: false,
    randomFully: true,
    forwardRules: true,
    rulesResyncMs: 5_000,
    masqExceptions: [],
    keepAddress: [],
    rulesName: undefined,
    blackholeRoute: false,
    leaseCache: '/var/lib/selvedge/leases',
    controlSocket: '/run/selvedge/control.sock',
    dashboard: false,
    releaseLease: false,
    probePort: undefined,
    health: undefined,
    verbosity: 0,
  })
  expect(warnings).toEqual([])
})

test("a unit file's command line of flanneld is taken as it is", () => {
  const settings = settingsOf(
    [
      '-etcd-endpoints=https://10.0.0.5:2379,https://10.0.0.6:2379',
      '-etcd-prefix=/cluster/network',
      '--etcd-cafile=/etc/etcd/ca.pem',
      '--etcd-certfile',
      '/etc/etcd/client.pem',
      '--etcd-keyfile',
      '/etc/etcd/client.key',
      '-iface=eth1',
      '-iface=10.0.0.9',
      '-iface-regex=^10\\.0\\.',
      '-iface-can-reach=10.0.0.5',
      '-public-ip=198.51.100.7',
      '-public-ipv6=2001:DB8:0::7',
      '-subnet-file=/run/other/subnet.env',
      '-subnet-lease-renew-margin=120',
      '-iptables-forward-rules=false',
      '-ip-masq',
      '-ip-masq-fully-random-disable',
      '-iptables-resync=30',
      '-ip-blackhole-route',
      '-healthz-port=10255',
      '-v=2',
    ],
    {
      FLANNELD_ETCD_USERNAME: 'overlay',
      FLANNELD_ETCD_PASSWORD: 'correct horse',
      FLANNELD_HEALTHZ_IP: '::1',
    },
  )
  expect(settings).toEqual({
    store: {
      type: 'etcd',
      endpoints: ['https://10.0.0.5:2379', 'https://10.0.0.6:2379'],
      prefix: '/cluster/network',
      tls: { ca: '/etc/etcd/ca.pem', cert: '/etc/etcd/client.pem', key: '/etc/etcd/client.key' },
      username: 'overlay',
      password: 'correct horse',
      leaseTermMs: 86_400_000,
    },
    externalInterface: {
      namesOrAddresses: ['eth1', '10.0.0.9'],
      patterns: [/^10\.0\./u],
      canReach: '10.0.0.5',
    },
    publicIp: '198.51.100.7',
    publicIpv6: '2001:db8::7',
    subnetFile: '/run/other/subnet.env',
    renewMarginMs: 7_200_000,
    ipMasq: true,
    randomFully: false,
    forwardRules: false,
    rulesResyncMs: 30_000,
    masqExceptions: [],
    keepAddress: [],
    rulesName: undefined,
    blackholeRoute: true,
    leaseCache: '/var/lib/selvedge/leases',
    controlSocket: '/run/selvedge/control.sock',
    dashboard: false,
    releaseLease: false,
    probePort: undefined,
    health: { ip: '::1', port: 10255 },
    verbosity: 2,
    warnings: [],
  })
})

test.each([
  [['--iface='], { namesOrAddresses: [], patterns: [] }],
  [['--iface-regex='], { namesOrAddresses: [], patterns: [] }],
  [
    ['--iface=', '--iface=eth1', '--iface= ', '--iface-regex=', '--iface-regex=^eth'],
    { namesOrAddresses: ['eth1'], patterns: [/^eth/u] },
  ],
])('an interface that is empty counts as not given: %j', (args, expected) => {
  expect(settingsOf(args).externalInterface).toMatchObject(expected)
})

test('its own flags', () => {
  const settings = settingsOf([
    '--lease-cache=',
    '--etcd-lease-ttl=10s',
    '--release-lease',
    '--ip-masq-exceptions=10.0.0.0/8',
    '--ip-masq-exceptions',
    'fd00::/8',
    '--ip-masq-keep-address=10.244.9.0/24',
    '--rules-name=iot',
    '--control-socket=',
  ])
  expect(settings).toMatchObject({
    leaseCache: undefined,
    masqExceptions: ['10.0.0.0/8', 'fd00::/8'],
    keepAddress: ['10.244.9.0/24'],
    rulesName: 'iot',
    controlSocket: undefined,
    dashboard: false,
    releaseLease: true,
    probePort: undefined,
    store: { leaseTermMs: 10_000 },
  })
})

describe('endpoints', () => {
  test.each([
    [['--etcd-endpoints=10.0.0.5:2379'], ['http://10.0.0.5:2379']],
    [['--etcd-endpoints=10.0.0.5:2379', '--etcd-cafile=ca.pem'], ['https://10.0.0.5:2379']],
    [['--etcd-endpoints=http://a:1, http://[fd00::1]:2'], ['http://a:1', 'http://[fd00::1]:2']],
  ])('%j', (args, endpoints) => {
    expect(settingsOf(args).store).toMatchObject({ endpoints })
  })
})

test('an embedded store, which gets the network config that is named, if one is', () => {
  const local = { type: 'local', path: '/var/lib/overlay' }
  expect(settingsOf(['--local-store=/var/lib/overlay']).store).toEqual({
    ...local,
    networkConfigFile: undefined,
  })
  const { store, warnings } = settingsOf([
    '--local-store=/var/lib/overlay',
    '--net-config-path=/etc/net.json',
  ])
  expect(store).toEqual({ ...local, networkConfigFile: '/etc/net.json' })
  expect(warnings.join()).not.toContain('net-config-path')
})

describe('refused, naming the flag and the value:', () => {
  test.each([
    ['--subnet-lease-renew-margin=0', /"?0"? for flag -subnet-lease-renew-margin: it must be 1 to 1439/],
    ['--subnet-lease-renew-margin=1440', /1440 for flag -subnet-lease-renew-margin/],
    ['--healthz-port=65536', /65536 for flag -healthz-port/],
    ['--healthz-port=-1', /-1 for flag -healthz-port/],
    ['--subnet-file=', /"" for flag -subnet-file/],
    ['--public-ip=fd00::1', /"fd00::1" for flag -public-ip: it must be an IPv4 address/],
    ['--public-ip=0.0.0.0', /"0.0.0.0" for flag -public-ip: no peer reaches a host at an unspecified/],
    ['--public-ip=127.1.2.3', /for flag -public-ip: no peer reaches a host at a loopback address/],
    ['--public-ip=224.0.0.5', /for flag -public-ip: no peer reaches a host at a multicast address/],
    ['--public-ip=255.255.255.255', /for flag -public-ip: no peer reaches a host at the broadcast address/],
    ['--public-ipv6=::1', /for flag -public-ipv6: no peer reaches a host at a loopback address/],
    ['--public-ipv6=::ffff:192.0.2.1', /for flag -public-ipv6: no peer reaches a host at an IPv4-mapped/],
    ['--public-ipv6=::', /"::" for flag -public-ipv6: no peer reaches a host at the unspecified/],
    ['--public-ip=10.1', /"10.1" for flag -public-ip: it must be an IPv4 address/],
    ['--public-ipv6=10.0.0.1', /"10.0.0.1" for flag -public-ipv6: it must be an IPv6 address/],
    ['--iface-regex=eth[', /"eth\[" for flag -iface-regex: Invalid regular expression/],
    ['--iface-can-reach=gateway', /"gateway" for flag -iface-can-reach/],
    ['--etcd-endpoints=', /"" for flag -etcd-endpoints/],
    ['--etcd-endpoints=http://a:1,', /"" for flag -etcd-endpoints/],
    ['--etcd-endpoints=unix:///run/etcd', /"unix:\/\/\/run\/etcd" for flag -etcd-endpoints/],
    ['--etcd-certfile=client.pem', /-etcd-certfile and -etcd-keyfile belong together/],
    ['--etcd-username=overlay', /-etcd-username and -etcd-password belong together/],
    ['--etcd-lease-ttl=4s', /"4s" for flag -etcd-lease-ttl/],
    ['--etcd-lease-ttl=5500ms', /"5.5s" for flag -etcd-lease-ttl/],
    ['--kube-subnet-mgr', /flag -kube-subnet-mgr: .*-kubeconfig-file or -kube-api-url/],
    ['--local-store=/a --etcd-endpoints=http://b', /-local-store and -etcd-endpoints name two stores/],
    ['--local-store=/a --kube-subnet-mgr', /-local-store and -kube-subnet-mgr name two stores/],
    ['--iptables-resync=0', /0 for flag -iptables-resync: it must be 1 to 86400/],
    ['--iptables-resync=-5', /-5 for flag -iptables-resync/],
    ['--ip-masq-exceptions=10.0.0.0', /10\.0\.0\.0.* for flag -ip-masq-exceptions: it must be a network/],
    ['--ip-masq-keep-address=pods', /flag -ip-masq-keep-address/],
    ['--rules-name=a_name', /flag -rules-name: it must be 1 to 12/],
    ['--rules-name=thirteen-long', /flag -rules-name/],
  ])('%s', (line, message) => {
    expect(() => settingsOf(line.split(' '))).toThrow(UsageError)
    expect(() => settingsOf(line.split(' '))).toThrow(message)
  })

  test('an endpoint with a password in it, without showing that', () => {
    expect(() => settingsOf(['--etcd-endpoints=http://root:hunter22@etcd:2379'])).toThrow(
      new UsageError(
        'invalid value "etcd:2379" for flag -etcd-endpoints: user and password go into -etcd-username and -etcd-password',
      ),
    )
  })
})

describe('a missing feature is reported, never ignored:', () => {
  test.each([
    ['--kubeconfig-file=/root/.kube/config', /-kubeconfig-file: has no effect without -kube-subnet-mgr/],
    ['--set-node-network-unavailable=true', /-set-node-network-unavailable: has no effect without/],
    ['--ip-masq-fully-random-disable', /-ip-masq-fully-random-disable: has no effect without -ip-masq/],
    ['--use-multi-cluster-cidr=false', /-use-multi-cluster-cidr: has no effect/],
    ['--use-multi-cluster-cidr', /-use-multi-cluster-cidr: has no effect/],
    ['--vmodule=a=1', /-vmodule: has no effect; use -v/],
    ['--log_backtrace_at=a.go:1', /-log_backtrace_at: has no effect/],
  ])('%s', (arg, warning) => {
    expect(settingsOf([arg]).warnings).toEqual([expect.stringMatching(warning)])
  })

  test('nothing is said where nothing of it is asked for', () => {
    expect(
      settingsOf(['--ip-masq', '--ip-masq-fully-random-disable', '--iptables-resync=60']).warnings,
    ).toEqual([])
  })
})

describe('what is sent unencrypted is reported:', () => {
  const user = ['--etcd-username=root', '--etcd-password=hunter2']
  const cluster = ['--kube-subnet-mgr', '--kubeconfig-file=/etc/kubeconfig']
  const kube = (...args: string[]) => {
    const command = readCommandLine(args, { NODE_NAME: 'node1' })
    return command.type === 'run' ? command.settings.warnings : undefined
  }

  test.each<[string[], (string | RegExp)[]]>([
    [
      ['--etcd-endpoints=http://10.0.0.5:2379', ...user],
      [/^flag -etcd-endpoints: .*unencrypted to http:\/\/10\.0\.0\.5/],
    ],
    [['--etcd-endpoints=https://10.0.0.5:2379,http://etcd:2379', ...user], [/to http:\/\/etcd:2379$/]],
    [
      ['--etcd-endpoints=http://10.0.0.5:2379', '--etcd-cafile=/ca.pem'],
      [/^flag -etcd-endpoints: .*no effect there; write https:/],
    ],
    [
      ['--etcd-endpoints=http://127.0.0.1:2379', '--etcd-cafile=/ca.pem', ...user],
      [/^flag -etcd-endpoints: /],
    ],
    [
      ['--etcd-endpoints=http://etcd:2379', '--etcd-cafile=/ca.pem', ...user],
      [/not encrypted/, /the password is sent/],
    ],
    [
      [...cluster, '--kube-api-url=http://10.0.0.5:8080'],
      [/^flag -kube-api-url: credentials .*10\.0\.0\.5:8080$/],
    ],
  ])('%j', (args, warnings) => {
    expect(kube(...args)).toEqual(warnings.map((warning) => expect.stringMatching(warning)))
  })

  test.each([
    [['--etcd-endpoints=https://10.0.0.5:2379', '--etcd-cafile=/ca.pem', ...user]],
    [['--etcd-endpoints=10.0.0.5:2379', '--etcd-cafile=/ca.pem', ...user]],
    [['--etcd-endpoints=http://localhost:2379,http://127.0.0.1:2379,http://[::1]:2379', ...user]],
    [['--etcd-endpoints=http://10.0.0.5:2379']],
    [[...cluster, '--kube-api-url=https://10.0.0.5:6443']],
    [['--kube-subnet-mgr', '--kube-api-url=http://10.0.0.5:8080']],
  ])('not %j', (args) => {
    expect(kube(...args)).toEqual([])
  })
})

describe('help and version', () => {
  test.each([
    [['--help'], 'help'],
    [['-h'], 'help'],
    [['--version'], 'version'],
    [['--version', '--ip-masq'], 'version'],
  ])('%j asks for %s', (args, type) => {
    expect(readCommandLine(args, {}).type).toBe(type)
  })

  test('a version in the environment, where images keep theirs, asks for nothing', () => {
    expect(readCommandLine([], { FLANNELD_VERSION: 'v0.20.2' }).type).toBe('run')
  })

  test('the help lists every flag, its kind and its default', () => {
    const text = helpText(flags, ownFlags, 'selvedged')
    for (const name of Object.keys(flags)) expect(text).toMatch(new RegExp(`^  -${name}( |$)`, 'm'))
    expect(text).toContain('-iface string (repeatable)\n')
    expect(text).toMatch(/-subnet-lease-renew-margin int\n.*\(default 60\)/)
    expect(text).toMatch(/-etcd-prefix string\n.*\(default "\/coreos.com\/network"\)/)
    expect(text).toMatch(/-etcd-lease-ttl duration\n.*\(default 24h\)/)
  })
})

test.each(['0.0.0.0', '::', '::0', ''])(
  'a dashboard that is served everywhere (%j) is warned about',
  (ip) => {
    const { warnings } = settingsOf(['--dashboard', '--healthz-port=8285', `--healthz-ip=${ip}`])
    expect(warnings).toEqual([expect.stringContaining('give -healthz-ip=127.0.0.1')])
  },
)

test.each(['127.0.0.1', '::1', '192.0.2.1'])('a dashboard at %s alone is not', (ip) => {
  const { warnings } = settingsOf(['--dashboard', '--healthz-port=8285', `--healthz-ip=${ip}`])
  expect(warnings).toEqual([])
})

test('a dashboard needs a port', () => {
  expect(settingsOf(['--dashboard', '--healthz-port=8285']).dashboard).toBe(true)
  expect(() => settingsOf(['--dashboard'])).toThrow(
    'flag -dashboard needs a port to be served at: give -healthz-port too',
  )
})
