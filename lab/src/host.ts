import { randomBytes } from 'node:crypto'
import { Namespace } from './namespace.js'
import { gatewayOf, Pod, type PodNetwork, prefixLengthOf } from './pod.js'
import { run } from './run.js'

/**
 * What `ip link add NAME` makes a bridge by, one that forwards from its first packet on: without the delays of STP, and
 * without snooping, which holds back the neighbour discovery of IPv6 until it has learned the groups. It keeps its hardware
 * address: a bridge that was given none takes its ports' lowest, and those that know it as their gateway by the one before
 * lose packets whenever a port comes or goes.
 */
export const bridge = (): string[] => [
  ...[
    'address',
    `02:${randomBytes(5)
      .toString('hex')
      .replace(/..(?=.)/g, '$&:')}`,
  ],
  ...['type', 'bridge', 'stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'],
]

export interface HostSettings {
  name: string
  lab: string
  switch: Namespace
  addresses: readonly { address: string; prefix: number }[]
  gateways: readonly string[]
}

/** A host: a network namespace with an `eth0` on the switch, that forwards between its interfaces. */
export class Host extends Namespace {
  /** `h1`, `h2`, …; also the name of its port on the switch. */
  readonly name: string
  /** The addresses of `eth0`, without their prefix: IPv4 first if there are both. */
  readonly addresses: readonly string[]
  readonly #settings: HostSettings
  readonly #pods: Pod[] = []

  constructor(settings: HostSettings) {
    super(`${settings.lab}-${settings.name}`, settings.switch.signal)
    this.name = settings.name
    this.addresses = settings.addresses.map(({ address }) => address)
    this.#settings = settings
  }

  get pods(): readonly Pod[] {
    return this.#pods
  }

  /** Addresses, a default route and forwarding, once the wire to the switch is there. */
  async setUp(): Promise<void> {
    await this.sysctl({
      'net/ipv4/ip_forward': 1,
      'net/ipv6/conf/all/forwarding': 1,
      // Else the underlay's addresses would be unusable for the second that DAD takes.
      'net/ipv6/conf/eth0/accept_dad': 0,
    })
    const { addresses, gateways } = this.#settings
    await this.ipBatch([
      'link set lo up',
      ...addresses.map(({ address, prefix }) => `address add ${address}/${prefix} dev eth0`),
      'link set eth0 up',
      ...gateways.map((gateway) => `route add default via ${gateway} dev eth0`),
    ])
  }

  /** Adds a pod behind the bridge `cni0`, which is made for the first one. */
  async addPod(network: PodNetwork): Promise<Pod> {
    const number = this.#pods.length + 1
    const pod = new Pod(this, network, number)
    this.#pods.push(pod)
    if (number === 1) await this.#makeBridge(network)
    await run('ip', ['netns', 'add', pod.namespace], { signal: this.signal })
    await this.ipBatch([
      `link add veth${number} mtu ${network.mtu} type veth peer name eth0 mtu ${network.mtu} netns ${pod.namespace}`,
      `link set veth${number} master cni0 up`,
    ])
    await pod.setUp()
    return pod
  }

  /** Pulls the host's wire out of the switch. Its own interface stays up, without carrier. */
  async partition(): Promise<void> {
    await this.#settings.switch.ip('link', 'set', this.name, 'down')
  }

  /** Plugs the wire in again. */
  async heal(): Promise<void> {
    await this.#settings.switch.ip('link', 'set', this.name, 'up')
  }

  async #makeBridge({ subnets, mtu }: PodNetwork): Promise<void> {
    await this.ip('link', 'add', 'cni0', 'mtu', `${mtu}`, ...bridge())
    // As with eth0. While its link-local address is tentative, the bridge cannot ask where a pod is.
    await this.sysctl({ 'net/ipv6/conf/cni0/accept_dad': 0 })
    await this.ipBatch([
      ...subnets.map((subnet) => `address add ${gatewayOf(subnet)}/${prefixLengthOf(subnet)} dev cni0`),
      'link set cni0 up',
    ])
  }
}
