/** Pods made by the CNI plugin, as a container runtime calls it, on hosts whose networks `selvedged` makes. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Container,
  documentBlock,
  type Host,
  type NetworkList,
  PluginFailure,
  ping,
  pingUntilReached,
  type Result,
  Runtime,
  until,
} from '@selvedge/lab'
import { expect, test } from 'vitest'
import { addressSeen } from './address-seen.js'
import { Rig, type RigOptions, vxlanConfig } from './rig.js'
import { controlSocketOf, filesOf } from './selvedged.js'

/** The switch, of each family: outside of the network, and without a route into it. */
const OUTSIDE = { ipv4: '192.168.77.254', ipv6: 'fd77::fe' }
const FLAGS = { args: ['--ip-masq', '--iptables-forward-rules'] }
const ALL = { sent: 5, lost: 0 }

/** The conf list of the plugin's README, as flannel's manifest installs it, with the files of a lab's host. */
function listOf(folder: string, subnetFile: string, name = 'cbr0', delegate: object = {}): NetworkList {
  const list = JSON.parse(documentBlock('packages/cni/README.md', '{\n  "name": "cbr0"'))
  const [flannel, ...others] = list.plugins
  const files = {
    subnetFile,
    dataDir: join(folder, `${name}-kept`),
    agentSocket: controlSocketOf(subnetFile),
    ipam: { dataDir: join(folder, `${name}-addresses`) },
  }
  const own = { ...flannel, ...files, delegate: { ...flannel.delegate, bridge: 'cni0', ...delegate } }
  return { ...list, name, plugins: [own, ...others] }
}

/** A container and the addresses that it got. */
interface PodOfRuntime {
  readonly container: Container
  readonly addresses: readonly string[]
}

const addressesIn = ({ ips = [] }: Result): readonly string[] =>
  ips.map(({ address }) => address.split('/')[0] ?? '')

interface RuntimeOnHost {
  readonly host: Host
  readonly runtime: Runtime
  readonly list: NetworkList
  add(capabilities?: Record<string, unknown>): Promise<PodOfRuntime>
  /** As containerd 2 asks; Debian's plugins know no STATUS, so that the delegate is a stand-in. */
  status(): Promise<void>
}

const MODERN = `#!/bin/sh
echo '{"cniVersion":"1.1.0","supportedVersions":["1.1.0"]}'
`

async function runtimeOn({ lab }: Rig, index: number): Promise<RuntimeOnHost> {
  const host = lab.host(index)
  const runtime = await Runtime.create(host, lab.directory)
  const list = listOf(join(lab.directory, host.name), filesOf(lab, host).subnetFile)
  await writeFile(join(runtime.folder, 'modern'), MODERN, { mode: 0o755 })
  const plugins = list.plugins.slice(0, 1).map((plugin) => ({ ...plugin, delegate: { type: 'modern' } }))
  return {
    host,
    runtime,
    list,
    add: async (capabilities = {}) => {
      const container = await runtime.container()
      return { container, addresses: addressesIn(await runtime.add(list, container, { capabilities })) }
    },
    status: () => runtime.status({ ...list, cniVersion: '1.1.0', plugins }),
  }
}

const dualStack: [string, object, RigOptions] = [
  'dual-stack',
  { ...vxlanConfig, EnableIPv6: true, IPv6Network: 'fd00:244::/48' },
  { ipv6: true },
]
test.each<[string, object, RigOptions]>([['IPv4', vxlanConfig, {}], dualStack])(
  '%s: pods on two hosts reach each other as themselves, the outside masqueraded, and a hostPort answers from there',
  async (_, config, options) => {
    await using rig = await Rig.create(config, options)
    const agents = rig.lab.hosts.map((_, index) => rig.start(index, FLAGS))
    for (const agent of agents) await agent.inSync()
    const [first, second] = await Promise.all([runtimeOn(rig, 0), runtimeOn(rig, 1)])
    await first.status()
    const portMappings = [{ hostPort: 8080, containerPort: 8000, protocol: 'tcp' }]
    const [server, peer] = await Promise.all([first.add({ portMappings }), second.add()])
    for (const address of server.addresses) {
      // The bridge's IPv6 address is tentative for a second.
      await pingUntilReached(peer.container.netns, address)
      expect(await ping(peer.container.netns, address), address).toEqual(ALL)
      const own = peer.addresses.find((other) => other.includes(':') === address.includes(':'))
      expect(await addressSeen(peer.container.netns, server.container.netns, { address, port: 8000 })).toBe(
        own,
      )
    }
    for (const [i, outside] of Object.values(OUTSIDE).slice(0, server.addresses.length).entries()) {
      expect(await ping(server.container.netns, outside), outside).toEqual(ALL)
      const address = first.host.addresses[i] ?? ''
      // The port of the host, from outside: the pod sees who it is.
      const seen = addressSeen(rig.lab.switch, server.container.netns, {
        address,
        port: 8080,
        listensAt: 8000,
      })
      expect(await seen).toBe(outside)
      expect(
        await addressSeen(peer.container.netns, server.container.netns, {
          address,
          port: 8080,
          listensAt: 8000,
        }),
      ).toBe(second.host.addresses[i])
    }
    // A restart of the agent is nothing to pods and their plugin.
    await agents[0]?.stop()
    await first.status()
    const another = await first.add()
    expect(await ping(peer.container.netns, another.addresses[0] ?? '')).toEqual(ALL)
    for (const pod of [server, another]) await first.runtime.del(first.list, pod.container)
    expect(await first.host.exec('iptables-save')).not.toContain('8080')
  },
)

