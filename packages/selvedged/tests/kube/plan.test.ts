/** `selvedge plan` on Kubernetes: a lease is this node, and what an agent writes of it annotations and a condition. */
import { afterAll, expect, test } from 'vitest'
import { onKubernetes, PlannedHost } from '../cli/planned-host.js'
import { vxlanConfig } from '../rig.js'
import { PREFIX, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

interface Page {
  readonly lease: { readonly key: string; readonly change: string; readonly record: readonly object[] }
  readonly condition?: object
  readonly operations: readonly { readonly type: string; readonly resource: { readonly key: string } }[]
}

const keysOf = ({ operations }: Page) => operations.map(({ type, resource }) => `${type} ${resource.key}`)

test('a new node, one with an agent, and what others have changed: annotations and the condition are in the plan, and none is written', async () => {
  await using rig = await shared.rig(vxlanConfig)
  const planned = await PlannedHost.create(onKubernetes(rig), 1)
  await rig.register(0, ['10.244.1.0/24'])
  const peer = rig.start(0)
  await peer.inSync()

  // Neither waits for what an agent waits for.
  const none = await planned.plan()
  expect(none).toMatchObject({ status: 1, stdout: '' })
  expect(none.stderr).toMatch(/nothing to plan yet, an agent waits: waiting for node \S+ to register/)
  await rig.register(1, [])
  const without = await planned.plan()
  expect(without.stderr).toMatch(/an agent waits: waiting for node \S+ to get a PodCIDR/)
  expect(without.status).toBe(1)

  await rig.cluster.kubectl('delete', 'node', planned.host.name)
  await rig.register(1, ['10.244.2.0/24'])
  const fresh = await planned.plan()
  expect(fresh).toMatchObject({ status: 2, stderr: '' })
  expect(fresh.stdout).toMatch(/^\+ lease +10\.244\.2\.0-24 in kubernetes$/m)
  expect(fresh.stdout).toMatch(/^\+ route +10\.244\.1\.0\/24 via 10\.244\.1\.0 dev flannel\.1 onlink$/m)
  expect(fresh.stdout).toMatch(
    /^~ condition of this node\n +NetworkUnavailable +\(none\) → False FlannelIsUp$/m,
  )

  const agent = planned.start()
  await agent.inSync()
  await rig.published(1, 'backend-data', (value) => value !== undefined)
  // The condition is written once all is in sync.
  await planned.until(/FlannelIsUp[\s\S]*FlannelIsUp/)
  expect(await planned.plan()).toEqual({ status: 0, stdout: 'an agent would change nothing\n', stderr: '' })
  await agent.stop()

  await rig.annotate(1, 'backend-type=host-gw')
  await planned.host.ip('route', 'delete', '10.244.1.0/24')
  const changed: Page = JSON.parse((await planned.plan('--json')).stdout)
  expect(changed.lease).toEqual({
    key: '10.244.2.0-24',
    change: 'rewritten',
    record: [{ name: `${PREFIX}/backend-type`, before: 'host-gw', after: 'vxlan' }],
  })
  expect(changed.condition).toBeUndefined()
  expect(keysOf(changed)).toEqual(['put route 254 10.244.1.0/24 0 0'])
})

test('an address that an operator declares counts for the interface and the record; without the API server it ends with 4', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  const planned = await PlannedHost.create(onKubernetes(rig), 0)
  await planned.host.ip('link', 'add', 'second', 'type', 'bridge')
  // Without ports it would never settle on an IPv6 address.
  await planned.host.ip('link', 'set', 'second', 'addrgenmode', 'none')
  await planned.host.ip('address', 'add', '198.51.100.7/24', 'dev', 'second')
  await planned.host.ip('link', 'set', 'second', 'up')
  await rig.register(0, ['10.244.1.0/24'], { 'node-public-ip': '198.51.100.7' })
  const { stdout } = await planned.plan()
  expect(stdout.replaceAll(/\n {4,}/g, ' ')).toMatch(
    /^\+ link +flannel\.1 .* local 198\.51\.100\.7 parent second$/m,
  )
  await rig.cluster.stopApiServer()
  const ended = await planned.planInMotion()
  expect(ended.stderr).toMatch(/kubernetes|API server/i)
  expect(ended).toMatchObject({ status: 4, stdout: '' })
})
