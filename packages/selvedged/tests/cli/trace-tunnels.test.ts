/**
 * `selvedge trace` over tunnels that a kernel may lack: as the leases require, then with one difference. Names of tests say
 * what was run: wireguard-go and charon carry packets if the kernel here does not.
 */
import { hasKernelWireguard, hasLinkType, kernelHasEsp } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { kernelAt, stepsOf, tracedRig } from './tracing.js'

const Network = '10.244.0.0/16'
const both = { EnableIPv6: true, IPv6Network: 'fd00:244::/48' }
const ANSWERED = { sent: 3, received: 3 }
const UNDERLAY = ['underlay route', 'underlay device', 'underlay neighbour']

const HAS_WIREGUARD = hasKernelWireguard()
const HAS_ESP = await kernelHasEsp()
const HAS_IPIP = hasLinkType('ipip') && hasLinkType('ip6tnl')

test(`wireguard of both families, by ${HAS_WIREGUARD ? 'the kernel' : 'wireguard-go: this kernel has no WireGuard'}`, async () => {
  await using traced = await tracedRig({ Network, ...both, Backend: { Type: 'wireguard' } })
  const { agents, pods, trace, beside } = traced
  const [far = '', farIpv6 = ''] = pods[1]?.addresses ?? []
  for (const [address, endpoint] of [
    [far, '192.168.77.2:51820'],
    [farIpv6, '[fd77::2]:51821'],
  ] as const) {
    const well = await trace(address)
    expect(well).toMatchObject({ status: 0, from: 'agent', differing: [], probe: ANSWERED })
    expect(stepsOf(well)).toEqual(['route', 'device', 'peer', 'handshake', 'wireguard', ...UNDERLAY])
    expect(kernelAt(well, 'peer')).toContain(` at ${endpoint}, allowed `)
    expect(kernelAt(well, 'handshake')).toMatch(/^\d+s ago$/)
  }
  for (const each of agents) await each.stop()
  // Another peer takes the subnet away.
  const { subnet = '' } = (await agents[1]?.subnetEnv()) ?? {}
  const stranger = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE='
  await beside('wg', 'set', 'flannel-wg', 'peer', stranger, 'allowed-ips', subnet)
  const stolen = await trace(far)
  expect(stolen).toMatchObject({ status: 2, from: 'plan', differing: ['peer'], probe: { received: 0 } })
  expect(kernelAt(stolen, 'peer')).toContain(`${stranger} at no known endpoint`)
  expect(kernelAt(stolen, 'handshake')).toMatch(/^never/)
  await beside('wg', 'set', 'flannel-wg', 'peer', stranger, 'remove')
  expect(kernelAt(await trace(far, '--no-probe'), 'peer')).toBe(`none may be sent to ${far}: it is dropped`)
  expect(await trace(farIpv6)).toMatchObject({ status: 0, differing: [], probe: ANSWERED })
})

test.runIf(HAS_ESP)(
  'ipsec, by the kernel: policy and state; then a packet that is dropped, one in plain',
  async () => {
    await using traced = await tracedRig({ Network, Backend: { Type: 'ipsec', PSK: 'tRaCeD'.repeat(16) } })
    const { first, agents, pods, trace } = traced
    const [near = '', far = ''] = pods.map(({ addresses }) => addresses[0])
    const [own = '', peer = ''] = (await Promise.all(agents.map((agent) => agent.subnetEnv()))).map(
      ({ subnet }) => subnet,
    )
    const well = await trace(near, far, '--no-probe')
    expect(well).toMatchObject({ status: 0, from: 'agent', differing: [] })
    expect(stepsOf(well)).toEqual([
      'route',
      'device',
      'ipsec policy',
      'ipsec state',
      'charon',
      'connection',
      ...UNDERLAY,
    ])
    expect(kernelAt(well, 'ipsec policy')).toBe(
      `from ${own} to ${peer}: in esp from 192.168.77.1 to 192.168.77.2`,
    )
    expect(kernelAt(well, 'ipsec state')).toMatch(
      /^esp from 192\.168\.77\.1 to 192\.168\.77\.2, spi 0x[0-9a-f]{8}/,
    )

    await first.ip('xfrm', 'state', 'flush')
    agents[0]?.signal('SIGSTOP')
    await agents[0]?.kill()
    await first.ip('xfrm', 'policy', 'delete', 'src', own, 'dst', peer, 'dir', 'out')
    const dropped = await trace(near, far, '--no-probe')
    expect(dropped).toMatchObject({ status: 2, from: 'plan' })
    expect(dropped.differing).toContain('ipsec policy')
    expect(kernelAt(dropped, 'ipsec policy')).toMatch(/: dropped$/)
    await first.ip('xfrm', 'policy', 'flush')
    const plain = await trace(near, far, '--no-probe')
    expect(plain.differing).toContain('ipsec policy')
    expect(kernelAt(plain, 'ipsec policy')).toBe('none: the packet leaves in plain')
  },
)

