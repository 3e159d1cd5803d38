import { Namespace } from './namespace.js'

/** What a host gives its pods: what subnet.env says. */
export interface PodNetwork {
  /** The bridge's address and prefix length, one a family: `10.244.1.1/24`. */
  gateways: readonly string[]
  /** In bytes. */
  mtu: number
}

/** A pod: a network namespace whose `eth0` hangs on its host's bridge. */
export class Pod extends Namespace {
  /** `h1p1`: the first pod of host `h1`. */
  readonly name: string
  /** One a family, in the order of the gateways, without prefix length. */
  readonly addresses: readonly string[]
  readonly #network: PodNetwork

  constructor(namespace: string, name: string, network: PodNetwork, number: number) {
    super(namespace)
    this.name = name
    this.addresses = network.gateways.map((gateway) => addressAfter(gateway, number))
    this.#network = network
  }

  /** Addresses and default routes, once the wire to the bridge is there. */
  async setUp(): Promise<void> {
    const { gateways } = this.#network
    await this.sysctl({ 'net/ipv6/conf/eth0/accept_dad': 0 })
    await this.ipBatch([
      'link set lo up',
      ...gateways.map((gateway, i) => `address add ${this.addresses[i]}/${prefixOf(gateway)} dev eth0`),
      'link set eth0 up',
      ...gateways.map((gateway) => `route add default via ${addressOf(gateway)} dev eth0`),
    ])
  }
}

function addressOf(cidr: string): string {
  return cidr.slice(0, cidr.indexOf('/'))
}

function prefixOf(cidr: string): string {
  return cidr.slice(cidr.indexOf('/') + 1)
}

/** The address `n` after a gateway's. A gateway is its subnet's first address, so this stays inside. */
function addressAfter(gateway: string, n: number): string {
  const address = addressOf(gateway)
  const [, head = '', last = ''] = /^(.*[.:])([^.:]*)$/.exec(address) ?? []
  const radix = address.includes(':') ? 16 : 10
  return head + (Number.parseInt(last, radix) + n).toString(radix)
}
