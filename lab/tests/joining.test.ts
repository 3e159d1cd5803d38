import { expect, test } from 'vitest'
import { Lab, Network, pingUntilReached } from '../src/index.js'
import { joinedLab, printTime, vxlanConfig } from './setup.js'

test('a host that joins is reached at once, from the moment its lease is in the store', async () => {
  await using joined = await joinedLab(vxlanConfig, { hosts: 2 })
  const host = await joined.lab.addHost()
  const start = performance.now()
  const newcomer = await joined.network.join(host)
  printTime('start of its process to subnet.env', newcomer.joinedAfter)
  const [first] = newcomer.pod.addresses
  const after = await pingUntilReached(joined.member(0).pod, `${first}`)
  printTime('subnet.env and pod made, to first answer', after)
  printTime('start of its process to first answer, pod and all', performance.now() - start)
  expect(after).toBeLessThan(2000)
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
