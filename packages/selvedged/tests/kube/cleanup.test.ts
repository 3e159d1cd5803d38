/** `selvedge cleanup --release-lease` on Kubernetes: the lease is what this Node publishes. */
import { afterAll, expect, test } from 'vitest'
import { selvedgeIn } from '../cli/selvedge.js'
import { vxlanConfig } from '../rig.js'
import { filesOf } from '../selvedged.js'
import { PREFIX, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

test('what this Node publishes is withdrawn, what a Node of another name does is not, and that is said', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  const host = rig.lab.host(0)
  await rig.register(0, ['10.244.1.0/24'])
  const agent = rig.start(0)
  await agent.inSync()
  await rig.published(0, 'backend-data', (value) => value !== undefined)
  await agent.stop()
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  const files = [`--subnet-file=${subnetFile}`, `--lease-cache=${leaseCache}`, '--control-socket=']
  const cleanupAs = (node: string) =>
    selvedgeIn(host, [...rig.flags, ...files], [`NODE_NAME=${node}`, 'unshare', '--mount'])(
      'cleanup',
      '--yes',
      '--release-lease',
    )
  const published = async () =>
    Object.keys((await rig.node(0)).metadata.annotations ?? {}).filter((name) => name.startsWith(PREFIX))

  const wrong = await cleanupAs('another')
  expect(wrong.stdout.replaceAll(/\n {2,}/g, ' ')).toMatch(
    /^! releasing this host's lease 10\.244\.1\.0-24 in Kubernetes: it is still there: .* set NODE_NAME$/m,
  )
  expect(wrong.status).toBe(1)
  expect(await published()).not.toEqual([])
  const right = await cleanupAs(host.name)
  expect(right).toMatchObject({ status: 0, stderr: '' })
  expect(right.stdout).toMatch(/^- lease 10\.244\.1\.0-24, in Kubernetes$/m)
  expect(await published()).toEqual([])
  const again = await cleanupAs(host.name)
  expect(again).toMatchObject({ status: 0, stderr: '' })
  expect(again.stdout).toContain('? no lease in Kubernetes is')
})
