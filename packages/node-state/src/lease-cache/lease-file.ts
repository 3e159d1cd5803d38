import { stat } from 'node:fs/promises'
import { type ChosenInterface, OverlayError, type PreviousNode, type PublicAddresses } from '@selvedge/core'
import {
  callback,
  checkOptions,
  number,
  path as pathShape,
  printable,
  required,
  text,
} from '@selvedge/core/kit'
import { identityOf, writeFileAtomically } from '../file/atomic-write.js'
import { isMissing, readBoundedFile } from '../file/bounded-read.js'
import type { NodeAddressCache } from './cached-node-addresses.js'
import {
  decodeCachedNode,
  decodeLeaseCache,
  encodeLeaseCache,
  type LeaseCacheContent,
  NODE_LINES,
} from './format.js'
import type { KnownNetwork, LeaseCache } from './known-network.js'

/** What a `LeaseFile` works with. */
export interface LeaseFileOptions {
  /** The file. It and its folder are made, of the modes 0600 and 0755; it may hold secrets of the network config. */
  readonly path: string
  /** Tells one store from another: what was saved from another is not used. */
  readonly store: string
  /**
   * The external interface in force, asked at each save: the next start chooses it again. While it is undefined, the
   * last one is kept.
   */
  readonly externalInterface?: (() => ChosenInterface | undefined) | undefined
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
  #externalInterface: ChosenInterface | undefined
  /** The file that this process wrote last. */
  #written: string | undefined
  #isSharingReported = false
  #whyUnused: string | undefined

  constructor(options: LeaseFileOptions) {
    checkOptions<LeaseFileOptions>('new LeaseFile()', options, {
      path: required(pathShape),
      store: required(text),
      externalInterface: callback,
      onWarning: required(callback),
      maxBytes: number,
    })
    this.#options = options
  }

  async load(): Promise<KnownNetwork | undefined> {
    return (await this.#load())?.network
  }

  /**
   * What this node was when it was saved last: the option `previous` of an overlay. Its interface is a fact of this host,
   * whichever store it was saved with. Never rejects.
   */
  async loadNode(): Promise<Pick<PreviousNode, 'externalInterface' | 'lease'>> {
    const { path, store, maxBytes = DEFAULT_MAX_BYTES } = this.#options
    try {
      const node = decodeCachedNode(await readBoundedFile(path, maxBytes, NODE_LINES))
      this.#externalInterface ??= node.externalInterface
      return {
        externalInterface: node.externalInterface,
        lease: node.store === store ? node.lease : undefined,
      }
    } catch (error) {
      this.#reportUnused(error)
      return {}
    }
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
      this.#externalInterface = this.#options.externalInterface?.() ?? this.#externalInterface
      const content = encodeLeaseCache({
        store,
        network,
        nodeAddresses: this.#nodeAddresses,
        externalInterface: this.#externalInterface,
      })
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
    const { path, store, maxBytes = DEFAULT_MAX_BYTES } = this.#options
    try {
      const content = decodeLeaseCache(await readBoundedFile(path, maxBytes))
      if (content.store === store) return content
      this.#reportUnused(new Error(`it was saved from '${printable(content.store)}', and this is '${store}'`))
    } catch (error) {
      this.#reportUnused(error)
    }
    return undefined
  }

  /** Once for each reason: it is read more than once. */
  #reportUnused(error: unknown): void {
    if (isMissing(error)) return
    const why = error instanceof Error ? error.message : String(error)
    if (why === this.#whyUnused) return
    this.#whyUnused = why
    this.#options.onWarning(`the lease cache ${this.#options.path} is not used: ${why}`)
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
