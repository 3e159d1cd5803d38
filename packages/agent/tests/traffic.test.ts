import { PingStream, pingMatrix, pingUntilReached, readKernelState } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'

test('two agents on one etcd: pods reach each other', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const { agents, pods } = await rig.joinAll()
  const matrix = await pingMatrix([...pods, ...rig.lab.hosts], pods)
  expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
  for (const agent of agents) console.log((await agent.ready()).after)
  console.log(agents[0]?.output)
  console.log(await rig.etcd.leases(), await readKernelState(rig.lab.host(0), 'flannel.1'))
  console.log(await agents[0]?.stop())
})
