import { rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { PingStream, pingUntilReached, readKernelState, until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { printTime } from './print-time.js'
import { loseWhatARebootTakes } from './reboot.js'
import { Rig, vxlanConfig } from './rig.js'
import { filesOf } from './selvedged.js'

describe('started while etcd is unavailable, an agent', () => {
  test('brings the network up from the lease cache, after a reboot too; etcd counts once it is back', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
    const { agents, pods } = await rig.joinAll()
    const [from, to] = [pods[0], pods[1]]
    const [, second, third] = agents
    if (from === undefined || to === undefined || second === undefined || third === undefined)
      throw new Error()
    await until('the second to know both others', () => {
      const joined = second.logs.filter(({ msg }) => msg === 'peer joined or changed')
      return new Set(joined.map(({ subnet }) => subnet)).size === 2 ? true : undefined
    })
    const { subnet } = await second.ready()
    await second.stop()
    await rig.etcd.kill()

    await loseWhatARebootTakes(second)
    const again = rig.start(1)
    const line = await again.logged(/^etcd is unavailable: starting from the lease cache/)
    expect(line).toMatchObject({ leases: 3, error: { code: 'STORE_UNAVAILABLE' } })
    const ready = await again.ready()
    expect(ready).toMatchObject({ subnet, mtu: 1450 })
    printTime('start while etcd is unavailable, to subnet.env', ready.after)
    await pingUntilReached(from, to.addresses[0] ?? '')

    const stream = await PingStream.start(from, to.addresses[0] ?? '')
    await rig.etcd.start()
    const gone = (await third.ready()).subnet ?? ''
    await third.stop()
    await rig.etcd.delete(gone.replace('/', '-'))
    await again.logged(/^etcd answers: the lease cache is no longer used/)
    await again.inSync()
    await until('the peer that left to be gone from the kernel', async () => {
      const { routes } = await readKernelState(second.host, 'flannel.1')
      return routes.some((route) => route.startsWith(gone)) ? undefined : true
    })
    expect(await stream.stop()).toMatchObject({ lost: 0 })
    expect([...(await rig.etcd.leases()).keys()]).toContain(subnet?.replace('/', '-'))
  })

  test('waits if it knows nothing, reports that, and joins as soon as etcd answers', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    await rig.etcd.kill()
    const agent = rig.start(0, { args: ['--healthz-port=10256', '--healthz-ip=127.0.0.1'] })
    await agent.logged(/etcd does not answer/)
    const get = (path: string) => agent.get(10256, path)
    expect(await get('/healthz')).toBe('200 flanneld is running')
    expect(await get('/readyz')).toMatch(/^503 flanneld is not ready yet: .*etcd does not answer/)
    expect(await get('/metrics')).toMatch(/^selvedge_store_up 0$/m)
    expect(agent.hasEnded).toBe(false)
    await rig.etcd.start()
    await agent.ready()
    await agent.inSync()
    expect(await get('/readyz')).toBe('200 flanneld is ready')
    expect(await get('/metrics')).toMatch(/^selvedge_store_up 1$/m)
  })

  test('with a config that changed meanwhile restarts the overlay in the same process', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const first = rig.start(0)
    await first.inSync()
    await first.ready()
    await first.stop()
    await rig.etcd.putConfig({ Network: '10.99.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } })
    await rig.etcd.kill()
    const again = rig.start(0)
    expect((await again.ready()).subnet).toMatch(/^10\.244\./)
    const from = again.logs.length
    await rig.etcd.start()
    await again.logged(/^the network config differs/)
    await again.logged(/^in sync/, { from })
    const env = await until('subnet.env of the new network', async () => {
      const env = await again.subnetEnv()
      return env.network === '10.99.0.0/16' ? env : undefined
    })
    expect(env.subnet).toMatch(/^10\.99\./)
    expect(await again.host.ip('-oneline', 'link', 'show', 'flannel.7')).toContain('flannel.7')
  })
})

test('etcd is killed and comes back: traffic never stops, and what changed meanwhile is taken up', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
  const { agents, pods } = await rig.joinAll()
  const [first, second, third] = agents
  const [from, to] = pods
  if (first === undefined || second === undefined || third === undefined) throw new Error()
  if (from === undefined || to === undefined) throw new Error()
  const stream = await PingStream.start(from, to.addresses[0] ?? '')
  const gone = (await third.ready()).subnet ?? ''
  await third.stop()
  await rig.etcd.kill()
  await first.logged(/^etcd is unavailable; traffic/)
  await rig.etcd.start()
  const back = performance.now()
  await first.logged(/^etcd is back/)
  printTime('etcd is back until the agent is connected', performance.now() - back)
  // That the store is back is noticed though no lease has changed.
  await second.logged(/^etcd is back/)
  await rig.etcd.put('10.244.66.0-24', 'this is no lease')
  await first.logged(/10\.244\.66\.0-24: .*correct or delete it/)
  await rig.etcd.delete(gone.replace('/', '-'))
  await first.logged('peer left')
  await until('the peer that left to be gone from the kernel', async () => {
    const { routes } = await readKernelState(first.host, 'flannel.1')
    return routes.some((route) => route.startsWith(gone)) ? undefined : true
  })
  expect(await stream.stop()).toMatchObject({ lost: 0 })
})

