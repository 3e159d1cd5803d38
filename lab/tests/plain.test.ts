/**
 * Encrypted means encrypted: after a host's own change to wireguard or ipsec, none of its pods' packets leaves it in plain.
 * Each host's own wire is captured, all the time.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hostGw } from '@selvedge/backend-hostgw'
import { vxlan } from '@selvedge/backend-vxlan'
import { keyPairOf, wireguardBackend } from '@selvedge/backend-wireguard'
import { type Backend, createOverlay } from '@selvedge/core'
import { familyOf } from '@selvedge/core/kit'
import { linux } from '@selvedge/dataplane-linux'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, test } from 'vitest'
import {
  Capture,
  type Host,
  isPlain,
  KernelMonitor,
  Lab,
  type Member,
  pingUntilReached,
  until,
} from '../src/index.js'
import { type JoinedLab, joinedLab } from './setup.js'
import { BY, CHOSEN } from './wireguard-here.js'

const NETWORK = { Network: '10.244.0.0/16' }
const DUAL = { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd44::/48' }
const HOST_GW_BY_COMMANDS = {
  Type: 'extension',
  SubnetAddCommand: 'ip route add $SUBNET via $PUBLIC_IP',
  SubnetRemoveCommand: 'ip route del $SUBNET via $PUBLIC_IP',
}

const WIREGUARD = { Type: 'wireguard' }
const IPSEC = { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) }

describe.each([
  ['vxlan', 'wireguard', NETWORK, {}, { Type: 'vxlan' }, WIREGUARD],
  [
    'vxlan with DirectRouting',
    'wireguard, dual-stack',
    DUAL,
    { ipv6: true },
    { Type: 'vxlan', DirectRouting: true },
    WIREGUARD,
  ],
  ['host-gw', 'wireguard', NETWORK, {}, { Type: 'host-gw' }, WIREGUARD],
  ['udp', 'wireguard', NETWORK, {}, { Type: 'udp' }, WIREGUARD],
  ['extension, by commands', 'wireguard', NETWORK, {}, HOST_GW_BY_COMMANDS, WIREGUARD],
  ['vxlan', 'ipsec', NETWORK, {}, { Type: 'vxlan' }, IPSEC],
  ['ipsec', 'wireguard', NETWORK, {}, IPSEC, WIREGUARD],
])(`${BY}, from %s to %s, one host after the other`, (_, __, network, lab, former, latter) => {
  test('none of a host’s packets is in plain after its own change, and all arrive at the end', async () => {
    await using joined = await joinedLab({ ...network, Backend: former }, { hosts: 2, ...lab })
    const wires = await Promise.all(joined.members.map((member) => Wire.of(joined, member)))
    for (const { host } of joined.members) {
      const isExtension = former.Type === 'extension'
      expect(await recordsOf(joined, host)).toHaveLength(isExtension ? 1 : 0)
    }
    await changeConfig(joined, { ...network, Backend: latter })
    for (const [index, { host, agent }] of joined.members.entries()) {
      await using monitor = await KernelMonitor.start(host)
      await agent.stop()
      await joined.network.startAgent(host).ready()
      await wires[index]?.changed(host, monitor)
    }
    await reachAll(joined.members)
    const before = former !== IPSEC
    for (const wire of wires) expect(await wire.stop()).toEqual({ before, afterRoutes: 0, afterReady: 0 })
    for (const { host } of joined.members) {
      expect(await host.ip('route')).not.toMatch(/\/24 .*via/)
      expect(await recordsOf(joined, host)).toEqual([])
    }
  })
})

test('a host that cannot start wireguard sends nothing in plain either, and reaches its peers once it can', async () => {
  await using joined = await joinedLab({ ...NETWORK, Backend: { Type: 'vxlan' } }, { hosts: 2 })
  const [first, second] = [joined.member(0), joined.member(1)]
  const wire = await Wire.of(joined, first)
  await changeConfig(joined, { ...NETWORK, Backend: { Type: 'wireguard' } })
  await first.agent.stop()
  const key = join(dirname(joined.network.subnetEnvOf(first.host)), 'wgkey')
  await mkdir(dirname(key), { recursive: true })
  await writeFile(key, 'no key\n', { mode: 0o600 })
  await expect(joined.network.startAgent(first.host).ready()).rejects.toThrow(/INVALID_CONFIG|holds no/)
  wire.ended()
  expect(await first.host.ip('route')).toContain('blackhole 10.244.0.0/16')
  await writeFile(key, `${Buffer.alloc(32, 7).toString('base64')}\n`)
  await joined.network.startAgent(first.host).ready()
  await second.agent.stop()
  await joined.network.startAgent(second.host).ready()
  await reachAll(joined.members)
  expect(await wire.stop()).toMatchObject({ before: true, afterReady: 0 })
})

describe('before the store has given a list of all leases', () => {
  const leftovers: readonly (readonly [string, (host: Host) => Promise<void>])[] = [
    ['vxlan', (host) => ranBefore(host, vxlan())],
    ['host-gw', (host) => ranBefore(host, hostGw())],
    [
      "flanneld's vxlan",
      (host) =>
        host.ipBatch([
          'link add flannel.1 type vxlan id 1 dstport 8472 local 192.168.77.1 dev eth0 nolearning',
          'address add 10.244.1.0/32 dev flannel.1',
          'link set flannel.1 up',
          'route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink',
        ]),
    ],
    ["flanneld's host-gw", (host) => host.ipBatch(['route add 10.244.2.0/24 via 192.168.77.2 dev eth0'])],
  ]

  test.each(leftovers)('%s leaves no route that beats the tunnel’s', async (_, leave) => {
    await using lab = await Lab.create({ hosts: 1 })
    const host = lab.host(0)
    await leave(host)
    await host.ip('route', 'add', '10.244.7.0/24', 'via', '192.168.77.7', 'proto', 'static')
    expect(await host.ip('route', 'get', '10.244.2.2')).not.toContain('flannel-wg')
    const subnets = new MemorySubnetManager(storeOf('wireguard'))
    subnets.watchLeases = async function* ({ signal }) {
      yield* []
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    const namespace = `/run/netns/${host.namespace}`
    await using overlay = createOverlay({
      subnets,
      backend: wireguardBackend(keyPairOf(Buffer.alloc(32, 5).toString('base64')), {
        implementation: CHOSEN,
        namespace: host.namespace,
        socketDirectory: lab.directory,
      }),
      drivers: [linux({ namespace })],
    })
    void overlay.start({ signal: lab.switch.signal }).catch(() => undefined)
    await until('the tunnel to be what packets take', async () => {
      const found = await host.ip('route', 'get', '10.244.2.2')
      return found.includes('dev flannel-wg') || undefined
    })
    expect(overlay.status.waitingFor).toContain('list of leases')
    // An operator's stays.
    expect(await host.ip('route')).toContain('10.244.7.0/24 via 192.168.77.7 dev eth0 proto static')
  })
})

test('a device that another program deletes takes its route along, and packets are dropped until it is back', async () => {
  await using joined = await joinedLab({ ...NETWORK, Backend: { Type: 'wireguard' } }, { hosts: 2 })
  const { host, agent, pod } = joined.member(0)
  const [target = ''] = joined.member(1).pod.addresses
  await pingUntilReached(pod, target)
  await agent.kill()
  await host.ip('link', 'delete', 'flannel-wg')
  await expect(host.ip('route', 'get', target)).rejects.toThrow('Invalid argument')
  await joined.network.startAgent(host).ready()
  await pingUntilReached(pod, target)
})

/** What leaves one host, while its pod sends to those of the others. */
class Wire {
  readonly #capture: Capture
  readonly #pairs: readonly (readonly [from: string, to: string])[]
  #routesGoneMs = Number.POSITIVE_INFINITY
  #readyMs = Number.POSITIVE_INFINITY

