import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { LocalSubnetManager } from './manager.js'

test('a config that is offered to a store with another is a warning, with both and how to change it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slv-local-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'leases.mdb')
  const first = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }
  await using one = new LocalSubnetManager({ path, config: first })
  await one.getNetworkConfig()
  expect(one.warnings()).toEqual([])

  await using other = new LocalSubnetManager({ path, config: { ...first, Network: '10.99.0.0/16' } })
  expect(await other.getNetworkConfig()).toMatchObject({ ipv4: { network: '10.244.0.0/16' } })
  const [warning = '', ...more] = other.warnings()
  expect(more).toEqual([])
  expect(warning).toContain(
    `the option config of LocalSubnetManager is ignored, as the store ${path} has another`,
  )
  expect(warning).toContain('Network is 10.244.0.0/16, not 10.99.0.0/16')
  expect(warning).toMatch(/: setNetworkConfig\(\) writes it to the store$/)

  await other.setNetworkConfig({ ...first, Network: '10.99.0.0/16' })
  await other.getNetworkConfig()
  expect(other.warnings()).toEqual([])
})
