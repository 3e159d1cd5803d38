/** As docs/moving-a-cluster.md says it: a cluster changes its store, node by node, while its pods ping one another. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { leaseKey } from '@selvedge/core'
import { type Host, Network, PingStream, readKernelState } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { printTime } from './print-time.js'
import { Rig, vxlanConfig } from './rig.js'

/** As built: a process of its own cannot run TypeScript. */
const MOVE = fileURLToPath(new URL('../../../examples/dist/move.js', import.meta.url))

const PING_INTERVAL_MS = 20

/** The device with its MAC, and what leads to the peers. The index and the counters of a device are no part of it. */
const stateOf = async (host: Host) => readKernelState(host, 'flannel.1')

test('two hosts move from store-local to etcd: no ping is lost, each keeps its subnet and its MAC', async () => {
  await using rig = await Rig.create(undefined)
  const { lab, etcd } = rig
  const network = await Network.create(lab, vxlanConfig)
  const members = await network.joinAll()
  const [first, second] = members.map(({ pod }) => pod)
  if (first === undefined || second === undefined) throw new Error('two pods are needed')
  const before = await Promise.all(lab.hosts.map(stateOf))
  const streams = await Promise.all([
    PingStream.start(first, `${second.addresses[0]}`, PING_INTERVAL_MS),
    PingStream.start(second, `${first.addresses[0]}`, PING_INTERVAL_MS),
  ])
  const copy = () =>
    lab.switch.exec(process.execPath, [MOVE, join(lab.directory, 'store.mdb'), etcd.endpoint])

  expect(await copy()).toBe('2 leases copied, 0 reserved, 0 there already\n')
  const copies = await etcd.leases()
  for (const [index, { agent, lease }] of members.entries()) {
    await agent.stop()
    const moved = rig.start(index)
    expect((await moved.ready()).subnet).toBe(lease.subnet)
    await moved.inSync()
    expect(await copy()).toBe('0 leases copied, 0 reserved, 2 there already\n')
  }

  for (const stream of streams) {
    const { sent, lost, longestGapMs: longestGap } = await stream.stop()
    printTime(`${sent} packets, ${lost} lost, longest gap`, longestGap)
    expect(sent).toBeGreaterThan(50)
    expect(lost).toBe(0)
  }
  expect(await Promise.all(lab.hosts.map(stateOf))).toEqual(before)
  expect(await etcd.leases()).toEqual(copies)
  for (const { lease } of members) expect(await etcd.hasTerm(leaseKey(lease))).toBe(true)
})