  private constructor(capture: Capture, pairs: readonly (readonly [string, string])[]) {
    this.#capture = capture
    this.#pairs = pairs
  }

  static async of({ lab, members }: JoinedLab, { host, pod }: Member): Promise<Wire> {
    const others = members.filter((member) => member.host !== host).flatMap((other) => other.pod.addresses)
    const pairs = pod.addresses.flatMap((from) =>
      others.filter((to) => familyOf(to) === familyOf(from)).map((to) => [from, to] as const),
    )
    const file = join(lab.directory, `${host.name}.pcap`)
    const capture = await Capture.start(host, { device: 'eth0', direction: 'out', file })
    for (const [, to] of pairs) {
      await pingUntilReached(pod, to)
      pod.spawn('ping', ['-q', '-i', '0.02', to]).stdout.resume()
    }
    return new Wire(capture, pairs)
  }

  /** Its host's agent is ready with the new backend. */
  async changed(host: Host, monitor: KernelMonitor): Promise<void> {
    this.#readyMs = Date.now()
    // What the kernel has reported before this has been read once this has.
    await host.ip('link', 'set', 'lo', 'alias', 'changed')
    await monitor.event(/^\d+: lo:/)
    const ends = monitor.events.filter(
      ({ text }) => /^Deleted \S+\/(24|64) /.test(text) || /^\S+\/(16|48) dev flannel-wg/.test(text),
    )
    // Of two hosts the first one's change has had the second one's former routes removed already.
    this.#routesGoneMs = ends.length === 0 ? this.#readyMs : Math.max(...ends.map(({ time }) => time))
  }

