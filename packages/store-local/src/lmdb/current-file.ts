import { type AbortOptions, type Clock, isOverlayError, type OverlayError } from '@selvedge/core'
import { unlessAborted, Wakeup } from '@selvedge/core/kit'
import type { Tables } from '../tables.js'
import { type Database, isReplacedError } from './database.js'
import { type DatabaseShare, shareDatabase } from './share.js'
import { FileWatcher } from './watcher.js'

export interface CurrentFileOptions {
  readonly path: string
  /** How long to wait for another process that is stopped in the middle of a write, in ms. */
  readonly lockTimeoutMs: number
  readonly clock: Clock
  /** What a file is to hold before anything else is done with it. Returns nothing if it does, else what writes it. */
  readonly setUp: (tables: Tables) => ((tables: Tables) => void) | undefined
}

/** How often to look for changes if no notification comes, in ms. */
const POLL_MS = 1000

/** How often to try again to read or write if the files are removed or replaced meanwhile. */
const MAX_ATTEMPTS = 20

/** The file at one path, whichever it is: an operator or a backup may remove or replace it at any time. */
export class CurrentFile {
  readonly #options: CurrentFileOptions
  readonly #closed = new AbortController()
  #share: Promise<DatabaseShare> | undefined

  /** Opens nothing yet. */
  constructor(options: CurrentFileOptions) {
    this.#options = options
  }

  async read<T>(body: (tables: Tables) => T, { signal }: AbortOptions = {}): Promise<T> {
    const stop = this.#stopOf(signal)
    for (let attempt = 1; ; attempt += 1) {
      const database = await this.#open(stop)
      try {
        return database.read(body)
      } catch (error) {
        if (!isReplacedError(error) || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  /** Runs `body` in a transaction; in another one if the files were removed or replaced meanwhile. */
  async write<T>(body: (tables: Tables) => T, { signal }: AbortOptions = {}): Promise<T> {
    const stop = this.#stopOf(signal)
    for (let attempt = 1; ; attempt += 1) {
      const database = await this.#open(stop)
      try {
        return await this.transact(database, body, stop)
      } catch (error) {
        stop.throwIfAborted()
        // Nothing was written, and the files were removed or replaced: the new ones have another answer.
        const isOther = isReplacedError(error) || !database.isCurrent
        if (!isOther || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  /** Runs `body` in a transaction of this very file. */
  transact<T>(database: Database, body: (tables: Tables) => T, signal: AbortSignal): Promise<T> {
    return database.write(body, { lockTimeoutMs: this.#options.lockTimeoutMs, signal })
  }

  /**
   * What `look` returns: at once, whenever the file may have changed, and at each poll. Ends when `signal` aborts; throws
   * when closed. With `onError`, errors that may pass are reported there and retried.
   */
  async *states<T>(
    signal: AbortSignal | undefined,
    look: (database: Database, stop: AbortSignal) => T | Promise<T>,
    onError?: (error: Error) => void,
  ): AsyncGenerator<T, void, undefined> {
    const stop = this.#stopOf(signal)
    const wakeup = new Wakeup()
    const watcher = new FileWatcher(() => wakeup.wake())
    let followed: Database | undefined
    let trouble: string | undefined
    try {
      for (;;) {
        let state: { readonly value: T } | undefined
        try {
          const database = await this.#open(stop)
          // Before the look, so that no change is missed in between.
          if (database !== followed) watcher.follow(database.path)
          followed = database
          state = { value: await look(database, stop) }
          trouble = undefined
        } catch (error) {
          stop.throwIfAborted()
          if (isReplacedError(error)) continue
          if (onError === undefined || !mayPass(error)) throw error
          if (error.message !== trouble) onError(error)
          trouble = error.message
        }
        if (state !== undefined) yield state.value
        await wakeup.sleep(POLL_MS, this.#options.clock, stop)
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error
    } finally {
      watcher.close()
    }
  }

  /** Every call rejects with `reason` from now on. */
  async close(reason: OverlayError): Promise<void> {
    this.#closed.abort(reason)
    const share = this.#share
    this.#share = undefined
    await share?.then(
      (opened) => opened.release(),
      // The calls that waited for it have rejected.
      () => {},
    )
  }

  /** The file that is at the path now, opened once. */
  async #open(stop: AbortSignal): Promise<Database> {
    for (;;) {
      stop.throwIfAborted()
      const sharing = this.#share ?? this.#openShare()
      this.#share = sharing
      const share = await unlessAborted(sharing, stop)
      if (share.database.isCurrent) return share.database
      // The file was removed or replaced: its leases are gone, and its nodes will ask for them again.
      if (this.#share === sharing) this.#share = undefined
      await share.release()
    }
  }

  async #openShare(): Promise<DatabaseShare> {
    const { path, lockTimeoutMs, setUp } = this.#options
    try {
      const share = await shareDatabase(path, { lockTimeoutMs })
      try {
        const write = share.database.read(setUp)
        if (write !== undefined) await this.transact(share.database, write, this.#closed.signal)
        return share
      } catch (error) {
        await share.release()
        throw error
      }
    } catch (error) {
      this.#share = undefined
      throw error
    }
  }

  #stopOf(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
  }
}

const mayPass = (error: unknown): error is OverlayError =>
  isOverlayError(error, 'STORE_UNAVAILABLE') || isOverlayError(error, 'ACCESS_DENIED')