test('two networks in one pod: one agent for each, VNI 1 and 2', async () => {
  await using rig = await Rig.create(vxlanConfig)
  await rig.etcd.putConfig({ Network: '10.99.0.0/16', Backend: { Type: 'vxlan', VNI: 2 } }, '/blue/network')
  const pods = await Promise.all(
    rig.lab.hosts.map(async (host, index) => {
      const folder = join(rig.lab.directory, host.name)
      const blue = {
        subnetFile: join(folder, 'blue', 'subnet.env'),
        leaseCache: join(folder, 'blue', 'leases'),
      }
      const agents = [
        rig.start(index, FLAGS),
        rig.start(index, {
          args: [...FLAGS.args, '--etcd-prefix=/blue/network', '--rules-name=blue'],
          files: blue,
        }),
      ]
      for (const agent of agents) await agent.inSync()
      const { runtime, list } = await runtimeOn(rig, index)
      const blueList = listOf(folder, blue.subnetFile, 'blue', {
        bridge: 'cni-blue',
        isDefaultGateway: false,
      })
      const container = await runtime.container()
      const first = addressesIn(await runtime.add(list, container))
      const second = addressesIn(await runtime.add(blueList, container, { ifName: 'net1' }))
      return {
        container,
        addresses: [...first, ...second],
        remove: async () => {
          await runtime.del(blueList, container, { ifName: 'net1' })
          await runtime.del(list, container)
          return container.netns.ip('-oneline', 'link')
        },
      }
    }),
  )
  const [here, there] = pods
  if (here === undefined || there === undefined) throw new Error('two hosts')
  expect(there.addresses.map((address) => address.split('.').slice(0, 2).join('.'))).toEqual([
    '10.244',
    '10.99',
  ])
  for (const address of there.addresses)
    expect(await ping(here.container.netns, address), address).toEqual(ALL)
  expect(await ping(here.container.netns, OUTSIDE.ipv4)).toEqual(ALL)
  expect(await here.remove()).not.toMatch(/eth0|net1/)
})

const failureOf = async (call: Promise<unknown>): Promise<{ code: number; message: string }> => {
  const error = await call.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(PluginFailure)
  const { code, message } = error as PluginFailure
  return { code, message }
}

test('while the agent is not ready, ADD and STATUS say what it waits for', async () => {
  await using rig = await Rig.create(undefined, { hosts: 1 })
  const { add, status } = await runtimeOn(rig, 0)
  const both = () => Promise.all([failureOf(add()), failureOf(status())])
  const notThere = /subnet\.env is missing/
  expect(await both()).toMatchObject([{ message: expect.stringMatching(notThere) }, { code: 50 }])

  const agent = rig.start(0, FLAGS)
  // Until etcd has answered, the agent can say only that it waits for etcd.
  const asks = /holds no network config/
  await agent.logged(asks)
  await until('the agent to say that etcd holds no network config', async () =>
    (await both()).every(({ message }) => asks.test(message)) ? true : undefined,
  )
  expect(await both()).toMatchObject([{ message: expect.stringMatching(asks) }, { code: 50 }])
  await rig.etcd.kill()
  const silent = /etcd/
  await until('the agent to say that etcd does not answer', async () =>
    (await both()).every(({ message }) => /ECONNREFUSED|does not answer/.test(message)) ? true : undefined,
  )
  expect(await both()).toMatchObject([
    { message: expect.stringMatching(silent) },
    { code: 50, message: expect.stringMatching(silent) },
  ])
  await rig.etcd.start()
  await rig.etcd.putConfig(vxlanConfig)
  await agent.ready()
  await agent.inSync()
  await status()
  // etcd goes again: pods are made from what is known.
  await rig.etcd.kill()
  const { addresses } = await add()
  expect(addresses).toHaveLength(1)
  // An agent that hangs is waited for, not for long, and says nothing.
  agent.signal('SIGSTOP')
  await status()
  agent.signal('SIGCONT')
})
