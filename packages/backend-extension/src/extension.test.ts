import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backendSuite, FakeKernel } from '@selvedge/conformance'
import { createOverlay, type Lease, type NodeContext, parseNetworkConfig } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { extensionBackend } from './backend.js'
import { extension } from './extension.js'

const commands = {
  PostStartupCommand: 'post',
  SubnetAddCommand: 'add $SUBNET',
  SubnetRemoveCommand: 'remove $SUBNET',
}
const networks = {
  IPv4: { Network: '10.5.0.0/16' },
  IPv6: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  'dual-stack': { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
} as const
type Families = keyof typeof networks

function node(network: Families, section: object = commands): NodeContext {
  const config = parseNetworkConfig({ ...networks[network], Backend: { Type: 'extension', ...section } })
  return {
    config,
    externalInterface: {
      name: 'eth0',
      mtu: 1500,
      ipv4: '192.168.64.2',
      ipv6: '2001:db8::2',
      onLink: ['192.168.64.0/24', '2001:db8::/64'],
    },
    publicIp: config.ipv4 && '192.168.64.2',
    publicIpv6: config.ipv6 && '2001:db8::2',
  }
}
const attributes = { publicIp: '192.168.64.3', publicIpv6: '2001:db8::3', backendType: 'extension' }
const own: Lease = { subnet: '10.5.52.0/24', ipv6Subnet: '2001:cafe:42:52::/64', attributes }
const peer: Lease = {
  subnet: '10.5.7.0/24',
  ipv6Subnet: '2001:cafe:42:7::/64',
  attributes: { ...attributes, backendData: 'aa:bb' },
}
const pure = (published?: string) => extensionBackend({ published, startup: 'first', drivers: () => [] })

backendSuite(
  { describe, it },
  { setup: (number) => pure(`node ${number}`), section: { Type: 'extension', ...commands } },
)

describe('the variables of a command for a peer', () => {
  const none = { SUBNET: '', PUBLIC_IP: '', IPV6SUBNET: '', PUBLIC_IPV6: '', NETWORK: '', IPV6NETWORK: '' }
  const ipv4 = { SUBNET: '10.5.7.0/24', PUBLIC_IP: '192.168.64.3', NETWORK: '10.5.0.0/16' }
  const ipv6 = {
    IPV6SUBNET: '2001:cafe:42:7::/64',
    PUBLIC_IPV6: '2001:db8::3',
    IPV6NETWORK: '2001:cafe:42::/48',
  }
  test.each<[Families, lease: Lease, variables: object]>([
    ['IPv4', peer, { ...none, ...ipv4 }],
    ['IPv6', peer, { ...none, ...ipv6 }],
    ['dual-stack', peer, { ...none, ...ipv4, ...ipv6 }],
    [
      'dual-stack',
      { ...peer, ipv6Subnet: undefined },
      { ...none, ...ipv4, IPV6NETWORK: '2001:cafe:42::/48' },
    ],
  ])('%s', (network, lease, environment) => {
    const resources = pure().peer(lease, { ...node(network), lease: own })
    expect(resources).toEqual([
      expect.objectContaining({
        environment,
        input: 'aa:bb',
        add: { name: 'SubnetAddCommand', text: 'add $SUBNET', shell: false },
        remove: { name: 'SubnetRemoveCommand', text: 'remove $SUBNET', shell: false },
      }),
    ])
  })

  test('both families of a peer are one command, and so is each half of it', () => {
    const keyOf = (lease: Lease, network: Families) =>
      pure()
        .peer(lease, { ...node(network), lease: own })
        .map(({ key }) => key)
    const halves = [peer, { ...peer, subnet: undefined }, { ...peer, ipv6Subnet: undefined }]
    for (const half of halves) {
      expect(keyOf(half, 'dual-stack')).toEqual(['command 192.168.64.3 2001:db8::3'])
    }
    expect(keyOf(peer, 'IPv4')).toEqual(['command 10.5.7.0/24'])
    expect(keyOf(peer, 'IPv6')).toEqual(['command 2001:cafe:42:7::/64'])
  })

  test('those of the start are its own', () => {
    expect(pure('data').local({ ...node('dual-stack'), lease: own })).toEqual([
      expect.objectContaining({
        add: { name: 'PostStartupCommand', text: 'post', shell: false },
        input: 'data',
        environment: {
          SUBNET: '10.5.52.0/24',
          IPV6SUBNET: '2001:cafe:42:52::/64',
          PUBLIC_IP: '192.168.64.2',
          PUBLIC_IPV6: '2001:db8::2',
          NETWORK: '10.5.0.0/16',
          IPV6NETWORK: '2001:cafe:42::/48',
        },
      }),
    ])
  })
})

test('a peer whose data is no text is refused, and one without data gets an empty line', () => {
  const context = { ...node('IPv4'), lease: own }
  const withData = (backendData: unknown) =>
    ({ ...peer, attributes: { ...attributes, backendData } }) as Lease
  expect(() => pure().peer(withData({ VNI: 1 }), context)).toThrow(
    expect.objectContaining({ code: 'INVALID_LEASE', message: expect.stringContaining('10.5.7.0/24') }),
  )
  expect(pure().peer(withData(undefined), context)).toMatchObject([{ input: '' }])
})

test('commands of white space, null or none are not run', () => {
  const section = { PostStartupCommand: ' \n', SubnetAddCommand: null, ShutdownCommand: '' }
  const context = { ...node('IPv4', section), lease: own }
  expect(pure().local(context)).toEqual([])
  expect(pure().peer(peer, context)).toEqual([])
})

test('warnings', () => {
  const quoted = 'contains quotes or operators of a shell, and is run without one'
  expect(pure().warnings?.(node('IPv4', { SubnetAddCommand: 'ip route add "$SUBNET"', Port: 1 }))).toEqual([
    expect.stringContaining('the key Port means nothing'),
    expect.stringContaining(`SubnetAddCommand ${quoted}`),
    expect.stringContaining('there is no SubnetRemoveCommand'),
  ])
  const shell = { shell: true, subnetaddcommand: 'a | b', SubnetRemoveCommand: 'c && d' }
  expect(pure().warnings?.(node('IPv4', shell))).toEqual([])
})

test.each<[section: object, says: string]>([
  [{ SubnetAddCommand: ['token'] }, 'SubnetAddCommand is a list, but must be text'],
  [{ Shell: 'yes' }, 'Shell is "yes", but must be true or false'],
  [{ CommandTimeout: 0 }, 'CommandTimeout is 0, but must be a whole number from 1 to 3600'],
])('settings %j are refused', async (section, says) => {
  const failure = extension().load(node('IPv4', section), {})
  await expect(failure).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  await expect(failure).rejects.toThrow(says)
  await expect(failure).rejects.not.toThrow('token')
})

describe('PreStartupCommand', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'selvedge-extension-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const load = (text: string, section: object = {}) =>
    extension({ folder, environment: { PATH: process.env.PATH } }).load(
      node('dual-stack', { PreStartupCommand: text, Shell: true, ...section }),
      {},
    )

  test('is published as flannel does, byte for byte: both streams, trimmed, as text', async () => {
    const context = node('dual-stack')
    const backend = await load('echo; echo "a \\"b"; echo $NETWORK $PUBLIC_IPV6')
    expect(encodeLeaseAttributes(backend.attributes(context))).toBe(
      '{"PublicIP":"192.168.64.2","PublicIPv6":"2001:db8::2","BackendType":"extension",' +
        '"BackendData":"a \\"b\\n10.5.0.0/16 2001:db8::2"}',
    )
    expect(encodeLeaseAttributes((await load('')).attributes(context))).not.toContain('BackendData')
    expect(encodeLeaseAttributes((await load('echo err >&2')).attributes(context))).toContain(
      '"BackendData":"err"',
    )
    expect(encodeLeaseAttributes((await load('true')).attributes(context))).toContain('"BackendData":""')
  })

  test('that fails, prints too much or takes too long keeps the node from starting', async () => {
    await expect(load('exit 7')).rejects.toThrow(
      'PreStartupCommand for this node failed: sh exited with status 7',
    )
    await expect(load('head -c 40000 /dev/zero')).rejects.toThrow('printed more than the 32768 bytes')
    await expect(load('head -c 20000 /dev/zero')).rejects.toThrow('printed more than the 32768 bytes')
    await expect(load('sleep 1000', { CommandTimeout: 1 })).rejects.toThrow(
      'took longer than 1 s, and was killed',
    )
  })

  test('makes each start another one, and nothing else does', async () => {
    const startupOf = async (section: object) => {
      const backend = await extension({ folder }).load(node('IPv4', section), {})
      const [resource] = backend.peer(peer, { ...node('IPv4', section), lease: own })
      return resource
    }
    const section = { ...commands, PostStartupCommand: null }
    expect(await startupOf(section)).toEqual(await startupOf(section))
    const withStart = { ...section, PreStartupCommand: 'true' }
    expect(await startupOf(withStart)).not.toEqual(await startupOf(withStart))
  })
})

