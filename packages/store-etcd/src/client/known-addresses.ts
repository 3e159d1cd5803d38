import { isIP } from 'node:net'

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
    const [address = ''] = host.replace(/^::ffff:(?=\d+\.)/i, '').split('%')
    if (isIP(address) !== 0) this.#addresses.add(address)
  }

  /** The address of a connection's other end, as gRPC writes it: `10.0.0.5:2379`, `[fd00::5]:2379`. */
  addPeer(peer: string): void {
    const [, ipv6, ipv4 = ''] = /^(?:\[(.+)\]|([^:]+)):\d+$/.exec(peer) ?? []
    this.add(ipv6 ?? ipv4)
  }
}
