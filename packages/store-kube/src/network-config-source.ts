import { readFile } from 'node:fs/promises'
import {
  type Clock,
  isOverlayError,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
} from '@selvedge/core'
import type { StatusBoard } from './status.js'

/** Where flannel's manifests mount the ConfigMap `kube-flannel-cfg`. */
const DEFAULT_FILE = '/etc/kube-flannel/net-conf.json'

/** How often a file that is missing is looked for, in ms. */
const LOOK = 1_000

export interface NetworkConfigOptions {
  readonly networkConfig: string | object | undefined
  readonly networkConfigFile: string | undefined
  readonly clock: Clock
  readonly board: StatusBoard
}

/** The network config, which with Kubernetes is a file that a ConfigMap fills. */
export class NetworkConfigSource {
  readonly #given: NetworkConfig | undefined
  readonly #file: string
  readonly #clock: Clock
  readonly #board: StatusBoard

  /** Throws an OverlayError `INVALID_CONFIG` for a given config that breaks a rule. */
  constructor({ networkConfig, networkConfigFile = DEFAULT_FILE, clock, board }: NetworkConfigOptions) {
    this.#given = networkConfig === undefined ? undefined : parseNetworkConfig(networkConfig)
    this.#file = networkConfigFile
    this.#clock = clock
    this.#board = board
  }

  /**
   * Reads it anew; waits for a file that is missing until the signal aborts. Rejects with `INVALID_CONFIG`, naming the
   * file, where it holds no network config, and with `ACCESS_DENIED` where it may not be read.
   */
  async read(signal: AbortSignal): Promise<NetworkConfig> {
    if (this.#given !== undefined) return this.#given
    const text = await this.#text()
    if (text !== undefined) return this.#parse(text)
    return this.#board.waiting(
      {
        type: 'network-config',
        message: `waiting for the network config in ${this.#file}, which is not there`,
      },
      () => this.#wait(signal),
    )
  }

  async #wait(signal: AbortSignal): Promise<NetworkConfig> {
    for (;;) {
      await this.#clock.sleep(LOOK, { signal })
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
      return await readFile(this.#file, 'utf8')
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
