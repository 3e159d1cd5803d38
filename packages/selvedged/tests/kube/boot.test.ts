/** A node of Kubernetes that boots with nothing but `lo`: see ../boot.test.ts. */
import { pingUntilReached, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { printTime } from '../print-time.js'
import { addOtherNetwork, configureInOtherNetwork, plugIn, rebootWithoutUplink } from '../reboot.js'
import { vxlanConfig } from '../rig.js'
import { KubeRig } from './kube-rig.js'

test('a node boots with only lo, and joins from another network in the same process, with its PodCIDR', async () => {
  await using rig = await KubeRig.create(vxlanConfig, { hosts: 2 })
  const podCidr = (index: number) => [`10.244.${index + 1}.0/24`]
  await rig.register(0, podCidr(0))
  await rig.register(1, podCidr(1))
  const [first, second] = [rig.start(0), rig.start(1)]
  const far = await second.addPod()
  const { subnet = '', mtu = 0 } = await first.ready()
  await addOtherNetwork(rig)
  const uplink = await rebootWithoutUplink(rig, first)

  const agent = rig.start(0)
  const ready = await agent.ready()
  expect(ready).toMatchObject({ subnet, mtu })
  printTime('Kubernetes: only lo, process start to subnet.env', ready.after)
  await agent.logged(/^waiting for an uplink: there is no default route/)
  await plugIn(rig, uplink)
  const up = performance.now()
  await configureInOtherNetwork(agent.host)
  const near = await agent.host.addPod({ subnets: [subnet], mtu })
  await pingUntilReached(near, far.addresses[0] ?? '')
  printTime('Kubernetes: the uplink has an address until the peer is reached', performance.now() - up)
  await until('the Node to have the new address', async () => {
    const { annotations = {} } = (await rig.node(0)).metadata
    return annotations['flannel.alpha.coreos.com/public-ip'] === '192.168.88.1' || undefined
  })
  expect((await agent.subnetEnv()).subnet).toBe(subnet)
  expect(agent.hasEnded).toBe(false)
})
