import type { Random } from '@selvedge/core'
import { hostAndPort, parseServer, type ServerUrl } from './server-url.js'

/** A server that can be connected to. */
export interface Candidate extends ServerUrl {
  /** The name that its certificate is for, if that is not `host`. */
  readonly certificateName?: string | undefined
}

/** The servers of one cluster: those that the options name, and those that a server of them named last. */
export class ServerPool {
  readonly #named: readonly ServerUrl[]
  readonly #random: Random
  #learned: readonly Candidate[] = []
  #lastFailed: string | undefined

  constructor(named: readonly ServerUrl[], random: Random) {
    this.#named = named
    this.#random = random
  }

  /**
   * All of them, in a random order, which spreads nodes that have the same list. Those that a server named come after those of
   * the options: a node may not reach the addresses that a cluster has for itself. The one that failed last is the last.
   */
  inOrder(): readonly Candidate[] {
    const rank = (server: Candidate, isLearned: boolean) => {
      const isLast = addressOf(server) === this.#lastFailed
      return { server, key: this.#random() + (isLast ? 2 : isLearned ? 1 : 0) }
    }
    const ranked = [
      ...this.#named.map((server) => rank(server, false)),
      ...this.#learned.map((server) => rank(server, true)),
    ]
    return ranked.sort((a, b) => a.key - b.key).map(({ server }) => server)
  }

  failed(server: Candidate): void {
    this.#lastFailed = addressOf(server)
  }

  /**
   * @param from the server that says it
   * @param peers as it says it: `10.0.0.6:4222`, `[fd00::6]:4222`
   */
  learn(from: Candidate, peers: readonly string[]): void {
    const known = new Set(this.#named.map(addressOf))
    const name = from.certificateName ?? (isAddress(from) ? undefined : from.host)
    this.#learned = [...new Set(peers)].flatMap((peer) => {
      const server = candidateOf(peer, from.secure)
      if (server === undefined || known.has(addressOf(server))) return []
      // A cluster names its servers by address, though their certificate may be for the name that they are known by.
      return isAddress(server) ? { ...server, certificateName: name } : server
    })
  }
}

const addressOf = ({ host, port }: ServerUrl): string => hostAndPort(host, port)

export const isAddress = ({ host }: ServerUrl): boolean => /^[\d.]+$|:/.test(host)

/** Undefined for what is no address of a server. */
function candidateOf(peer: string, secure: boolean): Candidate | undefined {
  try {
    return parseServer(`${secure ? 'tls' : 'nats'}://${peer}`)
  } catch {
    return undefined
  }
}
