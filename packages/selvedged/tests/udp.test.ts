/** The agent, as it is installed, with a network config that names no backend: udp, as to flanneld. */
import { pingMatrix } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

test('without a Backend section, hosts reach each other by udp, and publish what flanneld does', async () => {
  await using rig = await Rig.create({ Network: '10.244.0.0/16' })
  const { agents, pods } = await rig.joinAll()
  expect(await agents[0]?.subnetEnv()).toMatchObject({ network: '10.244.0.0/16', mtu: 1472 })
  expect([...(await rig.etcd.leases()).values()].sort()).toEqual([
    '{"PublicIP":"192.168.77.1","PublicIPv6":null}',
    '{"PublicIP":"192.168.77.2","PublicIPv6":null}',
  ])
  const matrix = await pingMatrix([...pods, ...rig.lab.hosts], pods)
  expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
  for (const agent of agents) expect(await agent.stop()).toMatchObject({ status: 0 })
})