test.runIf(!HAS_ESP)(
  "ipsec, by charon: its route and the connection; then another's route (the kernel's policies are NOT TESTED: it has no ESP)",
  async () => {
    await using traced = await tracedRig({ Network, Backend: { Type: 'ipsec', PSK: 'tRaCeD'.repeat(16) } })
    const { first, pods, trace } = traced
    const [near = '', far = ''] = pods.map(({ addresses }) => addresses[0])
    const well = await trace(near, far, '--no-probe')
    expect(well).toMatchObject({ status: 0, from: 'agent', differing: [] })
    expect(stepsOf(well)).toEqual(['route', 'device', 'charon', 'connection', ...UNDERLAY])
    expect(kernelAt(well, 'route')).toMatch(/ dev ipsec0 table 220 /)
    await first.ip('route', 'add', 'blackhole', `${far}/32`, 'table', '220')
    expect(await trace(near, far, '--no-probe')).toMatchObject({ status: 2, differing: ['route'] })
  },
)

test.runIf(HAS_IPIP)(
  'ipip of both families: the tunnel, its onlink route, and the way of its packets; then another end',
  async () => {
    await using traced = await tracedRig({ Network, ...both, Backend: { Type: 'ipip' } })
    const { first, agents, pods, trace } = traced
    const [far = '', farIpv6 = ''] = pods[1]?.addresses ?? []
    for (const [address, end] of [
      [far, '192.168.77.2'],
      [farIpv6, 'fd77::2'],
    ] as const) {
      const well = await trace(address)
      expect(well).toMatchObject({ status: 0, differing: [], probe: ANSWERED })
      expect(stepsOf(well)).toEqual(['route', 'device', ...UNDERLAY])
      expect(kernelAt(well, 'underlay route')).toContain(`to ${end}: `)
    }
    const { subnet = '' } = (await agents[1]?.subnetEnv()) ?? {}
    const device = /dev (\S+)/.exec(await first.ip('-6', 'route', 'get', farIpv6))?.[1] ?? ''
    for (const each of agents) await each.stop()
    await first.ip(
      'route',
      'change',
      subnet,
      'via',
      '192.168.77.200',
      'dev',
      'flannel.ipip',
      'onlink',
      'proto',
      '157',
    )
    const wrong = await trace(far, '--no-probe')
    expect(wrong).toMatchObject({ status: 2, from: 'plan', differing: ['route'] })
    expect(kernelAt(wrong, 'underlay route')).toMatch(/^to 192\.168\.77\.200: /)
    await first.ip('link', 'set', device, 'type', 'ip6tnl', 'remote', 'fd77::9')
    const elsewhere = await trace(farIpv6, '--no-probe')
    expect(elsewhere).toMatchObject({ status: 2, differing: ['device'] })
    expect(kernelAt(elsewhere, 'device')).toContain(' ip6tnl to fd77::9 ')
  },
)

test.runIf(!HAS_IPIP)('NOT TESTED over ipip: this kernel lacks ipip or ip6_tunnel', () => {
  expect(HAS_IPIP).toBe(false)
})
