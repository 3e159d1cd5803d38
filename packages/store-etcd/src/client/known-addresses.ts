import { Resolver } from 'node:dns'
import { formatAddress, parseAddress } from '@selvedge/core/kit'

/** ::ffff:0:0/96, which stand for IPv4 addresses (RFC 4291, 2.5.5.2): what precedes the last 32 bits. */
const IPV4_MAPPED = 0xffffn

/** The IP addresses at which etcd is reached, as they become known: none is forgotten. */
export class KnownAddresses {
  readonly #addresses = new Set<string>()

  get all(): readonly string[] {
    return [...this.#addresses]
  }

  /**
   * What is no IP address, such as a name, is ignored. A zone (`fe80::1%eth0`) is not part of an address, and
   * `::ffff:10.0.0.5` is an IPv4 one.
   */
  add(host: string): void {
    const [text = ''] = host.split('%')
    const address = parseAddress(text)
    if (address === undefined) return
    const isMapped = address.family === 6 && address.value >> 32n === IPV4_MAPPED
    this.#addresses.add(
      formatAddress(isMapped ? { family: 4, value: address.value & 0xffff_ffffn } : address),
    )
  }

  /** Those by which the host resolves names now: without them etcd is not found again. */
  addNameServers(): void {
    for (const server of new Resolver().getServers()) {
      this.add(server)
      this.addPeer(server)
    }
  }

  /** The address of a connection's other end, as gRPC writes it: `10.0.0.5:2379`, `[fd00::5]:2379`. */
  addPeer(peer: string): void {
    const [, ipv6, ipv4 = ''] = /^(?:\[(.+)\]|([^:]+)):\d+$/.exec(peer) ?? []
    this.add(ipv6 ?? ipv4)
  }
}
