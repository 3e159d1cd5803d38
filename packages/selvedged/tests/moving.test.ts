/** As docs/moving-a-cluster.md says it: a cluster changes its store, node by node, while its pods ping one another. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { leaseKey } from '@selvedge/core'
import { documentBlock, type Host, Network, PingStream, type Pod, readKernelState } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { selvedgeIn } from './cli/selvedge.js'
import { documentShell } from './document-shell.js'
import { Nats } from './nats.js'
import { printTime } from './print-time.js'
import { Rig, SWITCH_ADDRESS, vxlanConfig } from './rig.js'

/** Among the examples, so that the program finds the packages that it names. */
const PROGRAM = fileURLToPath(new URL(`../../../examples/dist/moving-${process.pid}.mjs`, import.meta.url))

/** What the document's program leaves to its reader: the two stores, and the config of the old one. */
const programFor = (path: string, endpoint: string) => `
import { networkConfigJson } from '@selvedge/core'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { LocalSubnetManager } from '@selvedge/store-local'
const from = new LocalSubnetManager({ path: '${path}' })
const to = new EtcdSubnetManager({ endpoints: ['${endpoint}'] })
const config = networkConfigJson(await from.getNetworkConfig())
${documentBlock('docs/moving-a-cluster.md', 'import { copyLeases }')}
console.log([copied, reserved, present].map(({ length }) => length).join())
await Promise.all([from[Symbol.asyncDispose](), to[Symbol.asyncDispose]()])
`

const PING_INTERVAL_MS = 20

/** The device with its MAC, and what leads to the peers. The index and the counters of a device are no part of it. */
const stateOf = async (host: Host) => readKernelState(host, 'flannel.1')

async function pingEachOther([first, second]: readonly Pod[]): Promise<readonly PingStream[]> {
  if (first === undefined || second === undefined) throw new Error('two pods are needed')
  return Promise.all([
    PingStream.start(first, `${second.addresses[0]}`, PING_INTERVAL_MS),
    PingStream.start(second, `${first.addresses[0]}`, PING_INTERVAL_MS),
  ])
}

async function expectNoneLost(streams: readonly PingStream[]): Promise<void> {
  for (const stream of streams) {
    const { sent, lost, longestGapMs } = await stream.stop()
    printTime(`${sent} packets, ${lost} lost, longest gap`, longestGapMs)
    expect(sent).toBeGreaterThan(50)
    expect(lost).toBe(0)
  }
}

test('two hosts move from store-local to etcd: no ping is lost, each keeps its subnet and its MAC', async () => {
  await using rig = await Rig.create(undefined)
  const { lab, etcd } = rig
  const network = await Network.create(lab, vxlanConfig)
  const members = await network.joinAll()
  const before = await Promise.all(lab.hosts.map(stateOf))
  const streams = await pingEachOther(members.map(({ pod }) => pod))
  const store = join(lab.directory, 'store.mdb')
  const places = { '/var/lib/overlay/leases': store, 'http://10.0.0.5:2379': etcd.endpoint }
  const shell = await documentShell(lab, lab.switch)

  const said = await shell(
    documentBlock('docs/moving-a-cluster.md', 'selvedge leases copy --local-store', places),
  )
  expect(said).toMatch(/^Leases +2 copied/m)
  const copies = await etcd.leases()
  for (const [index, { agent, lease }] of members.entries()) {
    await agent.stop()
    const moved = rig.start(index)
    expect((await moved.ready()).subnet).toBe(lease.subnet)
    await moved.inSync()
    expect(await shell(documentBlock('docs/moving-a-cluster.md', 'node examples/dist/move.js', places))).toBe(
      '0 leases copied, 0 reserved, 2 there already\n',
    )
  }
  await writeFile(PROGRAM, programFor(store, etcd.endpoint))
  try {
    expect(await lab.switch.exec(process.execPath, [PROGRAM])).toBe('0,0,2\n')
  } finally {
    await rm(PROGRAM)
  }

  await expectNoneLost(streams)
  expect(await Promise.all(lab.hosts.map(stateOf))).toEqual(before)
  expect(await etcd.leases()).toEqual(copies)
  for (const { lease } of members) expect(await etcd.hasTerm(leaseKey(lease))).toBe(true)
})

test('two hosts move from etcd to NATS, and back: no ping is lost, each keeps its subnet and its MAC', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const { lab, etcd } = rig
  const { agents, pods } = await rig.joinAll()
  const nats = new Nats(lab.switch, SWITCH_ADDRESS, lab.directory)
  await nats.start()
  const before = await Promise.all(lab.hosts.map(stateOf))
  const files = await Promise.all(agents.map((agent) => agent.subnetEnv()))
  const leases = await etcd.leases()
  const streams = await pingEachOther(pods)

  const copy = async (...flags: readonly string[]) => {
    const { status, stdout, stderr } = await selvedgeIn(lab.switch, flags)('leases', 'copy', '--json')
    if (status !== 0) throw new Error(stderr)
    const { configWritten, copied, reserved, present } = JSON.parse(stdout)
    return { configWritten, copied: copied.length, reserved: reserved.length, present: present.length }
  }
  const onEtcd = `--etcd-endpoints=${etcd.endpoint}`
  const move = async (index: number, store: readonly string[]) => {
    await agents[index]?.stop()
    const moved = rig.start(index, { store })
    agents[index] = moved
    await moved.ready()
    await moved.inSync()
  }
  const thereAlready = { configWritten: false, copied: 0, reserved: 0, present: 2 }

  const shell = await documentShell(lab, lab.switch)
  const said = await shell(
    documentBlock('docs/moving-a-cluster.md', 'selvedge leases copy --etcd-endpoints', {
      'http://10.0.0.5:2379': etcd.endpoint,
      'nats://10.0.0.6:4222': nats.url,
    }),
  )
  expect(said).toMatch(/^Config +written\nLeases +2 copied/m)
  const inNats = await nats.leases()
  expect([...inNats.keys()].sort()).toEqual([...leases.keys()].sort())
  for (const index of agents.keys()) {
    await move(index, nats.flags)
    expect(await copy(onEtcd, `--to-nats-servers=${nats.url}`)).toEqual(thereAlready)
  }
  expect(await nats.leases()).toEqual(inNats)
  expect(await Promise.all(lab.hosts.map(stateOf))).toEqual(before)

  expect(await copy(...nats.flags, `--to-etcd-endpoints=${etcd.endpoint}`)).toEqual(thereAlready)
  for (const index of agents.keys()) await move(index, [onEtcd])
  await expectNoneLost(streams)
  expect(await Promise.all(lab.hosts.map(stateOf))).toEqual(before)
  expect(await Promise.all(agents.map((agent) => agent.subnetEnv()))).toEqual(files)
  expect(await etcd.leases()).toEqual(leases)
})
