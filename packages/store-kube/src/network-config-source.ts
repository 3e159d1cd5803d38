import {
  type Clock,
  isOverlayError,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
} from '@selvedge/core'
import { readTextFile } from './read-file.js'
import type { StatusBoard } from './status.js'

/** Where flannel's manifests mount the ConfigMap `kube-flannel-cfg`. */
const DEFAULT_FILE = '/etc/kube-flannel/net-conf.json'

/** How often to look for a file that does not exist, in ms. */
const POLL_INTERVAL_MS = 1_000

/** Flannel's is a few lines. */
const MAX_CONFIG_BYTES = 256 * 1024

export interface NetworkConfigOptions {
  readonly networkConfig: string | object | undefined
  readonly networkConfigFile: string | undefined
  readonly clock: Clock
  readonly board: StatusBoard
}

/** The network config, which on Kubernetes is a file that is mounted from a ConfigMap. */
export class NetworkConfigSource {
  readonly #given: NetworkConfig | undefined
  readonly #file: string
  readonly #clock: Clock
  readonly #board: StatusBoard

  /** Throws an OverlayError `INVALID_CONFIG` if `networkConfig` is invalid. */
  constructor({ networkConfig, networkConfigFile = DEFAULT_FILE, clock, board }: NetworkConfigOptions) {
    this.#given = networkConfig === undefined ? undefined : parseNetworkConfig(networkConfig)
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
    if (text !== undefined) return this.#parse(text)
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
      if (text !== undefined) return this.#parse(text)
    }
  }

  #parse(text: string): NetworkConfig {
    try {
      return parseNetworkConfig(text)
    } catch (error) {
      if (!isOverlayError(error)) throw error
      throw new OverlayError(error.code, `${this.#file}: ${error.message}`, { cause: error })
    }
  }

  async #text(): Promise<string | undefined> {
    try {
      return await readTextFile(this.#file, MAX_CONFIG_BYTES)
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
