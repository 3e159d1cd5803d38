/** The doctor beside an agent that was told its interface, as no route says which it is. */
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { selvedgeIn } from './selvedge.js'

test('the interface is the one of the agent that runs, and without one what the flags find', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const host = rig.lab.host(0)
  await host.ip('route', 'delete', 'default')
  const agent = rig.start(0, { args: ['--iface=eth0'] })
  await agent.inSync()
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  const selvedge = selvedgeIn(host, [
    `--etcd-endpoints=${rig.etcd.endpoint}`,
    `--control-socket=${controlSocketOf(subnetFile)}`,
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
  ])
  const findings = async (...flags: string[]): Promise<readonly { id: string; anchor: string }[]> =>
    JSON.parse((await selvedge('doctor', '--json', ...flags)).stdout).findings
  expect((await findings()).map(({ id }) => id)).not.toContain('host.interface')
  await agent.stop()
  const found = (await findings()).find(({ id }) => id === 'host.interface')
  expect(found?.anchor).toMatch(/^https:\/\/.*\/docs\/doctor\.md#host\.interface$/)
  expect((await findings('--iface=eth0')).map(({ id }) => id)).not.toContain('host.interface')
}, 120_000)
