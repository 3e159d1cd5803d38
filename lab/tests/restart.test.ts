import { expect, test } from 'vitest'
import { entriesOf, type KernelState, PingStream, readKernelState } from '../src/index.js'
import { joinedLab, printTime, vxlanConfig } from './setup.js'

const DEVICE = 'flannel.1'

test.each(['vxlan', 'host-gw'])(
  '%s: killed and started again, and again, a host has the same lease, and no packet is lost',
  async (type) => {
    await using joined = await joinedLab({ ...vxlanConfig, Backend: { Type: type } }, { hosts: 2 })
    const [first, second] = [joined.member(0), joined.member(1)]
    const streams = await Promise.all([
      PingStream.start(first.pod, `${second.pod.addresses[0]}`),
      PingStream.start(second.pod, `${first.pod.addresses[0]}`),
    ])
    const running = new Map([first, second].map(({ host, agent }) => [host, agent]))
    for (const { host, lease } of [first, second, first, second]) {
      await running.get(host)?.kill()
      const start = performance.now()
      const agent = joined.network.startAgent(host)
      running.set(host, agent)
      const { lease: found } = await agent.ready()
      await agent.waitFor('in-sync')
      printTime(`${type}: agent of ${host.name} killed, started again, in sync`, performance.now() - start)
      expect(found.subnet).toBe(lease.subnet)
      expect(found.attributes).toEqual(lease.attributes)
    }
    for (const stream of streams) {
      const { sent, lost, longestGapMs: longestGap } = await stream.stop()
      printTime(`${type}: ${sent} packets, ${lost} lost, longest gap`, longestGap)
      expect(lost).toBe(0)
    }
  },
)

test('stopped by SIGTERM, an agent leaves traffic flowing', async () => {
  await using joined = await joinedLab(vxlanConfig, { hosts: 2 })
  const [first, second] = [joined.member(0), joined.member(1)]
  const stream = await PingStream.start(first.pod, `${second.pod.addresses[0]}`, 20)
  await first.agent.stop()
  await second.agent.stop()
  expect(await stream.stop()).toMatchObject({ lost: 0 })
})

test('a peer that left while an agent was down is gone from all three tables', async () => {
  await using joined = await joinedLab(vxlanConfig, { hosts: 3 })
  const [first, stays, leaves] = [joined.member(0), joined.member(1), joined.member(2)]
  await first.agent.kill()
  await leaves.agent.stop()
  {
    await using subnets = joined.network.subnets()
    await subnets.releaseLease(leaves.lease)
  }
  const gone = entriesOf(leaves.lease)
  const kept = entriesOf(stays.lease)
  expect(mentions(await readKernelState(first.host, DEVICE), gone)).toEqual({
    route: true,
    neighbour: true,
    fdb: true,
  })

  const again = joined.network.startAgent(first.host)
  await again.waitFor('in-sync')
  const state = await readKernelState(first.host, DEVICE)
  expect(mentions(state, gone)).toEqual({ route: false, neighbour: false, fdb: false })
  expect(mentions(state, kept)).toEqual({ route: true, neighbour: true, fdb: true })
})

/** In which tables a peer is found. */
function mentions(
  { routes, neighbours, fdb }: KernelState,
  { subnet, vtepMac }: ReturnType<typeof entriesOf>,
) {
  const found = (lines: string[], text: string) => lines.some((line) => line.includes(text))
  return {
    route: found(routes, `${subnet} `),
    neighbour: found(neighbours, `${vtepMac}`),
    fdb: found(fdb, `${vtepMac}`),
  }
}
