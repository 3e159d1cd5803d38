import { expect, test } from 'vitest'
import { Lab, Network, pingUntilReached } from '../src/index.js'
import { joinedLab, printTime, vxlanConfig } from './setup.js'

/** Joining takes milliseconds. This bound, in ms, only distinguishes following events from polling. */
const BOUND = 2000

test('a host that joins is reached at once', async () => {
  await using joined = await joinedLab(vxlanConfig, { hosts: 2 })
  const host = await joined.lab.addHost()
  const start = performance.now()
  const agent = joined.network.startAgent(host)
  const { lease, mtu } = await agent.ready()
  printTime('start of the process to subnet.env', performance.now() - start)

  const [vtep = ''] = `${lease.subnet}`.split('/')
  const reached = await pingUntilReached(joined.member(0).pod, vtep)
  printTime('subnet.env to an answer to a pod that was there before', reached)
  expect(reached).toBeLessThan(BOUND)

  const pod = await host.addPod({ subnets: [`${lease.subnet}`], mtu })
  const answer = await pingUntilReached(joined.member(1).pod, `${pod.addresses[0]}`)
  printTime('its first pod made, to an answer', answer)
  expect(answer).toBeLessThan(BOUND)
})

test('24 processes that join a network of exactly 24 slots at once all get their own', async () => {
  await using lab = await Lab.create({ hosts: 24 })
  const config = { ...vxlanConfig, SubnetMin: '10.244.1.0', SubnetMax: '10.244.24.0' }
  const network = await Network.create(lab, config)
  const start = performance.now()
  const agents = lab.hosts.map((host) => network.startAgent(host))
  const leases = await Promise.all(agents.map(async (agent) => (await agent.ready(60_000)).lease))
  printTime('24 processes, start to all leased', performance.now() - start)
  const slots = Array.from({ length: 24 }, (_, i) => `10.244.${i + 1}.0/24`)
  expect(leases.map(({ subnet }) => subnet).sort()).toEqual(slots.sort())
})