test('etcd is wiped, and its config written again 15 s later: traffic never stops, nor to a node without an agent', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
  const { agents, pods } = await rig.joinAll()
  const [first, second, third] = agents
  const [from, ...others] = pods
  if (first === undefined || second === undefined || third === undefined || from === undefined)
    throw new Error()
  const subnets = await Promise.all([first, second].map(async (agent) => (await agent.ready()).subnet ?? ''))
  await third.stop()
  const streams = await Promise.all(others.map(({ addresses }) => PingStream.start(from, addresses[0] ?? '')))
  await rig.etcd.wipe()
  await first.logged(/^etcd has lost its memory/)
  await sleep(15_000)
  await rig.etcd.putConfig(vxlanConfig)
  const keys = subnets.map((subnet) => subnet.replace('/', '-')).sort()
  await until('both nodes to have their subnets again', async () => {
    const leases = [...(await rig.etcd.leases()).keys()].sort()
    return leases.join() === keys.join() ? true : undefined
  })
  await first.inSync()
  expect(await Promise.all(streams.map((stream) => stream.stop()))).toMatchObject([{ lost: 0 }, { lost: 0 }])
})

test('cut off from etcd for longer than its lease lasts: traffic of the others never stops, and it returns', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
  const { agents, pods } = await rig.joinAll({ args: ['--etcd-lease-ttl=5s'] })
  const [first, second, third] = pods
  const lonely = agents[0]
  const other = agents[1]
  if (first === undefined || second === undefined || third === undefined) throw new Error()
  if (lonely === undefined || other === undefined) throw new Error()
  const { subnet } = await lonely.ready()
  const key = subnet?.replace('/', '-')
  const stream = await PingStream.start(second, third.addresses[0] ?? '')
  await rig.cutOffFromEtcd(0)
  const logged = other.logs.length
  await other.logged('peer left', { from: logged, timeout: 20_000 })
  await lonely.logged(/^etcd is unavailable; traffic/, { timeout: 20_000 })
  expect([...(await rig.etcd.leases()).keys()]).not.toContain(key)
  // It keeps what it knows: it has not learned that its lease expired.
  expect((await readKernelState(lonely.host, 'flannel.1')).fdb).toHaveLength(2)

  const from = lonely.logs.length
  await rig.reconnectToEtcd(0)
  const healed = performance.now()
  await lonely.logged(/^lease (acquired|changed)/, { from, timeout: 30_000 })
  await pingUntilReached(first, second.addresses[0] ?? '')
  printTime('the partition heals until its pods are reached again', performance.now() - healed)
  expect([...(await rig.etcd.leases()).keys()]).toContain(key)
  expect(await stream.stop()).toMatchObject({ lost: 0 })
})

describe('a lease that an operator deletes', () => {
  test('is acquired again, the same subnet while it is free', async () => {
    await using rig = await Rig.create(vxlanConfig)
    const { agents, pods } = await rig.joinAll()
    const [from, to] = pods
    const [, second] = agents
    if (second === undefined || from === undefined || to === undefined) throw new Error()
    const { subnet = '' } = await second.ready()
    const key = subnet.replace('/', '-')
    await rig.etcd.delete(key)
    const deleted = performance.now()
    await second.logged(/^lease lost/)
    await until('the lease to be there again', async () => (await rig.etcd.leases()).get(key))
    await pingUntilReached(from, to.addresses[0] ?? '')
    printTime('a lease is deleted until its pods are reached again', performance.now() - deleted)
  })

  test('is given up if another node has it by now, and subnet.env has the new one', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = rig.start(0)
    const { subnet = '' } = await agent.ready()
    await agent.inSync()
    await rig.etcd.put(
      subnet.replace('/', '-'),
      '{"PublicIP":"192.168.77.9","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:09"}}',
    )
    const env = await until('another subnet in subnet.env', async () => {
      const env = await agent.subnetEnv()
      return env.subnet === subnet ? undefined : env
    })
    const leases = await rig.etcd.leases()
    expect(leases.get(subnet.replace('/', '-'))).toContain('192.168.77.9')
    expect(leases.get(env.subnet?.replace('/', '-') ?? '')).toContain('192.168.77.1"')
    await until('a route to the node that has it', async () => {
      const { routes } = await readKernelState(agent.host, 'flannel.1')
      return routes.some((route) => route.startsWith(subnet)) ? true : undefined
    })
  })
})

describe('a full disk', () => {
  /** A file system of a single page, in the mount namespace of the agent alone. */
  const tiny = (folder: string) => `mkdir -p ${folder}; mount -t tmpfs -o size=4k,nr_inodes=4 none ${folder}`

  test('costs the cache, and nothing else', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const { leaseCache } = filesOf(rig.lab, rig.lab.host(0))
    const folder = leaseCache.replace(/\/leases$/, '')
    const agent = rig.start(0, { before: `${tiny(folder)}; head -c 4096 /dev/zero > ${folder}/full` })
    await agent.inSync()
    await agent.ready()
    expect(await agent.logged(/^saving the lease cache/)).toMatchObject({ level: 40 })
    expect((await agent.stop()).status).toBe(0)
  })

  test('keeps it from being ready, until there is room', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const { subnetFile } = filesOf(rig.lab, rig.lab.host(0))
    const folder = subnetFile.replace(/\/subnet\.env$/, '')
    const agent = rig.start(0, {
      before: `${tiny(folder)}; head -c 4096 /dev/zero > ${folder}/full`,
      args: ['--lease-cache='],
    })
    await agent.logged(/^writing .*subnet\.env fails/)
    await agent.inSync()
    expect(agent.logs.some(({ msg }) => msg === 'subnet.env is written')).toBe(false)
    await rm(`/proc/${agent.pid}/root${folder}/full`)
    await agent.logged('subnet.env is written')
    expect((await stat(`/proc/${agent.pid}/root${subnetFile}`)).mode & 0o777).toBe(0o644)
  })
})
