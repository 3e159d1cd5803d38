import { readFile } from 'node:fs/promises'
import { OverlayError } from '@selvedge/core'
import { writeFileAtomically } from '../atomic-file.js'
import { decodeKnownNetwork, encodeKnownNetwork, type KnownNetwork } from './known-network.js'

/** Keeps what is known of a network over restarts. */
export interface LeaseCache {
  /** What was saved last; undefined where there is nothing to be trusted. Never rejects. */
  load(): Promise<KnownNetwork | undefined>
  save(network: KnownNetwork): Promise<void>
}

export interface LeaseFileOptions {
  readonly path: string
  /** What tells this store from another: what was saved from another is not read. */
  readonly store: string
  /** Told why a file that is there is not used. */
  readonly onWarning: (text: string) => void
}

/** The config in it may hold keys. */
const MODE = 0o600

/** A `LeaseCache` in one file. */
export class LeaseFile implements LeaseCache {
  readonly #options: LeaseFileOptions

  constructor(options: LeaseFileOptions) {
    this.#options = options
  }

  async load(): Promise<KnownNetwork | undefined> {
    const { path, store, onWarning } = this.#options
    try {
      const saved = decodeKnownNetwork(await readFile(path, 'utf8'))
      if (saved.store === store) return saved.network
      onWarning(
        `the lease cache ${path} is not used: it was saved from '${saved.store}', and this is '${store}'`,
      )
    } catch (error) {
      if (!isMissing(error)) {
        onWarning(`the lease cache ${path} is not used: ${error instanceof Error ? error.message : error}`)
      }
    }
    return undefined
  }

  /** Rejects with `STORE_UNAVAILABLE` where the file cannot be written; what was saved before stays. */
  async save(network: KnownNetwork): Promise<void> {
    const { path, store } = this.#options
    try {
      await writeFileAtomically(path, encodeKnownNetwork(network, store), MODE)
    } catch (cause) {
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `saving the lease cache ${path}: ${cause instanceof Error ? cause.message : cause}; until it can be written, a start while the store is away knows only what was saved before`,
        { cause },
      )
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
