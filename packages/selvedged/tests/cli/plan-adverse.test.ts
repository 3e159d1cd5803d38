/** `selvedge plan` where something is missing, denied, left over, lost or under way; it changes nothing then either. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { onEtcd, PlannedHost } from './planned-host.js'

const NOTHING = { status: 0, stdout: 'an agent would change nothing\n', stderr: '' }

interface Page {
  readonly lease: { readonly key: string; readonly change: string; readonly record: readonly object[] }
  readonly operations: readonly {
    readonly type: string
    readonly resource: { readonly key: string }
    readonly actual?: object
    readonly differences?: readonly object[]
  }[]
  readonly unknown: readonly string[]
}

const keysOf = ({ operations }: Page) =>
  operations.map(({ type, resource, actual }) => `${actual === undefined ? type : 'change'} ${resource.key}`)

const pageOf = async (planned: PlannedHost): Promise<Page> =>
  JSON.parse((await planned.plan('--json')).stdout)

test('without a config, with one that breaks a rule, without the right to write, and without the store', async () => {
  await using rig = await Rig.create(undefined, { hosts: 1 })
  const planned = await PlannedHost.create(onEtcd(rig), 0)
  const none = await planned.plan()
  expect(none.stderr).toMatch(/nothing to plan yet, an agent waits: etcd holds no network config/)
  expect(none).toMatchObject({ status: 5, stdout: '' })

  await rig.etcd.putConfig({ Network: '10.244.0.0/33' })
  const malformed = await planned.plan()
  expect(malformed.stderr).toMatch(/10\.244\.0\.0\/33/)
  expect(malformed).toMatchObject({ status: 1, stdout: '' })

  await rig.etcd.putConfig(vxlanConfig)
  const denied = await planned.planBy(['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin'])
  expect(denied.stderr).toMatch(/EPERM.*CAP_NET_ADMIN/s)
  expect(denied).toMatchObject({ status: 1, stdout: '' })

  await rig.etcd.kill()
  const away = await planned.planInMotion()
  expect(away.stderr).toMatch(/etcd/)
  expect(away).toMatchObject({ status: 4, stdout: '' })
})

test('what two other backends have left goes; a lease that has ended is taken again; an agent that starts meanwhile', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [peer, planned] = [await PlannedHost.create(onEtcd(rig), 0), await PlannedHost.create(onEtcd(rig), 1)]
  const other = peer.start()
  await other.inSync()
  const agent = planned.start()
  const meanwhile = await Promise.all([planned.planInMotion(), planned.planInMotion()])
  for (const { status, stderr } of meanwhile) expect([status, stderr]).toEqual([expect.toBeOneOf([0, 2]), ''])
  await agent.inSync()
  const { subnet = '' } = await agent.ready()
  const key = subnet.replace('/', '-')
  expect(await planned.plan()).toEqual(NOTHING)
  await agent.stop()

  await rig.etcd.delete(key)
  expect(await planned.plan()).toMatchObject({
    status: 2,
    stdout: expect.stringMatching(
      new RegExp(`^\\+ lease ${key} in etcd\\n1 to add \\(1 lease\\), 0 to change, 0 to delete\\n$`),
    ),
  })

  await other.stop()
  // As if the machine had come from vxlan by way of an extension whose agent was killed.
  const { ifalias } = JSON.parse(await planned.host.ip('-json', 'link', 'show', 'flannel.1'))[0]
  await rig.etcd.putConfig({
    Network: '10.244.0.0/16',
    Backend: { Type: 'extension', SubnetAddCommand: 'true', SubnetRemoveCommand: 'touch /run/removed' },
  })
  const peers = [...(await rig.etcd.leases()).keys()].map((each) => each.replace('-24', '/24'))
  await rig.etcd.put(`${peers[0]?.replace('/', '-')}`, record('192.168.77.1', 'extension', 'data'))
  const second = planned.start()
  await second.inSync()
  await second.kill()
  await planned.host.ip('link', 'add', 'flannel.1', 'type', 'vxlan', 'id', '1', 'dstport', '8472')
  await planned.host.ip('link', 'set', 'flannel.1', 'alias', ifalias)
  await rig.etcd.putConfig({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } })
  await rig.etcd.put(`${peers[0]?.replace('/', '-')}`, record('192.168.77.1', 'host-gw'))
  const leftover = await pageOf(planned)
  expect(leftover.lease).toMatchObject({
    key,
    change: 'rewritten',
    record: [{ name: 'BackendType', before: 'extension', after: 'host-gw' }],
  })
  expect(keysOf(leftover)).toEqual([
    `put route 254 ${peers[0]} 0 0`,
    `delete command ${peers[0]}`,
    'delete link flannel.1',
  ])
})

const record = (address: string, type: string, data?: string): string =>
  JSON.stringify({ PublicIP: address, PublicIPv6: null, BackendType: type, BackendData: data })

test('wireguard whose key file is lost: the new key is not guessed, and what would change by it is named', async () => {
  await using rig = await Rig.create(
    { Network: '10.244.0.0/16', Backend: { Type: 'wireguard' } },
    { hosts: 1 },
  )
  const variables = { WIREGUARD_IMPLEMENTATION: 'userspace' }
  const planned = await PlannedHost.create(onEtcd(rig), 0, { variables })
  const agent = planned.start()
  await agent.inSync()
  await agent.stop()
  await planned.sh('rm /run/flannel/wgkey')
  const { lease, operations, unknown } = await pageOf(planned)
  const before = expect.stringMatching(/^[\w+/]{43}=$/)
  expect(lease).toMatchObject({
    change: 'rewritten',
    record: [{ name: 'BackendData.PublicKey', before, after: '(not made yet)' }],
  })
  expect(operations).toMatchObject([
    {
      resource: { key: 'wireguard-device flannel-wg' },
      differences: [{ field: 'publicKey', before, after: '(not made yet)' }],
    },
  ])
  expect(unknown).toEqual([expect.stringContaining('/run/flannel/wgkey')])
  // One that holds no key is no reason to replace it.
  await planned.sh('echo none > /run/flannel/wgkey')
  expect(await planned.plan()).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('wgkey'),
  })
})

test('no TUN device is opened: where only that would fail, a plan does not', async () => {
  await using rig = await Rig.create({ Network: '10.244.0.0/16' }, { hosts: 1 })
  const planned = await PlannedHost.create(onEtcd(rig), 0)
  // To open a socket's file is ENXIO, whatever its mode.
  await planned.sh(
    `node -e "require('net').createServer().listen('/run/socket', () => process.kill(process.pid, 'SIGKILL'))"; chmod 666 /run/socket && mount --bind /run/socket /dev/net/tun`,
  )
  const agent = planned.start()
  await agent.logged(/opening \/dev\/net\/tun: ENXIO/)
  await agent.ended()
  const { status, stdout } = await planned.plan()
  expect(stdout).toMatch(/^\+ link +flannel0 tun /m)
  expect(status).toBe(2)
})

test('a local store that does not exist is not made, and one that exists is not written to', async () => {
  await using rig = await Rig.create(undefined, { hosts: 1 })
  const host = rig.lab.host(0)
  const folder = join(rig.lab.directory, host.name)
  const config = join(rig.lab.directory, 'net-conf.json')
  await writeFile(config, JSON.stringify(vxlanConfig))
  const flags = [`--local-store=${join(folder, 'store.mdb')}`]
  const source = {
    lab: rig.lab,
    start: onEtcd(rig).start,
    dumpStore: async () => '',
  }
  const without = await PlannedHost.create({ ...source, flags }, 0)
  expect(await without.plan()).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('--net-config-path'),
  })

  const store = [...flags, `--net-config-path=${config}`]
  const planned = await PlannedHost.create({ ...source, flags: store }, 0, { store })
  const fresh = await planned.plan()
  expect(fresh).toMatchObject({ status: 2, stderr: '' })
  expect(fresh.stdout).toMatch(/^\+ lease +10\.244\.\d+\.0-24 in local$/m)
  const agent = planned.start()
  await agent.inSync()
  expect(fresh.stdout).toContain(`${(await agent.ready()).subnet?.replace('/', '-')} in local`)
  await agent.stop()
  expect(await planned.plan()).toEqual(NOTHING)
  await planned.host.ip('link', 'set', 'flannel.1', 'mtu', '1400')
  expect((await planned.plan()).stdout).toMatch(/^~ link flannel\.1\n +mtu +1400 → 1450\n/)
})
