import type { Socket } from 'node:net'
import { hostAddress } from '@selvedge/core/kit'

/**
 * The IP addresses at which the API server is reached, as they become known; none is forgotten. One in the URL, such as
 * that of the service `kubernetes`, all to which its name resolves, the other ends of connections, a proxy's too, and what
 * the server itself advertises.
 */
export class ServerAddresses {
  readonly #addresses = new Set<string>()
  #connections = 0

  /** How many connections there were. */
  get connections(): number {
    return this.#connections
  }

  get all(): readonly string[] {
    return [...this.#addresses]
  }

  /** The host of a URL, which may be a name. */
  addHost(hostname: string): void {
    this.#add(hostname.replace(/^\[(.*)\]$/, '$1'))
  }

  /** What a socket connects to, now or later. */
  addSocket(socket: Socket): void {
    this.#add(socket.remoteAddress)
    if (!socket.connecting) return
    this.#connections += 1
    socket
      .on('lookup', (_error, address) => this.#add(address))
      .once('connect', () => this.#add(socket.remoteAddress))
  }

  #add(text = ''): void {
    const address = hostAddress(text)
    if (address !== undefined) this.#addresses.add(address)
  }
}
