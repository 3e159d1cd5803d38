import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Clock, OverlayError } from '@selvedge/core'
import { isJsonObject, printable } from '@selvedge/core/kit'
import type { KubeApi } from './kube-api.js'

/** What every API server tells every client that may discover it, by the default role `system:discovery`. */
const PATH = '/api'

/** Each address stands for a network of clients; there is one for all, and one for those behind the service. */
const MAX_ADDRESSES = 16

/** The shortest time between two requests: a balancer that cuts idle connections causes a new one every 20 s. */
const MIN_INTERVAL_MS = 60_000

/** The first list waits for the answer, but not for long. */
const MAX_TIMEOUT_MS = 2_000

export interface AdvertisedAddressOptions {
  readonly api: Pick<KubeApi, 'fetchJson' | 'connections' | 'addAddress'>
  readonly timeoutMs: number
  readonly clock: Clock
  /** Called if the server does not say its address, or says a name that does not resolve. */
  readonly onUnknown: (message: string) => void
  /** The addresses of a name; the system's resolver by default. Rejects for one that has none. */
  readonly resolve?: ((name: string) => Promise<readonly string[]>) | undefined
}

/**
 * Learns the address of an API server that is reached by another one: that of the service `kubernetes` in a pod, of a
 * balancer, of a proxy on the node itself. No connection shows it, and a flannel's role may not read the endpoints of a
 * service; but the server says at which address clients reach it. Of several servers, each says its own.
 */
export class AdvertisedAddress {
  readonly #options: AdvertisedAddressOptions
  #askedAt = Number.NEGATIVE_INFINITY
  /** The number of connections when it last answered. */
  #connections = -1
  #asking: Promise<void> = Promise.resolve()

  constructor(options: AdvertisedAddressOptions) {
    this.#options = options
  }

  /** Asks once, and again if there are other connections since, maybe to another server. Never rejects. */
  ask(signal: AbortSignal): Promise<void> {
    const { api, clock } = this.#options
    const now = clock.monotonic()
    if (this.#connections !== api.connections && now - this.#askedAt >= MIN_INTERVAL_MS) {
      this.#askedAt = now
      this.#asking = this.#ask(signal)
    }
    return this.#asking
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { api, timeoutMs, onUnknown } = this.#options
    try {
      const request = { path: PATH, signal, timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS) }
      const answer = await api.fetchJson({ method: 'GET', ...request })
      const hosts = hostsIn(answer)
      const added = await Promise.all(hosts.map((host) => this.#add(host, request.timeoutMs, signal)))
      if (added.every(Boolean)) this.#connections = api.connections
    } catch (error) {
      if (signal.aborted) return
      const { message } = OverlayError.from(error, 'STORE_UNAVAILABLE', 'asking the API server')
      onUnknown(`the address that the API server advertises is not known: ${message}`)
    }
  }

  /** Whether it is known now. Never rejects. */
  async #add(host: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { api, clock, onUnknown, resolve = resolveBySystem } = this.#options
    if (isIP(host) !== 0) {
      api.addAddress(host)
      return true
    }
    const resolved = new AbortController()
    const late = clock.sleep(timeoutMs, { signal: AbortSignal.any([signal, resolved.signal]) }).then(() => {
      throw new Error(`no answer for ${timeoutMs / 1000} s`)
    })
    try {
      for (const address of await Promise.race([resolve(host), late])) api.addAddress(address)
      return true
    } catch (error) {
      if (signal.aborted) return false
      const why = error instanceof Error ? error.message : String(error)
      onUnknown(`the API server advertises the name ${printable(host)}, which does not resolve: ${why}`)
      return false
    } finally {
      resolved.abort()
    }
  }
}

const resolveBySystem = async (name: string): Promise<readonly string[]> =>
  (await lookup(name, { all: true })).map(({ address }) => address)

/** The hosts in the `serverAddressByClientCIDRs` of an APIVersions, once each: addresses, or names (`--external-hostname`). */
function hostsIn(answer: unknown): readonly string[] {
  const list = isJsonObject(answer) ? answer.serverAddressByClientCIDRs : undefined
  if (!Array.isArray(list)) return []
  const hosts = list.slice(0, MAX_ADDRESSES).flatMap((entry) => {
    const address = isJsonObject(entry) ? entry.serverAddress : undefined
    return typeof address === 'string' ? [hostOf(address)] : []
  })
  return [...new Set(hosts)]
}

/** With a port or without: `10.0.0.5:6443`, `[fd77::fe]:6443`, `fd77::5`. */
const hostOf = (address: string): string =>
  isIP(address) === 0 ? address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1') : address
