import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Datagrams, PingStream, ping, pingMatrix, until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { printTime } from './print-time.js'
import { Rig, vxlanConfig } from './rig.js'

/** Nothing of the kind may be in any test's log: an error is a fault that was not meant. */
const ERROR = 50

describe('two agents on one etcd', () => {
  test.each([
    ['vxlan', vxlanConfig, {}],
    ['host-gw', { Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } }, {}],
    [
      'dual-stack vxlan',
      { ...vxlanConfig, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' },
      { ipv6: true },
    ],
  ])('%s: pods reach each other, and a stop is quick and leaves it so', async (_, config, options) => {
    await using rig = await Rig.create(config, options)
    const { agents, pods } = await rig.joinAll()
    const matrix = await pingMatrix([...pods, ...rig.lab.hosts], pods)
    expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
    expect(matrix.length).toBeGreaterThan(0)
    const stops = await Promise.all(agents.map((agent) => agent.stop()))
    for (const { status, after } of stops) {
      printTime('SIGTERM to the end of the process', after)
      expect(status).toBe(0)
      expect(after).toBeLessThan(2_000)
    }
    expect((await pingMatrix(pods, pods)).filter(({ lost }) => lost > 0)).toEqual([])
    const errors = agents.flatMap(({ logs }) => logs.filter(({ level }) => level >= ERROR))
    expect(errors).toEqual([])
  })
})

test('kill -9 and a new start: the same subnet, the same MAC, no ping of a running stream lost', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const { agents, pods } = await rig.joinAll()
  const [first, second] = agents
  const [from, to] = pods
  if (first === undefined || second === undefined || from === undefined || to === undefined) throw new Error()
  const leases = await rig.etcd.leases()
  const stream = await PingStream.start(from, to.addresses[0] ?? '')
  const before = await readFile(second.subnetFile, 'utf8')
  await second.kill()
  const again = rig.start(1)
  await again.inSync()
  const { after } = await again.ready()
  printTime('restart to subnet.env', after)
  expect(await ping(from, to.addresses[0] ?? '')).toMatchObject({ lost: 0 })
  expect(await stream.stop()).toMatchObject({ lost: 0 })
  expect(await readFile(again.subnetFile, 'utf8')).toBe(before)
  expect(await rig.etcd.leases()).toEqual(leases)
})

test('an external interface with another MTU: subnet.env follows', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const agent = rig.start(0)
  expect(await agent.ready()).toMatchObject({ mtu: 1450 })
  await agent.inSync()
  await agent.host.ip('link', 'set', 'eth0', 'mtu', '1400')
  await until('the new MTU in subnet.env', async () =>
    (await agent.subnetEnv()).mtu === 1350 ? true : undefined,
  )
})

describe('the interface to peers', () => {
  test('is the first that exists, and the given public address is published', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const args = [
      '--iface=nosuch0',
      '--iface=192.0.2.99',
      '--iface-regex=^eth\\d$',
      '--public-ip=198.51.100.7',
    ]
    const agent = rig.start(0, { args })
    await agent.inSync()
    expect([...(await rig.etcd.leases()).values()]).toEqual([
      expect.stringContaining('"PublicIP":"198.51.100.7"'),
    ])
    expect(await agent.host.ip('-details', 'link', 'show', 'flannel.1')).toMatch(
      /local 192\.168\.77\.1 dev eth0/,
    )
  })

  test('is waited for, telling what there is', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = rig.start(0, { args: ['--iface=late0'] })
    expect(await agent.logged(/late0/)).toMatchObject({
      code: 'INTERFACE_NOT_FOUND',
      msg: expect.stringContaining('eth0'),
    })
    await agent.host.ipBatch([
      'link add late0 type bridge',
      'address add 192.0.2.1/24 dev late0',
      'link set late0 up',
    ])
    await agent.inSync()
  })
})

test('systemd is notified: ready once subnet.env is written, alive, stopping', async () => {
  await using rig = await Rig.create(undefined, { hosts: 1 })
  const socket = join(rig.lab.directory, 'notify')
  await using systemd = await Datagrams.listen(socket)
  const agent = rig.start(0, { variables: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' } })
  await systemd.receiving('WATCHDOG=1')
  await systemd.receiving(/^STATUS=.*etcd holds no network config/)
  expect(systemd.received).not.toContain('READY=1')
  await rig.etcd.putConfig(vxlanConfig)
  await systemd.receiving('READY=1')
  const { subnet } = await agent.ready()
  await systemd.receiving(`STATUS=${subnet}, 1 leases, in sync`)
  await agent.stop()
  await systemd.receiving('STOPPING=1')
})
