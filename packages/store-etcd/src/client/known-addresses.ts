import { Resolver } from 'node:dns'
import { hostAddress } from '@selvedge/core/kit'

/** The IP addresses at which etcd is reached, as they become known: none is forgotten. */
export class KnownAddresses {
  readonly #addresses = new Set<string>()

  get all(): readonly string[] {
    return [...this.#addresses]
  }

  /** What is no IP address, such as a name, is ignored. */
  add(host: string): void {
    const address = hostAddress(host)
    if (address !== undefined) this.#addresses.add(address)
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
