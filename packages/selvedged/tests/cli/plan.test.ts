/** `selvedge plan` on a real kernel and a real etcd. */
import { access } from 'node:fs/promises'
import { type Host, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { flannelOnAll } from '../flannel/index.js'
import { Rig, vxlanConfig } from '../rig.js'
import { filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

/** All that a host's kernel holds of links, addresses, routes, neighbours and rules, but for what rules have counted. */
async function stateOf(host: Host): Promise<string> {
  const parts = await Promise.all([
    host.ip('-o', 'link'),
    host.ip('-o', 'address'),
    host.ip('route', 'show', 'table', 'all'),
    host.ip('neighbour', 'show', 'nud', 'permanent'),
    host.exec('nft', ['list', 'ruleset']),
  ])
  return parts.join('\n').replaceAll(/counter packets \d+ bytes \d+/g, 'counter')
}

function planOn(rig: Rig, host: Host) {
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  return selvedgeIn(host, [
    `--etcd-endpoints=${rig.etcd.endpoint}`,
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
    '--iptables-forward-rules=false',
  ])
}

test('a plan is empty beside an agent, names what is missing without one, and all of it on a new host; it changes nothing', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [first, second] = rig.lab.hosts
  if (first === undefined || second === undefined) throw new Error('two hosts are needed')
  const agent = rig.start(0)
  await agent.inSync()
  await agent.ready()
  expect(await planOn(rig, first)('plan')).toMatchObject({
    status: 0,
    stdout: 'an agent would change nothing\n',
  })

  const leases = await rig.etcd.leases()
  const before = await stateOf(second)
  const fresh = await planOn(rig, second)('plan')
  expect(fresh).toMatchObject({ status: 2, stderr: '' })
  expect(fresh.stdout).toMatch(/^\+ lease +10\.244\.\d+\.0-24 in etcd$/m)
  expect(fresh.stdout).toMatch(/^\+ link +flannel\.1 /m)
  const subnet = (await agent.subnetEnv()).subnet ?? ''
  const gateway = subnet.replace('/24', '')
  expect(fresh.stdout).toContain(`+ route     ${subnet} via ${gateway} dev flannel.1 onlink\n`)
  expect(await stateOf(second)).toBe(before)
  expect(await rig.etcd.leases()).toEqual(leases)
  await expect(access(filesOf(rig.lab, second).subnetFile)).rejects.toThrow('ENOENT')

  const other = rig.start(1)
  await other.inSync()
  const { subnet: others = '' } = await other.ready()
  await other.stop()
  await second.ip('route', 'delete', subnet)
  await second.ip('route', 'add', '10.244.250.0/24', 'dev', 'flannel.1', 'proto', '157')
  const missing = JSON.parse((await planOn(rig, second)('plan', '--json')).stdout)
  expect(missing).toMatchObject({ changes: true, lease: { key: others.replace('/', '-'), change: 'held' } })
  expect(
    missing.operations.map(({ type, resource }: { type: string; resource: { key: string } }) => [
      type,
      resource.key,
    ]),
  ).toEqual([
    ['put', `route 254 ${subnet} 0 0`],
    ['delete', 'route 254 10.244.250.0/24 0 0'],
  ])
})

test('a plan of a host that flannel runs on: what it would take over, and nothing of what leads to the peers is deleted', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [first, second] = await flannelOnAll(rig, { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } })
  const [host] = rig.lab.hosts
  if (host === undefined || first === undefined || second === undefined)
    throw new Error('two hosts are needed')
  // The kernel checks a new device's IPv6 address for a second, and adds its routes then.
  await until('addresses to be settled', async () =>
    (await host.ip('address')).includes('tentative') ? undefined : true,
  )
  const before = await stateOf(host)
  const plan = JSON.parse((await planOn(rig, host)('plan', '--json')).stdout)
  expect(plan.lease.change).not.toBe('new')
  // By these flags an agent holds no traffic rules, so that flannel's would go; nothing else would.
  const deleted = plan.operations.filter(({ type }: { type: string }) => type === 'delete')
  expect(deleted).not.toEqual([])
  const kinds = deleted.map(({ resource }: { resource: { kind: string } }) => resource.kind)
  for (const kind of ['link', 'address', 'route', 'neighbour', 'fdb']) expect(kinds).not.toContain(kind)
  expect(await stateOf(host)).toBe(before)
})
