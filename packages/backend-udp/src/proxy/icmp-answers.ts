import {
  addressBits,
  baseAddress,
  containsAddress,
  type Family,
  familyOf,
  formatAddress,
  lastAddress,
  requireCidr,
} from '@selvedge/core/kit'
import { type IcmpError, MAX_ICMP_ERROR, type Packet, writeIcmpError } from '../packet/icmp.js'
import { OFFLOAD_HEADER } from '../packet/offload.js'
import type { UdpProxyResource } from '../resource.js'
import type { Libc } from './libc.js'
import { memory } from './memory.js'
import { ADDRESS_AT, socketAddress } from './socket.js'

/** Of ICMP errors in a second, to whom it may concern: as many as Linux allows itself (net.ipv4.icmp_msgs_per_sec). */
const MAX_ERRORS_A_SECOND = 1_000

/** Sends ICMP errors back into a TUN device. */
export class IcmpAnswers {
  readonly #libc: Libc
  readonly #packet: DataView
  readonly #at: number
  #sources: ReadonlyMap<Family, Uint8Array> = new Map()
  #tun = -1
  #mtu = 0
  #inThisSecond = { second: 0, count: 0 }

  constructor(libc: Libc) {
    this.#libc = libc
    // The offload header in front is zeros: there is nothing to do.
    const bytes = memory(OFFLOAD_HEADER + MAX_ICMP_ERROR[6])
    this.#packet = new DataView(bytes.buffer, bytes.byteOffset + OFFLOAD_HEADER, MAX_ICMP_ERROR[6])
    this.#at = libc.addressOf(bytes)
  }

  attach(tun: number, proxy: UdpProxyResource): void {
    this.#tun = tun
    this.#mtu = proxy.mtu
    this.#sources = errorSources(proxy)
  }

  answer(packet: Packet, error: IcmpError): void {
    const source = this.#sources.get(packet.family)
    if (source === undefined || !this.#mayAnswerNow()) return
    const length = writeIcmpError(packet, error, source, this.#packet, this.#mtu)
    if (length > 0) this.#libc.write(this.#tun, this.#at, OFFLOAD_HEADER + length)
  }

  #mayAnswerNow(): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#inThisSecond.second) this.#inThisSecond = { second, count: 0 }
    this.#inThisSecond.count += 1
    return this.#inThisSecond.count <= MAX_ERRORS_A_SECOND
  }
}

/**
 * Where ICMP errors come from. Linux takes no IPv4 packet with an address of its own host from a device, nor, with
 * rp_filter, one that it would not send that way: so it is an address of the network that is not in this node's subnet.
 */
function errorSources({ subnets, networks }: UdpProxyResource): ReadonlyMap<Family, Uint8Array> {
  return new Map(
    subnets.map((subnet, index) => {
      const family = familyOf(subnet)
      const network = requireCidr(networks[index] ?? subnet)
      const isFirst = containsAddress(subnet, formatAddress({ family, value: network.base }))
      const outside = formatAddress({ family, value: isFirst ? lastAddress(network) : network.base })
      const name = socketAddress(family === 4 ? outside : baseAddress(subnet), 0)
      return [family, name.subarray(ADDRESS_AT[family], ADDRESS_AT[family] + addressBits(family) / 8)]
    }),
  )
}
