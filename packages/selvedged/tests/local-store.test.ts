import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pingMatrix } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'

test('agents that share the file of an embedded store: pods reach each other, and a restart keeps its subnet', async () => {
  await using rig = await Rig.create(undefined)
  const { directory } = rig.lab
  const config = join(directory, 'net-conf.json')
  const store = [`--local-store=${join(directory, 'store.mdb')}`, `--net-config-path=${config}`]

  const early = rig.start(0, { store })
  expect(await early.ended()).toBe(1)
  expect(early.output).toContain(config)

  await writeFile(config, JSON.stringify(vxlanConfig))
  const { agents, pods } = await rig.joinAll({ store })
  expect((await pingMatrix(pods, pods)).filter(({ lost }) => lost > 0)).toEqual([])
  const [first] = agents
  const before = await first?.ready()
  await first?.kill()
  const again = rig.start(0, { store })
  await again.inSync()
  expect((await again.ready()).subnet).toBe(before?.subnet)
  expect(agents.flatMap(({ logs }) => logs.filter(({ level }) => level >= 50))).toEqual([])
})
