import { Resolver } from 'node:dns'
import { hostAddress } from '@selvedge/core/kit'

/** The IP addresses at which NATS is reached, as they become known: none is forgotten. */
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

  /** The host of `10.0.0.5:4222` or `[fd00::5]:4222`. */
  addPeer(peer: string): void {
    const [, ipv6, ipv4 = ''] = /^(?:\[(.+)\]|([^:]+)):\d+$/.exec(peer) ?? []
    this.add(ipv6 ?? ipv4)
  }

  /** Those by which the host resolves names now: without them NATS is not found again. */
  addNameServers(): void {
    for (const server of new Resolver().getServers()) {
      this.add(server)
      this.addPeer(server)
    }
  }
}
