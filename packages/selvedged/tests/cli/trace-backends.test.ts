/** `selvedge trace` over backends that every kernel carries: as the leases require, then with one difference. */
import { expect, test } from 'vitest'
import { kernelAt, stepsOf, tracedRig } from './tracing.js'

const Network = '10.244.0.0/16'
const ANSWERED = { sent: 3, received: 3 }
const UNDERLAY = ['underlay route', 'underlay device', 'underlay neighbour']

test('udp: the TUN device, the proxy, its peer, and the way of its packets; then without an agent', async () => {
  await using traced = await tracedRig({ Network, Backend: { Type: 'udp' } })
  const { first, agents, pods, trace } = traced
  const [near = '', far = ''] = pods.map(({ addresses }) => addresses[0])
  const well = await trace(near, far)
  expect(well).toMatchObject({ status: 0, from: 'agent', differing: [], probe: { sent: 3 } })
  expect(stepsOf(well)).toEqual(['route', 'device', 'proxy', "proxy's peer", ...UNDERLAY])
  expect(kernelAt(well, "proxy's peer")).toMatch(/^packets for \S+\/24 go to 192\.168\.77\.2, UDP port 8285$/)
  expect(kernelAt(well, 'underlay route')).toMatch(/^to 192\.168\.77\.2: 192\.168\.77\.0\/24 dev eth0/)
  expect(await trace(far)).toMatchObject({ status: 0, differing: [], probe: ANSWERED })

  await first.ip('route', 'add', `${far}/32`, 'via', '192.168.77.254')
  expect(await trace(far, '--no-probe')).toMatchObject({ status: 2, differing: ['route'] })
  await first.ip('route', 'delete', `${far}/32`)

  await agents[0]?.stop()
  const without = await trace(far)
  expect(without).toMatchObject({ status: 2, from: 'plan', differing: ['device'], probe: { received: 0 } })
  expect(kernelAt(without, 'device')).toContain('no process holds it')
})

test('host-gw of both families: the gateway and its neighbour; then another gateway', async () => {
  const both = { EnableIPv6: true, IPv6Network: 'fd00:244::/48' }
  await using traced = await tracedRig({ Network, ...both, Backend: { Type: 'host-gw' } })
  const { first, agents, pods, trace } = traced
  const [far = '', farIpv6 = ''] = pods[1]?.addresses ?? []
  for (const address of [far, farIpv6]) {
    const well = await trace(address)
    expect(well).toMatchObject({ status: 0, differing: [], probe: ANSWERED })
    expect(stepsOf(well)).toEqual(['route', 'device', 'neighbour'])
  }
  const { ipv6Subnet = '' } = (await agents[1]?.subnetEnv()) ?? {}
  for (const each of agents) await each.stop()
  await first.ip('-6', 'route', 'change', ipv6Subnet, 'via', 'fd77::fe', 'dev', 'eth0', 'proto', '157')
  expect(await trace(farIpv6, '--no-probe')).toMatchObject({ status: 2, from: 'plan', differing: ['route'] })
  expect(await trace(far)).toMatchObject({ status: 0, differing: [], probe: ANSWERED })
})

test('extension: what is recorded as run, and the way that the commands made; then without the record, and without the way', async () => {
  await using traced = await tracedRig({
    Network,
    Backend: {
      Type: 'extension',
      Shell: true,
      SubnetAddCommand: 'ip route replace "$SUBNET" via "$PUBLIC_IP"; : SeCrEtToKeN',
      SubnetRemoveCommand: ':',
    },
  })
  const { rig, first, agents, pods, trace, traceText } = traced
  const far = pods[1]?.addresses[0] ?? ''
  const well = await trace(far)
  expect(well).toMatchObject({ status: 0, differing: [], probe: ANSWERED })
  expect(stepsOf(well)).toEqual(['route', 'device', 'neighbour', 'command'])
  expect(kernelAt(well, 'route')).toMatch(/ via 192\.168\.77\.2 dev eth0 /)
  expect(kernelAt(well, 'command')).toMatch(/^for \S+\/24: recorded as run$/)
  expect(await traceText(far)).not.toContain('SeCrEtToKeN')

  const { subnet = '' } = (await agents[1]?.subnetEnv()) ?? {}
  await first.ip('route', 'delete', subnet)
  // Nobody but the operator's commands knows that it is missing; no echo is answered.
  expect(await trace(far)).toMatchObject({ status: 1, differing: [], probe: { received: 0 } })
  await agents[0]?.stop()
  await first.exec('rm', ['-r', `${rig.lab.directory}/${first.name}/commands`])
  expect(await trace(far, '--no-probe')).toMatchObject({ status: 2, from: 'plan', differing: ['command'] })
})
