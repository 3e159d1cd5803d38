import { addressAt, requireCidr } from '@selvedge/core/kit'
import { Namespace } from './namespace.js'

/** What a host's subnet.env says of its pods' network. */
export interface PodNetwork {
  /** The host's subnets, one a family: `10.244.1.0/24`. The first address of each is the bridge's. */
  subnets: readonly string[]
  /** In bytes. */
  mtu: number
}

/** The address of `cni0` in a subnet, and what pods take for their gateway. */
export function gatewayOf(subnet: string): string {
  return addressAt(subnet, 1n)
}

/** The length of a subnet's prefix, as text. */
export function prefixLengthOf(subnet: string): string {
  return `${requireCidr(subnet).length}`
}

/** A pod: a network namespace whose `eth0` hangs on its host's bridge. */
export class Pod extends Namespace {
  /** `h1p1`: the first pod of host `h1`. */
  readonly name: string
  /** One a family, in the order of the subnets, without prefix length. */
  readonly addresses: readonly string[]
  readonly #network: PodNetwork

  constructor(host: Namespace & { readonly name: string }, network: PodNetwork, number: number) {
    super(`${host.namespace}p${number}`, host.signal)
    this.name = `${host.name}p${number}`
    this.addresses = network.subnets.map((subnet) => addressAt(subnet, BigInt(number + 1)))
    this.#network = network
  }

  /** Addresses and default routes, once the wire to the bridge is there. */
  async setUp(): Promise<void> {
    const { subnets } = this.#network
    await this.sysctl({ 'net/ipv6/conf/eth0/accept_dad': 0 })
    await this.ipBatch([
      'link set lo up',
      ...subnets.map((subnet, i) => `address add ${this.addresses[i]}/${prefixLengthOf(subnet)} dev eth0`),
      'link set eth0 up',
      ...subnets.map((subnet) => `route add default via ${gatewayOf(subnet)} dev eth0`),
    ])
  }
}
