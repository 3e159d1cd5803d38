import { expect, test } from 'vitest'
import { deleteDevice, inflict, Lab, type Namespace, Network } from '../src/index.js'
import { vxlanConfig } from './setup.js'

const MAC = '02:00:00:00:00:99'

/** What an administrator, a routing daemon or the kernel may have put there, some of it inside the pod network. */
const foreign = [
  'address add 10.9.9.9/32 dev lo',
  'address add 192.168.77.201/24 dev eth0',
  'route add 10.99.0.0/16 via 192.168.77.254',
  'route add 10.98.0.0/16 via 192.168.77.254 proto static metric 50',
  'route add 10.244.250.0/24 via 192.168.77.254 proto bird',
  'route add blackhole 10.97.0.0/16',
  'route add 10.96.0.0/16 via 192.168.77.254 table 100',
  `neigh add 192.168.77.99 lladdr ${MAC} dev eth0 nud permanent`,
]

test('what others put into the kernel survives start, repair, kill, restart and a peer that leaves', async () => {
  await using lab = await Lab.create({ hosts: 2 })
  const [host, other] = [lab.host(0), lab.host(1)]
  await host.ipBatch(foreign)
  const before = await foreignState(host)
  expect(before).toContain('10.244.250.0/24')

  const network = await Network.create(lab, vxlanConfig)
  const agent = network.startAgent(host)
  const peer = network.startAgent(other)
  const { lease } = await peer.ready()
  await agent.waitForPeer(lease)
  // Not permanent, so the kernel's own, even on a device of ours.
  await host.ip('neigh', 'add', '10.244.251.1', 'lladdr', MAC, 'dev', 'flannel.1', 'nud', 'reachable')
  expect(await foreignState(host)).toBe(before)

  await peer.stop()
  await agent.kill()
  {
    await using subnets = network.subnets()
    await subnets.releaseLease(lease)
  }
  const again = network.startAgent(host)
  await again.waitFor('in-sync')
  expect(await host.ip('route')).not.toContain(`${lease.subnet} `)
  expect(await foreignState(host)).toBe(before)
  expect(await host.ip('neigh', 'show', 'dev', 'flannel.1')).toContain('10.244.251.1')

  await inflict(host, deleteDevice([], 'flannel.1'))
  expect(await foreignState(host)).toBe(before)
})

/** All routes, addresses and permanent neighbours but those of the overlay's own device. */
async function foreignState(host: Namespace): Promise<string> {
  const outputs = await Promise.all([
    host.ip('-oneline', 'address'),
    host.ip('route', 'show', 'table', 'all'),
    host.ip('-6', 'route', 'show', 'table', 'all'),
    host.ip('neigh', 'show', 'nud', 'permanent'),
  ])
  const lines = outputs.join('').split('\n')
  return lines.filter((line) => !line.includes('flannel.1')).join('\n')
}
