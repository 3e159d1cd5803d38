import {
  type Clock,
  isOverlayError,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
} from '@selvedge/core'
import { CONFIG_LIMITS } from '@selvedge/core/kit'
import { readTextFile } from './read-file.js'
import type { StatusBoard } from './status.js'

/** Where flannel's manifests mount the ConfigMap `kube-flannel-cfg`. */
const DEFAULT_FILE = '/etc/kube-flannel/net-conf.json'

/** How often to look for a file that does not exist, in ms. */
const POLL_INTERVAL_MS = 1_000

export interface NetworkConfigOptions {
  readonly networkConfig: string | object | undefined
  readonly networkConfigFile: string | undefined
  /** Called with what is wrong with a config that is used nevertheless, once. */
  readonly onWarning?: ((message: string) => void) | undefined
  readonly clock: Clock
  readonly board: StatusBoard
}

/** The network config, which on Kubernetes is a file that is mounted from a ConfigMap. */
export class NetworkConfigSource {
  readonly #given: NetworkConfig | undefined
  readonly #file: string
  readonly #clock: Clock
  readonly #board: StatusBoard
  readonly #onWarning: (message: string) => void
  #warning = ''

  /** Throws an OverlayError `INVALID_CONFIG` if `networkConfig` is invalid. */
  constructor({
    networkConfig,
    networkConfigFile = DEFAULT_FILE,
    onWarning = () => {},
    clock,
    board,
  }: NetworkConfigOptions) {
    this.#onWarning = onWarning
    this.#given = networkConfig === undefined ? undefined : this.#parse(networkConfig)
    this.#file = networkConfigFile
    this.#clock = clock
    this.#board = board
  }

  /**
   * Reads the file, or waits until it exists or the signal aborts. Rejects with `INVALID_CONFIG`, which names the file, if
   * its content is invalid, and with `ACCESS_DENIED` if it may not be read.
   */
  async read(signal: AbortSignal): Promise<NetworkConfig> {
    if (this.#given !== undefined) return this.#given
    const text = await this.#text()
    if (text !== undefined) return this.#parseFile(text)
    return this.#board.waiting(
      {
        type: 'network-config',
        message: `waiting for the network config in ${this.#file}, which does not exist`,
      },
      () => this.#wait(signal),
    )
  }

  async #wait(signal: AbortSignal): Promise<NetworkConfig> {
    for (;;) {
      await this.#clock.sleep(POLL_INTERVAL_MS, { signal })
      const text = await this.#text()
      if (text !== undefined) return this.#parseFile(text)
    }
  }

  /** Without what it says of the subnets if that is invalid: they are the nodes' PodCIDRs, and flannel does not look. */
  #parse(source: string | object): NetworkConfig {
    try {
      return parseNetworkConfig(source)
    } catch (error) {
      const config = parseNetworkConfig(source, { ignoreSubnets: true })
      const what = error instanceof Error ? error.message : String(error)
      this.#warn(`${what}: ignored, because on Kubernetes the subnets are the nodes' PodCIDRs`)
      return config
    }
  }

  #warn(message: string): void {
    if (message === this.#warning) return
    this.#warning = message
    this.#onWarning(message)
  }

  #parseFile(text: string): NetworkConfig {
    try {
      return this.#parse(text)
    } catch (error) {
      if (!isOverlayError(error)) throw error
      throw new OverlayError(error.code, `${this.#file}: ${error.message}`, { cause: error })
    }
  }

  async #text(): Promise<string | undefined> {
    try {
      return await readTextFile(this.#file, CONFIG_LIMITS.maxLength)
    } catch (cause) {
      const code = Reflect.get(Object(cause), 'code')
      if (code === 'ENOENT') return undefined
      const denied = code === 'EACCES' || code === 'EPERM'
      throw new OverlayError(
        denied ? 'ACCESS_DENIED' : 'INVALID_CONFIG',
        `reading the network config from ${this.#file}: ${String(cause)}`,
        { cause },
      )
    }
  }
}
