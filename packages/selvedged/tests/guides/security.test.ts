/** The blocks of docs/guides/security-model.md: etcd with rights, and a node that writes leases which would harm others. */
import { readFile } from 'node:fs/promises'
import { CommandError, documentBlock, PingStream, type Pod, pingUntilReached, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { GuideHost } from './guide-host.js'

const PING_INTERVAL_MS = 20

test('a node’s user may not write the config; hostile leases are named, refused, and cost no packet', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const { lab, etcd } = rig
  const variables = ['ETCDCTL_API=3', `ETCDCTL_ENDPOINTS=${etcd.endpoint}`]
  const hosts = await Promise.all(lab.hosts.map((host) => GuideHost.prepare(lab, host, variables)))
  const [first] = hosts
  if (first === undefined) throw new Error('two hosts')
  await first.run('security/roles.sh')
  const denied = await first.run('security/config.sh').catch((error) => error)
  expect(denied).toBeInstanceOf(CommandError)
  const said = documentBlock('docs/guides/security-model.md', 'Error: etcdserver')
  expect(denied.stderr.trim().split('\n').at(-1)).toBe(said)

  const pods: Pod[] = []
  for (const [index, host] of hosts.entries()) {
    await host.install('security/selvedged.default', '/etc/default/selvedged')
    await host.sh('systemctl start selvedged')
    const env = await until(
      `the subnet.env of ${host.name}`,
      () => host.sh('cat /run/flannel/subnet.env').catch(() => undefined),
      { timeoutMs: 30_000, intervalMs: 100 },
    )
    const [, subnet = ''] = /FLANNEL_SUBNET=(.*)\.1\/24/.exec(env) ?? []
    pods.push(await lab.host(index).addPod({ subnets: [`${subnet}.0/24`], mtu: 1450 }))
  }
  const [here, there] = pods
  if (here === undefined || there === undefined) throw new Error('two pods')
  await pingUntilReached(here, there.addresses[0] ?? '')
  const routes = () => first.sh('ip route; ip neighbour show nud permanent')
  const before = await routes()
  const streams = await Promise.all([
    PingStream.start(here, there.addresses[0] ?? '', PING_INTERVAL_MS),
    PingStream.start(lab.host(0), '192.168.77.254', PING_INTERVAL_MS),
  ])
  await first.run('security/hostile.sh')
  const named = await until('the first host to have named them', async () => {
    const lines = (await first.sh('cat /var/log/selvedged.log')).split('\n').slice(0, -1)
    const errors = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50)
    return errors.length >= 4 ? errors.map(({ code, msg }) => `${code}: ${msg}\n`).join('') : undefined
  })
  expect(named).toBe(
    await readFile(new URL('../../../../examples/security/said.txt', import.meta.url), 'utf8'),
  )
  for (const stream of streams) expect(await stream.stop()).toMatchObject({ lost: 0 })
  expect(await routes()).toBe(before)
})
