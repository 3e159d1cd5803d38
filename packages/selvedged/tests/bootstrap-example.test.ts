/** The programs of docs/guides/without-a-cluster.md: hosts form a network by a file, and move to etcd under traffic. */
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSubnetEnv } from '@selvedge/core'
import {
  documentBlock,
  ExampleProgram,
  type Host,
  PingStream,
  type Pod,
  pingUntilReached,
  readKernelState,
  until,
} from '@selvedge/lab'
import { expect, test } from 'vitest'
import { documentShell } from './document-shell.js'
import { printTime } from './print-time.js'
import { Rig } from './rig.js'

/** That of the guide, with the first two hosts of a lab. */
const FLEET = fileURLToPath(new URL('../../../examples/fleet.json', import.meta.url))

const PING_INTERVAL_MS = 20

test('hosts form a network by a file, one more is added, and all move to etcd: no ping is lost, and nothing changes', async () => {
  await using rig = await Rig.create(undefined, { hosts: 3 })
  const { lab, etcd } = rig
  const fleet = join(lab.directory, 'fleet', 'fleet.json')
  await mkdir(join(lab.directory, 'fleet'))
  await copyFile(FLEET, fleet)
  const file = ({ name }: Host, what: string) => join(lab.directory, name, what)
  const read = async (host: Host) => readFile(file(host, 'subnet.env'), 'utf8').catch(() => '')
  const onFile = (host: Host) =>
    documentBlock('docs/guides/without-a-cluster.md', 'node examples/dist/bootstrap.js', {
      '/etc/edge/fleet.json': fleet,
      '/var/lib/edge/leases': file(host, 'leases'),
      '/run/edge/subnet.env': file(host, 'subnet.env'),
    })
  const onEtcd = (host: Host) =>
    documentBlock('docs/guides/without-a-cluster.md', 'node examples/dist/edge.js', {
      'http://10.0.0.5:2379': etcd.endpoint,
      '/var/lib/edge/leases-etcd': file(host, 'leases-etcd'),
      '/run/edge/subnet.env': file(host, 'subnet.env'),
    })
  const programs = lab.hosts.map((host) => ExampleProgram.startBy(host, onFile(host)))
  const pods: Pod[] = []
  const enter = async (host: Host) => {
    // One that the file did not name tries again after a few seconds.
    const { subnet = '', mtu = 0 } = await until(
      `the subnet.env of ${host.name}`,
      async () => {
        const env = parseSubnetEnv(await read(host))
        return env.subnet === undefined ? undefined : env
      },
      { timeoutMs: 30_000 },
    )
    const pod = await host.addPod({ subnets: [subnet], mtu })
    pods.push(pod)
    return pod
  }
  const [first, second] = [await enter(lab.host(0)), await enter(lab.host(1))]
  await pingUntilReached(first, second.addresses[0] ?? '')
  await programs[2]?.line(/the file names no host 192\.168\.77\.3/)
  const { config, hosts } = JSON.parse(await readFile(fleet, 'utf8'))
  await writeFile(
    `${fleet}.new`,
    JSON.stringify({ config, hosts: { ...hosts, '192.168.77.3': '10.244.3.0/24' } }),
  )
  await rename(`${fleet}.new`, fleet)
  const third = await enter(lab.host(2))
  await pingUntilReached(third, first.addresses[0] ?? '')
  await pingUntilReached(second, third.addresses[0] ?? '')

  const state = () =>
    Promise.all(lab.hosts.map(async (host) => [await read(host), await readKernelState(host, 'flannel.1')]))
  const before = await state()
  const streams = await Promise.all(
    pods.map((pod, i) => PingStream.start(pod, pods[(i + 1) % 3]?.addresses[0] ?? '', PING_INTERVAL_MS)),
  )
  const shell = await documentShell(lab, lab.switch)
  const places = { '/etc/edge/fleet.json': fleet, 'http://10.0.0.5:2379': etcd.endpoint }
  const copy = () =>
    shell(documentBlock('docs/guides/without-a-cluster.md', 'node examples/dist/move.js', places))
  expect(await copy()).toBe(
    `${documentBlock('docs/guides/without-a-cluster.md', '0 leases copied, 3 reserved')}\n`,
  )
  const copies = await etcd.leases()
  for (const [index, host] of lab.hosts.entries()) {
    expect(await programs[index]?.stop()).toBe(0)
    if (index === 2) {
      await rig.start(2).inSync()
      continue
    }
    programs[index] = ExampleProgram.startBy(host, onEtcd(host))
    await until(
      `${host.name} to have listed all leases of etcd`,
      async () =>
        (await readFile(file(host, 'leases-etcd'), 'utf8').catch(() => '')).includes('"leases":3,')
          ? true
          : undefined,
      { timeoutMs: 30_000 },
    )
  }
  for (const stream of streams) {
    const { sent, lost, longestGapMs } = await stream.stop()
    printTime(`${sent} packets, ${lost} lost, longest gap`, longestGapMs)
    expect(sent).toBeGreaterThan(20)
    expect(lost).toBe(0)
  }
  expect(await copy()).toBe('0 leases copied, 0 reserved, 3 there already\n')
  expect(await etcd.leases()).toEqual(copies)
  expect(await state()).toEqual(before)
  for (const program of programs) expect(await program.stop()).toBe(0)
})
