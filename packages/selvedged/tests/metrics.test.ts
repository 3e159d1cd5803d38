import { expect, test } from 'vitest'
import { documentedMetrics } from './documented-metrics.js'
import { Rig, vxlanConfig } from './rig.js'

test('the README lists every metric that is served, and no other', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const agent = rig.start(0, { args: ['--healthz-port=10256', '--healthz-ip=127.0.0.1'] })
  await agent.inSync()
  const served = await agent.get(10256, '/metrics')
  const names = [...served.matchAll(/^# TYPE (selvedge_\w+)/gm)].map(([, name]) => name)
  expect(names.length).toBeGreaterThan(10)
  expect((await documentedMetrics()).sort()).toEqual(names.sort())
})
