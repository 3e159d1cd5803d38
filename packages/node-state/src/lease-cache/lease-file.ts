import { stat } from 'node:fs/promises'
import { OverlayError, type PublicAddresses } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import { identityOf, writeFileAtomically } from '../file/atomic-write.js'
import { isMissing, readBoundedFile } from '../file/bounded-read.js'
import type { NodeAddressCache } from './cached-node-addresses.js'
import { decodeLeaseCache, encodeLeaseCache, type LeaseCacheContent } from './format.js'
import type { KnownNetwork, LeaseCache } from './known-network.js'

export interface LeaseFileOptions {
  readonly path: string
  /** Tells one store from another: what was saved from another is not used. */
  readonly store: string
  /** Called if a file that is there is not used, and if another process writes it too. */
  readonly onWarning: (text: string) => void
  /** A longer file is neither read nor written. Default: 128 MiB, five times what 65,000 dual-stack leases take. */
  readonly maxBytes?: number | undefined
}

/** The config in it may hold keys. */
const MODE = 0o600

const DEFAULT_MAX_BYTES = 128 * 2 ** 20

/** A `LeaseCache` in one file, for one process at a time. */
export class LeaseFile implements LeaseCache, NodeAddressCache {
  readonly #options: LeaseFileOptions
  #nodeAddresses: PublicAddresses = {}
  /** The file that this process wrote last. */
  #written: string | undefined
  #isSharingReported = false

  constructor(options: LeaseFileOptions) {
    this.#options = options
  }

  async load(): Promise<KnownNetwork | undefined> {
    return (await this.#load())?.network
  }

  async loadNodeAddresses(): Promise<PublicAddresses | undefined> {
    const addresses = (await this.#load())?.nodeAddresses
    if (addresses !== undefined) this.#nodeAddresses = addresses
    return addresses
  }

  keepNodeAddresses(addresses: PublicAddresses): void {
    this.#nodeAddresses = addresses
  }

  /** Rejects with `STORE_UNAVAILABLE` if the file cannot be written; what was saved before stays. */
  async save(network: KnownNetwork): Promise<void> {
    const { path, store, maxBytes = DEFAULT_MAX_BYTES } = this.#options
    try {
      await this.#reportSharing()
      const content = encodeLeaseCache({ store, network, nodeAddresses: this.#nodeAddresses })
      await writeFileAtomically(path, bounded(content, maxBytes), { mode: MODE })
      this.#written = identityOf(await stat(path))
    } catch (cause) {
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `saving the lease cache ${path}: ${cause instanceof Error ? cause.message : cause}; until it can be written, a start while the store is unavailable knows only what was saved before`,
        { cause },
      )
    }
  }

  async #load(): Promise<LeaseCacheContent | undefined> {
    const { path, store, onWarning, maxBytes = DEFAULT_MAX_BYTES } = this.#options
    try {
      const content = decodeLeaseCache(await readBoundedFile(path, maxBytes))
      if (content.store === store) return content
      onWarning(
        `the lease cache ${path} is not used: it was saved from '${printable(content.store)}', and this is '${store}'`,
      )
    } catch (error) {
      if (!isMissing(error)) {
        onWarning(`the lease cache ${path} is not used: ${error instanceof Error ? error.message : error}`)
      }
    }
    return undefined
  }

  /** The last of two processes to save wins, and the other starts from a lease that is not its own. */
  async #reportSharing(): Promise<void> {
    if (this.#written === undefined || this.#isSharingReported) return
    const { path, onWarning } = this.#options
    const found = await stat(path).then(identityOf, () => undefined)
    if (found === undefined || found === this.#written) return
    this.#isSharingReported = true
    onWarning(`another process writes the lease cache ${path} as well: give each a file of its own`)
  }
}

function* bounded(chunks: Iterable<string>, maxBytes: number): Generator<string> {
  let bytes = 0
  for (const chunk of chunks) {
    bytes += Buffer.byteLength(chunk)
    if (bytes > maxBytes) throw new RangeError(`it would be longer than ${maxBytes} bytes`)
    yield chunk
  }
}
