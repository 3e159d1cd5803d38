/** `selvedge plan` on a real kernel and a real etcd. */
import { access } from 'node:fs/promises'
import { asShown, documentBlock, type Host } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { FLANNELD, flannelOnAll } from '../flannel/index.js'
import { Rig, vxlanConfig } from '../rig.js'
import { filesOf } from '../selvedged.js'
import { onEtcd, PlannedHost } from './planned-host.js'
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

  // As it is after the network config had another MTU, port and VNI.
  const key = others.replace('/', '-')
  const record = (await rig.etcd.leases()).get(key) ?? ''
  await rig.etcd.putWithTerm(key, record.replace('"VNI":1', '"VNI":2'))
  await second.exec('sh', [
    '-euc',
    `ip link delete flannel.1
    ip link add flannel.1 address aa:c0:c0:a8:4d:02 mtu 1400 type vxlan id 1 dev eth0 local 192.168.77.2 dstport 4789 nolearning
    echo 0 > /proc/sys/net/ipv6/conf/flannel.1/accept_ra
    ip link set flannel.1 up alias 'selvedge 10.244.0.0/16'
    ip address add ${others.replace('/24', '/32')} dev flannel.1
    ip neighbour add ${gateway} dev flannel.1 lladdr aa:c0:c0:a8:4d:01 nud permanent
    bridge fdb add aa:c0:c0:a8:4d:01 dev flannel.1 dst 192.168.77.1 self permanent
    ip route add 10.244.250.0/24 dev flannel.1 proto 157`,
  ])
  const block = documentBlock('docs/selvedge.md', '~ lease ')
  expect(asShown(block, (await planOn(rig, second)('plan')).stdout)).toBe(block)
})

test('a plan of a host that flannel runs on: what it would take over, and nothing of what leads to the peers is deleted', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const [flannel] = await flannelOnAll(rig, { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } })
  const planned = await PlannedHost.create(onEtcd(rig), 0, { args: ['--ip-masq'] })
  const { stdout, status, stderr } = await planned.plan('--all')
  expect([status, stderr]).toEqual([2, ''])
  // A route that is there already becomes the agent's own.
  expect(stdout).toMatch(/^~ route +10\.244\.\d+\.0\/24\n +protocol +boot → an overlay’s own$/m)
  expect(stdout).toMatch(/^~ link +flannel\.1\n( +.*\n)* +alias +\(none\) → selvedge 10\.244\.0\.0\/16$/m)
  // By these flags an agent lets nothing pass that the host drops, as flanneld did.
  expect(stdout).toMatch(/^ +- -A FLANNEL-FWD -s 10\.244\.0\.0\/16 /m)
  expect(stdout).not.toMatch(/^[+-] /m)
  const plan = JSON.parse((await planned.plan('--json')).stdout)
  expect(plan.lease.change).not.toBe('new')
  expect(plan.warnings.filter((text: string) => text.startsWith('flanneld runs on this host'))).toHaveLength(
    FLANNELD === undefined ? 0 : 1,
  )

  await flannel?.stop()
  const agent = planned.start()
  await agent.inSync()
  expect((await agent.ready()).subnet?.replace('/', '-')).toBe(plan.lease.key)
  expect(await planned.plan()).toEqual({ status: 0, stdout: 'an agent would change nothing\n', stderr: '' })
})
