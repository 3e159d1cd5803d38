import { type Family, familyOf } from '@selvedge/core/kit'
import { PrefixTable } from '../packet/prefix-table.js'
import type { UdpPeerResource, UdpProxyResource } from '../resource.js'
import { socketAddress } from './socket.js'

/** An address that datagrams come from. */
export interface Sender {
  /** How many routes lead to it. */
  count: number
}

/** Where packets into one subnet go. */
export interface PeerRoute {
  /** The socket address. */
  readonly name: Uint8Array
  readonly sender: Sender
}

type PeerFields = Pick<UdpPeerResource, 'subnet' | 'address' | 'port'>

/** What the leases say, as a proxy asks it: where a packet goes, and whether one may have come from there. */
export class PeerTable {
  readonly #routes = { 4: new PrefixTable<PeerRoute>(), 6: new PrefixTable<PeerRoute>() }
  readonly #senders = { 4: new PrefixTable<Sender>(), 6: new PrefixTable<Sender>() }
  readonly #byAddress = new Map<string, Sender>()
  readonly #peers = new Map<string, PeerFields>()
  #own = new PrefixTable<true>()
  #ownV6 = new PrefixTable<true>()
  #networks = new PrefixTable<true>()
  #networksV6 = new PrefixTable<true>()

  put(peer: PeerFields): void {
    const { subnet, address, port } = peer
    this.delete(subnet)
    const family = familyOf(address)
    let sender = this.#byAddress.get(address)
    if (sender === undefined) {
      sender = { count: 0 }
      this.#byAddress.set(address, sender)
      this.#senders[family].set(hostPrefix(address, family), sender)
    }
    sender.count += 1
    this.#peers.set(subnet, peer)
    this.#routes[family].set(subnet, { name: socketAddress(address, port), sender })
  }

  delete(subnet: string): void {
    const peer = this.#peers.get(subnet)
    if (peer === undefined) return
    const { address } = peer
    const family = familyOf(address)
    this.#peers.delete(subnet)
    this.#routes[family].delete(subnet)
    const sender = this.#byAddress.get(address)
    if (sender === undefined) return
    sender.count -= 1
    if (sender.count > 0) return
    this.#byAddress.delete(address)
    this.#senders[family].delete(hostPrefix(address, family))
  }

  setNode({ subnets, networks }: Pick<UdpProxyResource, 'subnets' | 'networks'>): void {
    this.#own = tableOf(subnets, 4)
    this.#ownV6 = tableOf(subnets, 6)
    this.#networks = tableOf(networks, 4)
    this.#networksV6 = tableOf(networks, 6)
  }

  /** The route of the destination address at `offset`; undefined if no peer has leased it. */
  routeTo(family: Family, view: DataView, offset: number): PeerRoute | undefined {
    return this.#routes[family].find(view, offset)
  }

  /** The peer that sends from the address at `offset`, if any does. */
  senderAt(family: Family, view: DataView, offset: number): Sender | undefined {
    return this.#senders[family].find(view, offset)
  }

  /**
   * Whether a packet with the source at `offset` may come from a peer. In the network a source belongs to who leased it;
   * outside it, peers pass on what their hosts send, such as from a host's own address.
   */
  maySend(sender: Sender, family: Family, view: DataView, offset: number): boolean {
    const route = this.#routes[family].find(view, offset)
    if (route !== undefined) return route.sender === sender
    return (family === 4 ? this.#networks : this.#networksV6).find(view, offset) === undefined
  }

  /** Whether the destination at `offset` is in a subnet of this node's. */
  isOwn(family: Family, view: DataView, offset: number): boolean {
    return (family === 4 ? this.#own : this.#ownV6).find(view, offset) !== undefined
  }
}

const hostPrefix = (address: string, family: Family): string => `${address}/${family === 4 ? 32 : 128}`

function tableOf(cidrs: readonly string[], family: Family): PrefixTable<true> {
  const table = new PrefixTable<true>()
  for (const cidr of cidrs) if (familyOf(cidr) === family) table.set(cidr, true)
  return table
}
