import { describe, expect, test } from 'vitest'
import { readCommandLine } from './command-line.js'
import { UsageError } from './flag-set.js'

function run(args: readonly string[], variables: Record<string, string> = {}) {
  const command = readCommandLine(args, variables)
  if (command.type !== 'run') throw new Error(`not a run but ${command.type}`)
  return command
}

const settingsOf = (...input: Parameters<typeof run>) => run(...input).settings

const DEFAULTS = {
  type: 'nats',
  servers: ['nats://10.0.0.5:4222'],
  bucket: 'selvedge',
  domain: undefined,
  credentials: undefined,
  tls: {},
  leaseTermMs: 86_400_000,
  replicas: 1,
}

test('a URL is enough', () => {
  const { store, warnings } = settingsOf(['--nats-servers=nats://10.0.0.5:4222'])
  expect(store).toEqual(DEFAULTS)
  expect(warnings).toEqual([])
})

test('servers may come without a scheme, with spaces, by IPv6 and with TLS', () => {
  const { store } = settingsOf(['--nats-servers=10.0.0.5, [fd00::5]:4223,tls://nats.example.com'])
  expect(store).toEqual({
    ...DEFAULTS,
    servers: ['nats://10.0.0.5', 'nats://[fd00::5]:4223', 'tls://nats.example.com'],
  })
})

test('all of it from the environment', () => {
  const { store } = settingsOf([], {
    FLANNELD_NATS_SERVERS: 'nats://10.0.0.5:4222',
    FLANNELD_NATS_BUCKET: 'edge-7',
    FLANNELD_NATS_DOMAIN: 'hub',
    FLANNELD_NATS_CREDS: '/etc/selvedge/node.creds',
    FLANNELD_NATS_CAFILE: '/etc/nats/ca.pem',
    FLANNELD_NATS_CERTFILE: '/etc/nats/node.pem',
    FLANNELD_NATS_KEYFILE: '/etc/nats/node.key',
    FLANNELD_NATS_LEASE_TTL: '1h',
    FLANNELD_NATS_REPLICAS: '3',
  })
  expect(store).toEqual({
    ...DEFAULTS,
    bucket: 'edge-7',
    domain: 'hub',
    credentials: { credsFile: '/etc/selvedge/node.creds' },
    tls: { caFile: '/etc/nats/ca.pem', certFile: '/etc/nats/node.pem', keyFile: '/etc/nats/node.key' },
    leaseTermMs: 3_600_000,
    replicas: 3,
  })
})

test.each([
  ['--nats-username=node --nats-password=hunter22', { username: 'node', password: 'hunter22' }],
  ['--nats-token=s3cr3t-token', { token: 's3cr3t-token' }],
  ['--nats-nkey=/etc/node.nk', { nkeyFile: '/etc/node.nk' }],
])('credentials: %s', (line, credentials) => {
  const { store } = settingsOf(['--nats-servers=127.0.0.1', ...line.split(' ')])
  expect(store).toMatchObject({ credentials })
})

describe('a secret', () => {
  const secret = ['--nats-servers=nats://10.0.0.5', '--nats-username=node', '--nats-password=hunter22']

  test('is not among the arguments that are shown', () => {
    expect(run(secret).safeArgs.join(' ')).not.toContain('hunter22')
    expect(run(['--nats-servers=a', '--nats-token', 'hunter22']).safeArgs.join(' ')).not.toContain('hunter22')
  })

  test.each([
    [secret, /^flag -nats-servers: the password is sent unencrypted to nats:\/\/10\.0\.0\.5 if/],
    [['--nats-servers=nats://a', '--nats-token=hunter22'], /the token is sent unencrypted to nats:\/\/a if/],
  ])('that may be read on its way is warned of', (args, warning) => {
    expect(settingsOf(args).warnings).toEqual([expect.stringMatching(warning)])
    expect(settingsOf(args).warnings.join()).not.toContain('hunter22')
  })

  test.each([
    [['--nats-servers=tls://10.0.0.5', '--nats-token=hunter22']],
    [['--nats-servers=10.0.0.5', '--nats-cafile=/ca.pem', '--nats-token=hunter22']],
    [['--nats-servers=127.0.0.1,[::1]:4222,localhost', '--nats-token=hunter22']],
    [['--nats-servers=10.0.0.5', '--nats-creds=/etc/node.creds']],
  ])('that none can read is not: %j', (args) => {
    expect(settingsOf(args).warnings).toEqual([])
  })

  test('in a URL is refused, and not repeated', () => {
    const read = () => settingsOf(['--nats-servers=nats://node:hunter22@10.0.0.5'])
    expect(read).toThrow(/invalid value "10\.0\.0\.5" for flag -nats-servers: user and password go into/)
  })
})

test.each([
  ['--nats-servers=http://10.0.0.5', /for flag -nats-servers: each must be a URL such as nats:/],
  ['--nats-servers=10.0.0.5,', /"" for flag -nats-servers/],
  ['--nats-servers=10.0.0.5:99999', /"10.0.0.5:99999" for flag -nats-servers/],
  ['--nats-servers=10.0.0.5/path', /for flag -nats-servers/],
  ['--nats-servers=a --nats-bucket=a.b', /"a\.b" for flag -nats-bucket: it may have letters/],
  ['--nats-servers=a --nats-bucket=', /"" for flag -nats-bucket/],
  ['--nats-servers=a --nats-lease-ttl=4s', /"4s" for flag -nats-lease-ttl/],
  ['--nats-servers=a --nats-replicas=2', /2 for flag -nats-replicas: it must be 1, 3 or 5/],
  ['--nats-servers=a --nats-certfile=c.pem', /-nats-certfile and -nats-keyfile belong together/],
  ['--nats-servers=a --nats-username=u', /-nats-username and -nats-password belong together/],
  ['--nats-servers=a --nats-token=t --nats-creds=f', /say who this node is: give one of them/],
  ['--nats-servers=a --etcd-endpoints=http://b', /-nats-servers and -etcd-endpoints name two stores/],
  ['--nats-servers=a --kube-subnet-mgr', /-nats-servers and -kube-subnet-mgr name two stores/],
  ['--nats-servers=a --local-store=/b', /-local-store and -nats-servers name two stores/],
])('refused: %s', (line, message) => {
  expect(() => settingsOf(line.split(' '))).toThrow(UsageError)
  expect(() => settingsOf(line.split(' '))).toThrow(message)
})

test('flags of NATS have no effect without servers, and are not ignored silently', () => {
  const { store, warnings } = settingsOf(['--nats-bucket=edge', '--nats-servers='])
  expect(store.type).toBe('etcd')
  expect(warnings).toEqual(['flag -nats-bucket: has no effect without -nats-servers'])
})