  /** Its host's agent has ended. */
  ended(): void {
    this.#readyMs = Date.now()
  }

  /** How many of its packets were plain, before its own change and after it. */
  async stop() {
    const plain = (await this.#capture.stop()).filter((packet) =>
      this.#pairs.some(([from, to]) => isPlain(packet, from, to)),
    )
    const after = (timeMs: number) => plain.filter((packet) => packet.timeMs > timeMs).length
    return {
      // What is looked for is found if it is there.
      before: plain.length > 0,
      afterRoutes: after(this.#routesGoneMs),
      afterReady: after(this.#readyMs),
    }
  }
}

async function reachAll(members: readonly Member[]): Promise<void> {
  for (const { pod } of members) {
    for (const other of members)
      for (const address of other.pod.addresses) await pingUntilReached(pod, address)
  }
}

/** Of the commands that an extension has run. */
async function recordsOf({ network }: JoinedLab, host: Host): Promise<readonly string[]> {
  const folder = join(dirname(network.subnetEnvOf(host)), 'commands', '10.244.0.0-16')
  return await readdir(folder).catch(() => [])
}

async function changeConfig({ network }: JoinedLab, config: object): Promise<void> {
  await using subnets = network.subnets()
  await subnets.setNetworkConfig(config)
}

/** A store with a peer, 10.244.2.0/24. */
function storeOf(type: string): MemoryStore {
  const store = new MemoryStore({ config: { ...NETWORK, Backend: { Type: type } } })
  const attributes = {
    publicIp: '192.168.77.2',
    backendType: type,
    ...(type === 'vxlan' && { backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:02' } }),
  }
  store.reserve({ subnet: '10.244.2.0/24', attributes })
  return store
}

/** An overlay with the peer has run, and its process has ended. */
async function ranBefore(host: Host, backend: Backend): Promise<void> {
  await using overlay = createOverlay({
    subnets: new MemorySubnetManager(storeOf(backend.type)),
    backend,
    drivers: [linux({ namespace: `/run/netns/${host.namespace}` })],
  })
  await overlay.start()
  await overlay.whenInSync()
}
