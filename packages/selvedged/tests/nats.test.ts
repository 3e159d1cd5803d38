/** Agents whose leases are in NATS: traffic, a server that is killed, one that comes back without its data, and the cache. */
import { leaseKey } from '@selvedge/core'
import { PingStream, type Pod, pingMatrix, pingUntilReached, readKernelState, until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { NatsRig } from './nats-rig.js'
import { printTime } from './print-time.js'
import { loseWhatARebootTakes } from './reboot.js'
import { vxlanConfig } from './rig.js'

const dualStack = { ...vxlanConfig, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }

/** From each pod to the next, in each family. */
const streams = (pods: readonly Pod[]): Promise<PingStream[]> =>
  Promise.all(
    pods.flatMap((pod, index) =>
      (pods[(index + 1) % pods.length]?.addresses ?? []).map((to) => PingStream.start(pod, to)),
    ),
  )

async function expectNoneLost(running: readonly PingStream[]): Promise<void> {
  for (const stream of running) {
    const { sent, lost, longestGapMs } = await stream.stop()
    printTime(`to ${stream.target} ${sent} packets, ${lost} lost, longest gap`, longestGapMs)
    expect(lost, stream.target).toBe(0)
  }
}

describe('agents on NATS', () => {
  test('of both families: NATS is killed and comes back; traffic never stops, and what changed is taken up', async () => {
    await using rig = await NatsRig.create(dualStack, { hosts: 3, ipv6: true })
    const { agents, pods } = await rig.joinAll()
    const [first, second, third] = agents
    if (first === undefined || second === undefined || third === undefined) throw new Error('three hosts')
    expect((await pingMatrix([...pods, ...rig.lab.hosts], pods)).filter(({ lost }) => lost > 0)).toEqual([])
    const errors = agents.flatMap(({ logs }) => logs.filter(({ level }) => level >= 50))
    expect(errors).toEqual([])
    const gone = await third.ready()

    const running = await streams(pods.slice(0, 2))
    await third.stop()
    await rig.nats.kill()
    await Promise.all([first, second].map((agent) => agent.logged(/^nats is unavailable; traffic/)))
    await rig.nats.start()
    await Promise.all([first, second].map((agent) => agent.logged(/^nats is back/)))
    const { subnet = '', ipv6Subnet } = gone
    const key = leaseKey({ subnet, ipv6Subnet })
    expect(await rig.nats.selvedge('leases', 'release', key, '--force')).toMatchObject({ status: 0 })
    await first.logged('peer left')
    await until('the peer that left to be gone from the kernel', async () => {
      const { routes } = await readKernelState(first.host, 'flannel.1')
      return routes.some((route) => route.startsWith(subnet)) ? undefined : true
    })
    await expectNoneLost(running)
    expect([...(await rig.nats.leases()).keys()]).toHaveLength(2)
  })

  test('NATS comes back without its data, and its config later: traffic never stops, and all have their subnets', async () => {
    await using rig = await NatsRig.create(vxlanConfig)
    const { agents, pods } = await rig.joinAll()
    const before = await rig.nats.leases()
    const running = await streams(pods)
    await rig.nats.wipe()
    await Promise.all(agents.map((agent) => agent.logged(/^nats has lost its memory/, { timeout: 30_000 })))
    await rig.nats.setConfig(vxlanConfig)
    await until(
      'both nodes to have their leases again',
      async () => {
        const leases = await rig.nats.leases()
        return [...before.keys()].every((key) => leases.has(key)) || undefined
      },
      { timeoutMs: 30_000 },
    )
    await expectNoneLost(running)
    expect(await rig.nats.leases()).toEqual(before)
  })

  test('kill -9 of an agent and a new start: the same lease, and no ping lost', async () => {
    await using rig = await NatsRig.create(vxlanConfig)
    const { agents, pods } = await rig.joinAll()
    const before = await rig.nats.leases()
    const running = await streams(pods)
    const { subnet } = (await agents[1]?.ready()) ?? {}
    await agents[1]?.kill()
    const again = rig.start(1)
    await again.inSync()
    expect((await again.ready()).subnet).toBe(subnet)
    await expectNoneLost(running)
    expect(await rig.nats.leases()).toEqual(before)
  })
})

describe('started while NATS is unavailable, an agent', () => {
  test('brings the network up from the lease cache, after a reboot too; NATS counts once it is back', async () => {
    await using rig = await NatsRig.create(vxlanConfig)
    const { agents, pods } = await rig.joinAll()
    const [from, to] = pods
    const [, second] = agents
    if (from === undefined || to === undefined || second === undefined) throw new Error('two hosts')
    const { subnet } = await second.ready()
    await second.stop()
    await rig.nats.kill()
    await loseWhatARebootTakes(second)
    const again = rig.start(1)
    const line = await again.logged(/^nats is unavailable: starting from the lease cache/)
    expect(line).toMatchObject({ leases: 2, error: { code: 'STORE_UNAVAILABLE' } })
    const ready = await again.ready()
    expect(ready).toMatchObject({ subnet, mtu: 1450 })
    printTime('start while NATS is unavailable, to subnet.env', ready.after)
    await pingUntilReached(from, to.addresses[0] ?? '')

    const running = await streams(pods)
    await rig.nats.start()
    await again.logged(/^nats answers: the lease cache is no longer used/)
    await again.inSync()
    await expectNoneLost(running)
    expect((await rig.nats.leases()).get(subnet?.replace('/', '-') ?? '')).toBe('192.168.77.2')
  })

  test('waits if it knows nothing, reports that, and joins as soon as NATS answers', async () => {
    await using rig = await NatsRig.create(vxlanConfig, { hosts: 1 })
    await rig.nats.kill()
    const agent = rig.start(0, { args: ['--healthz-port=10256', '--healthz-ip=127.0.0.1'] })
    await agent.logged(/NATS does not answer/)
    const get = (path: string) => agent.get(10256, path)
    expect(await get('/healthz')).toBe('200 flanneld is running')
    expect(await get('/readyz')).toMatch(/^503 flanneld is not ready yet: .*NATS does not answer/)
    expect(await get('/metrics')).toMatch(/^selvedge_store_up 0$/m)
    await rig.nats.start()
    await agent.ready()
    await agent.inSync()
    expect(await get('/readyz')).toBe('200 flanneld is ready')
    expect(await get('/metrics')).toMatch(/^selvedge_store_up 1$/m)
  })
})
