import { type Host, PingStream, type Pod, until } from '@selvedge/lab'
import { expect } from 'vitest'
import { Rig, type RigOptions } from './rig.js'
import type { Selvedged } from './selvedged.js'

/** Inside the overlay's network, as an operator's slip has it, and reached by way of the hosts' gateway. */
export const ETCD_ADDRESS = '10.244.254.1'

export const NETWORK = { Network: '10.244.0.0/16', SubnetMax: '10.244.99.0' }
export const IPV6_NETWORK = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }

/** Milliseconds between two pings of a stream. */
export const PING_INTERVAL_MS = 20

/** A record that is put into etcd. */
export interface Hostile {
  readonly key: string
  readonly value: string
  /** What the log says of it; absent if there is nothing to say. */
  readonly reported?: RegExp
  /** The hosts that it concerns, by number. Default: all. */
  readonly by?: readonly number[]
}

export const mac = (n: number): string => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`

/** What a vxlan node publishes; `n` is the number of its host on the LAN. */
export function vxlanRecord(n: number, fields: object = {}): string {
  const BackendData = { VNI: 1, VtepMAC: mac(n) }
  return JSON.stringify({
    PublicIP: `192.168.77.${n}`,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData,
    ...fields,
  })
}

/** What overlays can change in a host's kernel, as `ip` and `bridge` print it. */
export async function kernelOf(host: Host): Promise<readonly string[]> {
  const texts = await Promise.all([
    host.ip('route'),
    host.ip('-6', 'route'),
    host.ip('nexthop'),
    host.ip('neigh', 'show', 'nud', 'permanent'),
    host.ip('-6', 'neigh', 'show', 'nud', 'permanent'),
    host.bridge('fdb', 'show').then((text) => text.replace(/^.* dev (?!flannel).*$/gm, '')),
  ])
  return (
    texts
      .flatMap((text) => text.split('\n'))
      .map((line) => line.trim())
      // Of links that come up, the kernel adds its own within seconds.
      .filter((line) => line !== '' && !line.startsWith('fe80::/64 '))
      .sort()
  )
}

/** Three nodes that are well, each with a pod. */
export class Cluster implements AsyncDisposable {
  readonly rig: Rig
  readonly agents: Selvedged[]
  readonly pods: readonly Pod[]
  readonly #goodRecord: string

  private constructor(rig: Rig, agents: Selvedged[], pods: readonly Pod[], goodRecord: string) {
    this.rig = rig
    this.agents = agents
    this.pods = pods
    this.#goodRecord = goodRecord
  }

  /**
   * Each host has a network of its own besides, 10.244.250.0/24 on `storage0`, and a VPN on `vpn0`.
   *
   * @param goodRecord of a node at 192.168.77.90 that nothing is wrong with
   */
  static async create(config: object, goodRecord: string, options: RigOptions = {}): Promise<Cluster> {
    const rig = await Rig.create(config, { hosts: 3, etcdAddress: ETCD_ADDRESS, ...options })
    try {
      for (const [i, host] of rig.lab.hosts.entries()) {
        await host.ipBatch([
          'link add storage0 type bridge',
          `address add 10.244.250.${i + 1}/24 dev storage0`,
          'link set storage0 up',
          // As a VPN has them: its other end, and what is behind it.
          'link add vpn0 type veth peer name vpn1',
          'link set vpn0 up',
          'link set vpn1 up',
          'address add 10.244.252.6 peer 10.244.252.5/32 dev vpn0',
          'route add 10.244.248.0/23 dev vpn0',
        ])
      }
      const { agents, pods } = await rig.joinAll()
      return new Cluster(rig, agents, pods, goodRecord)
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  agent(index: number): Selvedged {
    const agent = this.agents[index]
    if (agent === undefined) throw new RangeError(`no agent ${index}`)
    return agent
  }

  /** A node's IPv4 subnet. */
  async subnetOf(index: number): Promise<string> {
    return (await this.agent(index).subnetEnv()).subnet ?? ''
  }

  kernels(): Promise<readonly (readonly string[])[]> {
    return Promise.all(this.rig.lab.hosts.map(kernelOf))
  }

  /** Meanwhile pods of different nodes ping one another, and hosts ping etcd. No ping is lost. */
  async withTraffic(work: () => Promise<void>): Promise<void> {
    const [first, second, third] = this.pods
    const [host] = this.rig.lab.hosts
    if (first === undefined || second === undefined || third === undefined || host === undefined)
      throw new Error('three hosts are needed')
    const start = (from: Pod | Host, to: string) => PingStream.start(from, to, PING_INTERVAL_MS)
    const streams = await Promise.all([
      ...second.addresses.map((address) => start(first, address)),
      ...third.addresses.map((address) => start(second, address)),
      start(host, ETCD_ADDRESS),
    ])
    await work()
    for (const { sent, lost } of await Promise.all(streams.map((stream) => stream.stop()))) {
      expect(sent).toBeGreaterThan(0)
      expect(lost).toBe(0)
    }
  }

  /** The records are put in, stay for a while, and are deleted: neither changes what the kernels hold. */
  withstands(records: readonly Hostile[]): Promise<void> {
    return this.holds(records, () => [])
  }

  /** As `withstands`, while each host holds, besides, the routes that `routesOf` names by their destination. */
  async holds(
    records: readonly Hostile[],
    routesOf: (index: number) => readonly string[],
    whileThere: () => Promise<void> = async () => {},
  ): Promise<void> {
    const before = await this.kernels()
    await this.withTraffic(async () => {
      try {
        await this.#putReported(records)
        await this.isCaughtUp()
        for (const [i, lines] of (await this.kernels()).entries()) {
          const added = lines.filter((line) => before[i]?.includes(line) !== true)
          expect(before[i]?.filter((line) => !lines.includes(line))).toEqual([])
          const routes = added.flatMap((line) => (/ via /.test(line) ? line.replace(/ .*/, '') : []))
          expect(routes).toEqual([...routesOf(i)].sort())
          // Of each route: itself, a neighbour, and with vxlan an fdb entry.
          if (routes.length === 0) expect(added).toEqual([])
        }
        await whileThere()
      } finally {
        for (const { key } of records) await this.rig.etcd.delete(key)
      }
      await this.isCaughtUp()
      expect(await this.kernels()).toEqual(before)
      expect(this.agents.filter(({ output }) => output.includes('etcd is unavailable'))).toEqual([])
    })
  }

  /** Resolves once all that it concerns have reported each. */
  async #putReported(records: readonly Hostile[]): Promise<void> {
    const starts = this.agents.map(({ logs }) => logs.length)
    for (const { key, value } of records) await this.rig.etcd.put(key, value)
    for (const { reported, by } of records) {
      if (reported === undefined) continue
      await Promise.all(
        [...this.agents.entries()]
          .filter(([i]) => by === undefined || by.includes(i))
          .map(([i, agent]) => agent.logged(reported, { from: starts[i] ?? 0 })),
      )
    }
  }

  /** Resolves once all have followed whatever was put into etcd before: a node that comes and goes after it. */
  async isCaughtUp(): Promise<void> {
    const subnet = '10.244.90.0/24'
    const hasRoute = (isThere: boolean) =>
      until(`${subnet} to be ${isThere ? 'routed' : 'gone'} on all hosts`, async () => {
        const routes = await Promise.all(this.rig.lab.hosts.map((host) => host.ip('route', 'show', subnet)))
        return routes.every((route) => (route !== '') === isThere) || undefined
      })
    await this.rig.etcd.put(subnet.replace('/', '-'), this.#goodRecord)
    await hasRoute(true)
    await this.rig.etcd.delete(subnet.replace('/', '-'))
    await hasRoute(false)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]()
  }
}

/** The MACs of a host's VXLAN devices, by family. */
export async function macsOf(
  { lab }: Rig,
  index: number,
): Promise<{ readonly 4: string; readonly 6: string }> {
  const macOf = async (device: string) =>
    / link\/ether (\S+)/.exec(await lab.host(index).ip('-oneline', 'link', 'show', device))?.[1] ?? ''
  return { 4: await macOf('flannel.1'), 6: await macOf('flannel-v6.1') }
}
