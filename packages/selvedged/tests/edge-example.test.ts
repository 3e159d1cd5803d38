/** The program of docs/guides/boot-with-nothing.md, on a host among others, switched off and on again without its uplink. */
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseSubnetEnv } from '@selvedge/core'
import { pingUntilReached, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { printTime } from './print-time.js'
import { addOtherNetwork, configureInOtherNetwork, plugIn, removeLinks } from './reboot.js'
import { Rig, vxlanConfig } from './rig.js'

/** As built: a process of its own cannot run TypeScript. */
const EDGE = fileURLToPath(new URL('../../../examples/dist/edge.js', import.meta.url))

test('edge.ts boots with nothing but lo, and reaches its peers from another network, in one process', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 2 })
  const { etcd, lab } = rig
  const [host] = lab.hosts
  if (host === undefined) throw new Error('two hosts')
  const peer = rig.start(1)
  const pod = await peer.addPod()
  const cacheFile = join(lab.directory, 'edge', 'leases')
  const subnetFile = join(lab.directory, 'edge', 'subnet.env')
  const start = () => {
    const child = host.spawn(process.execPath, [EDGE, etcd.endpoint, cacheFile, subnetFile])
    const lines: string[] = []
    createInterface(child.stderr).on('line', (line) => lines.push(line))
    const said = (pattern: RegExp) =>
      until(`edge.ts to say ${pattern}`, () => {
        if (child.exitCode !== null) throw new Error(`it ended:\n${lines.join('\n')}`)
        return lines.find((line) => pattern.test(line))
      })
    const read = async () => parseSubnetEnv(await readFile(subnetFile, 'utf8').catch(() => ''))
    const ready = () =>
      until('its subnet.env', async () => {
        const env = await read()
        return env.subnet === undefined ? undefined : env
      })
    return { child, lines, said, ready }
  }
  const first = start()
  const { subnet, mtu } = await first.ready()
  await until('it to have kept both leases', async () =>
    (await readFile(cacheFile, 'utf8').catch(() => '')).includes('"leases":2,') ? true : undefined,
  )
  first.child.kill('SIGKILL')
  await once(first.child, 'close')
  await addOtherNetwork(rig)
  const uplink = await removeLinks(host)
  await rm(subnetFile)
  await etcd.kill()

  const startedAt = performance.now()
  const { child, said, ready, lines } = start()
  expect(await ready()).toMatchObject({ subnet, mtu })
  printTime('edge.ts with only lo: process start to subnet.env', performance.now() - startedAt)
  await said(/^no uplink: there is no default route/)
  await plugIn(rig, uplink)
  await configureInOtherNetwork(host)
  await said(/^uplink: eth0/)
  await etcd.start()
  const answers = performance.now()
  const own = await host.addPod({ subnets: [subnet ?? ''], mtu: mtu ?? 0 })
  await pingUntilReached(own, pod.addresses[0] ?? '')
  printTime('edge.ts: the store answers until its peer is reached', performance.now() - answers)
  expect(child.exitCode, lines.join('\n')).toBeNull()
  expect((await etcd.leases()).get(subnet?.replace('/', '-') ?? '')).toContain('"PublicIP":"192.168.88.1"')
  child.kill('SIGTERM')
  await once(child, 'close')
  expect(child.exitCode).toBe(0)
})