test('what it has left for a network of another backend by now is undone, and tried once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-extension-'))
  try {
    const backend = extension({ folder, environment: { PATH: process.env.PATH, LOG: join(folder, 'log') } })
    const leftIn = async (context: NodeContext) => (await backend.leftovers?.(context, {})) ?? []
    const context = node('IPv4', {
      Shell: true,
      SubnetAddCommand: 'true',
      SubnetRemoveCommand: 'echo $SUBNET >> $LOG; test $SUBNET != 10.5.8.0/24',
    })
    const loaded = await backend.load(context, {})
    const [driver] = loaded.drivers?.(context) ?? []
    for (const lease of [peer, { ...peer, subnet: '10.5.8.0/24' }]) {
      const [resource] = loaded.peer(lease, { ...context, lease: own })
      if (resource !== undefined) await driver?.apply([{ type: 'put', resource }])
    }
    const now = node('IPv4', { Type: 'vxlan' })
    const [left] = await leftIn(now)
    const found = (await left?.snapshot({ aliases: [], links: [], networks: [] })) ?? []
    const results = await left?.apply(found.map((resource) => ({ type: 'delete', resource })))
    expect(results?.map(({ ok }) => ok)).toEqual([true, false])
    expect(await readFile(join(folder, 'log'), 'utf8')).toBe('10.5.7.0/24\n10.5.8.0/24\n')
    expect(await leftIn(now)).toEqual([])
    expect(await leftIn(node('IPv6'))).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a PostStartupCommand that fails keeps the node from starting, and is not quoted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-extension-'))
  try {
    const section = { Type: 'extension', Shell: true, PostStartupCommand: ': token; echo no >&2; exit 3' }
    const kernel = new FakeKernel({ interfaces: [{ name: 'eth0', addresses: ['192.168.64.2/24'] }] })
    const overlay = createOverlay({
      subnets: new MemorySubnetManager(
        new MemoryStore({ config: { Network: '10.5.0.0/16', Backend: section } }),
      ),
      backend: extension({ folder, environment: { PATH: process.env.PATH } }),
      drivers: [kernel.driver()],
    })
    const started = overlay.start()
    await expect(started).rejects.toThrow(
      'PostStartupCommand for this node failed: sh exited with status 3: no',
    )
    await expect(started).rejects.not.toThrow('token')
    await overlay.stop()
  } finally {
    await rm(folder, { recursive: true })
  }
})
