/** What `selvedge` says of agents whose leases are in NATS: status, inspect, plan, leases and config. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { NatsRig } from '../nats-rig.js'
import { vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

test('leases in NATS are shown with their ends, and status, inspect and plan speak of NATS, with an agent and without', {
  timeout: 120_000,
}, async () => {
  await using rig = await NatsRig.create(vxlanConfig)
  const { agents } = await rig.joinAll()
  const [agent] = agents
  if (agent === undefined) throw new Error('two hosts')
  const key = (await agent.ready()).subnet?.replace('/', '-')
  const { subnetFile, leaseCache } = filesOf(rig.lab, agent.host)
  const selvedge = selvedgeIn(agent.host, [
    ...rig.nats.flags,
    `--control-socket=${controlSocketOf(subnetFile)}`,
  ])
  const files = [`--subnet-file=${subnetFile}`, `--lease-cache=${leaseCache}`]
  const plan = () => selvedge('plan', ...files, '--iptables-forward-rules=false')
  const json = async (...args: readonly string[]) => {
    const { stdout, stderr } = await selvedge(...args, '--json')
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }

  const { leases } = await rig.nats
    .selvedge('leases', 'list', '--json')
    .then(({ stdout }) => JSON.parse(stdout))
  expect(leases).toHaveLength(2)
  expect(leases[0]).toMatchObject({ reserved: false, state: 'held', backendType: 'vxlan' })
  const endsIn = Date.parse(leases[0].expiresAt) - Date.now()
  expect(endsIn).toBeGreaterThan(23 * 3_600_000)
  expect(endsIn).toBeLessThan(25 * 3_600_000)
  expect(JSON.parse((await rig.nats.selvedge('config', 'show')).stdout)).toEqual(vxlanConfig)

  const status = await until('the peer to be known', async () => {
    const page = (await json('status')).agent
    return page.peers.length === 1 && page.ready ? page : undefined
  })
  expect(status).toMatchObject({
    node: { lease: { key, publicIp: '192.168.77.1' } },
    store: { name: 'nats', connected: true, fromCache: false },
    config: { inForce: { Network: '10.244.0.0/16' }, differences: [] },
    kernel: { inSync: true, failed: 0 },
  })
  expect(await json('inspect', ...files)).toMatchObject({
    source: 'agent',
    store: { leases: expect.arrayContaining([expect.objectContaining({ key, mark: 'held', isOwn: true })]) },
  })
  expect((await plan()).status).toBe(0)

  for (const each of agents) await each.stop()
  await agent.host.ip('link', 'delete', 'flannel.1')
  const planned = await plan()
  expect(planned.status).toBe(2)
  expect(planned.stdout).toMatch(/^\+ link +flannel\.1/m)
  expect(await json('inspect', ...files)).toMatchObject({ source: 'plan' })
  await rig.nats.kill()
  const away = await plan()
  expect(away).toMatchObject({ status: 4, stderr: expect.stringContaining('NATS does not answer') })
})

test('commands that read make no bucket, whatever name they are given; a copy makes the one that it writes', async () => {
  await using rig = await NatsRig.create(vxlanConfig)
  const streams = () => readdir(join(rig.lab.directory, 'nats/jetstream/$G/streams'))
  const before = await streams()
  const other = ['--nats-bucket=mistyped']
  const { selvedge } = rig.nats
  const listed = await selvedge('leases', 'list', ...other)
  expect(listed).toMatchObject({ status: 0, stdout: expect.stringContaining('0 leases') })
  expect(listed.stdout).toContain('bucket mistyped')
  expect((await selvedge('config', 'show', ...other)).stderr).toContain(
    'bucket mistyped holds no network config',
  )
  const { findings } = JSON.parse((await selvedge('doctor', '--json', ...other)).stdout)
  expect(findings).toContainEqual(
    expect.objectContaining({ id: 'store.no-config', what: expect.stringContaining('bucket mistyped') }),
  )
  expect((await selvedge('plan', ...other)).stderr).toContain('mistyped holds no network config')
  expect((await selvedge('leases', 'release', '10.244.1.0/24', ...other)).status).not.toBe(0)
  const target = [`--to-nats-servers=${rig.nats.url}`, '--to-nats-bucket=mistyped']
  expect(await selvedge('leases', 'copy', '--dry-run', ...target)).toMatchObject({ stderr: '' })
  expect(await streams()).toEqual(before)
  expect(await selvedge('leases', 'copy', ...target)).toMatchObject({ status: 0, stderr: '' })
  expect(JSON.parse((await selvedge('config', 'show', ...other)).stdout)).toEqual(vxlanConfig)
  expect(await streams()).toEqual(expect.arrayContaining([...before, 'KV_mistyped']))
})
