import { resolve } from 'node:path'
import {
  type AbortOptions,
  type Clock,
  isOverlayError,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
  type RenewOptions,
  type SubnetAdministration,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { systemClock, Wakeup } from '@selvedge/core/kit'
import {
  acquireLease,
  type Changes,
  changesSince,
  expireLeases,
  hasExpired,
  releaseLease,
  renewLease,
  reservedLeases,
  reserveLease,
  type Term,
} from './lease-records.js'
import type { Database } from './lmdb/database.js'
import { type DatabaseShare, shareDatabase } from './lmdb/share.js'
import { FileWatcher } from './lmdb/watcher.js'
import type { Tables } from './tables.js'

export interface LocalSubnetManagerOptions {
  /** The store's file. It and its folder are created if they are missing. It must be on a local disk. */
  readonly path: string
  /** The network config as flannel writes it, JSON text or an object: written if the store holds none yet. */
  readonly config?: string | object | undefined
  /** How long a lease lasts unless renewed, in ms. Default: 24 hours, as flannel's. */
  readonly leaseTermMs?: number | undefined
  /** How long to wait for another process that is stopped in the middle of a write, in ms. Default: 5,000. */
  readonly lockTimeoutMs?: number | undefined
  readonly clock?: Clock | undefined
}

const DAY = 24 * 60 * 60 * 1000

/** How often to look for changes and for leases that have expired if no notification comes, in ms. */
const POLL = 1000

/** How often to try a write again whose files are removed or replaced meanwhile. */
const MAX_ATTEMPTS = 5

/**
 * A store of leases in one file, shared by every process of this host that names it. There is no server: each call is a
 * transaction in the process that makes it. Give each overlay a manager of its own, which it disposes of.
 *
 * Errors beside those of `SubnetManager`: `STORE_CORRUPT` for a damaged file, another program's, or one of a newer
 * format; `ACCESS_DENIED` for one that this user may not write; `STORE_UNAVAILABLE` for a full disk, and while another
 * process is stopped in the middle of a write.
 */
export class LocalSubnetManager implements SubnetManager, SubnetAdministration {
  readonly name = 'local'
  readonly path: string
  readonly #config: string | undefined
  readonly #leaseTermMs: number
  readonly #lockTimeoutMs: number
  readonly #clock: Clock
  readonly #closed = new AbortController()
  #share: Promise<DatabaseShare> | undefined

  /** Opens nothing yet. Throws an OverlayError `INVALID_CONFIG` for a config that breaks a rule. */
  constructor({
    path,
    config,
    leaseTermMs = DAY,
    lockTimeoutMs = 5000,
    clock = systemClock,
  }: LocalSubnetManagerOptions) {
    if (typeof path !== 'string' || path === '')
      throw new TypeError("path is missing: it names the store's file")
    if (!(leaseTermMs > 0))
      throw new TypeError(`leaseTermMs is ${leaseTermMs}, not a number of milliseconds above 0`)
    if (!(lockTimeoutMs >= 0))
      throw new TypeError(`lockTimeoutMs is ${lockTimeoutMs}, not a number of milliseconds`)
    this.path = resolve(path)
    this.#config = config === undefined ? undefined : configText(config)
    this.#leaseTermMs = leaseTermMs
    this.#lockTimeoutMs = lockTimeoutMs
    this.#clock = clock
  }

  async getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    for await (const text of this.#states(signal, (database) => database.read(storedConfig))) {
      if (text !== undefined) return parseNetworkConfig(text)
    }
    throw signal?.reason
  }

  /** Writes the network config for every process, as an operator does. Rejects with `INVALID_CONFIG` for one that breaks
   * a rule. */
  async setNetworkConfig(config: string | object, options: AbortOptions = {}): Promise<void> {
    const text = configText(config)
    await this.#write(options, ({ meta }) => void meta.put('config', text))
  }

  async acquireLease(request: LeaseRequest, options: AbortOptions = {}): Promise<Lease> {
    await this.getNetworkConfig(options)
    return this.#write(options, (tables, term) => {
      const config = parseNetworkConfig(storedConfig(tables) ?? '')
      return acquireLease(tables, config, request, term)
    })
  }

  renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
    return this.#write(options, (tables, term) => renewLease(tables, lease, options.attributes, term))
  }

  releaseLease(lease: Lease, options: AbortOptions = {}): Promise<void> {
    return this.#write(options, (tables) => releaseLease(tables, lease))
  }

  /**
   * Reserves subnets, of any prefix length, for the node of the public address in `attributes`: a lease that never
   * expires. Rejects with `LEASE_CONFLICT` if another node holds any of it.
   */
  reserve(reservation: Omit<Lease, 'expiresAt'>, options: AbortOptions = {}): Promise<Lease> {
    return this.#write(options, (tables) => reserveLease(tables, reservation))
  }

  async reservations({ signal }: AbortOptions = {}): Promise<readonly Lease[]> {
    const database = await this.#open(this.#stopOf(signal))
    return database.read(reservedLeases)
  }

  async *watchLeases({
    signal,
    onError = () => {},
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    let source: Database | undefined
    let seen: number | undefined
    const reported = new Set<string>()
    const look = async (database: Database, stop: AbortSignal): Promise<Changes> => {
      const now = this.#clock.now()
      const hasWork = database.read((tables) => hasExpired(tables, now))
      if (hasWork) await this.#transact(database, (tables) => expireLeases(tables, now), stop)
      // Another file has another history.
      const changes = database.read((tables) => changesSince(tables, database === source ? seen : undefined))
      source = database
      seen = changes.revision
      return changes
    }
    for await (const { events, faults } of this.#states(signal, look, onError)) {
      for (const [record, fault] of faults) {
        if (!reported.has(record)) onError(fault)
        reported.add(record)
      }
      for (const event of events) {
        if (signal.aborted) return
        yield event
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(
      new OverlayError('CLOSED', `the manager of the store ${this.path} was disposed of; make a new one`),
    )
    const share = this.#share
    this.#share = undefined
    await share?.then(
      (opened) => opened.release(),
      // The calls that waited for it have rejected.
      () => {},
    )
  }

  /** Runs `body` in a transaction, after removing the leases that have expired. */
  async #write<T>({ signal }: AbortOptions, body: (tables: Tables, term: Term) => T): Promise<T> {
    const stop = this.#stopOf(signal)
    const work = (tables: Tables) => {
      const term = { now: this.#clock.now(), leaseTermMs: this.#leaseTermMs }
      expireLeases(tables, term.now)
      return body(tables, term)
    }
    for (let attempt = 1; ; attempt += 1) {
      const database = await this.#open(stop)
      try {
        return await this.#transact(database, work, stop)
      } catch (error) {
        stop.throwIfAborted()
        // Nothing was written, and the files were removed or replaced: the new ones have another answer.
        if (database.isCurrent || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  #transact<T>(database: Database, body: (tables: Tables) => T, signal: AbortSignal): Promise<T> {
    return database.write(body, { lockTimeoutMs: this.#lockTimeoutMs, signal })
  }

  /**
   * What `look` returns: at once, whenever the file may have changed, and at each poll. Ends when `signal` aborts; throws
   * when closed. With `onError`, errors that may pass are reported there and retried.
   */
  async *#states<T>(
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
          if (onError === undefined || !mayPass(error)) throw error
          if (error.message !== trouble) onError(error)
          trouble = error.message
        }
        if (state !== undefined) yield state.value
        await wakeup.sleep(POLL, this.#clock, stop)
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error
    } finally {
      watcher.close()
    }
  }

  /** The file that is at the path now. This manager opens it once. */
  async #open(stop: AbortSignal): Promise<Database> {
    for (;;) {
      stop.throwIfAborted()
      const sharing = this.#share ?? this.#openShare()
      this.#share = sharing
      const share = await abortable(sharing, stop)
      if (share.database.isCurrent) return share.database
      // The file was removed or replaced: its leases are gone, and its nodes will ask for them again.
      if (this.#share === sharing) this.#share = undefined
      await share.release()
    }
  }

  async #openShare(): Promise<DatabaseShare> {
    try {
      const share = await shareDatabase(this.path, { lockTimeoutMs: this.#lockTimeoutMs })
      try {
        await this.#offerConfig(share.database)
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

  /** Of several processes that offer one at once, the first to write wins. */
  async #offerConfig(database: Database): Promise<void> {
    const config = this.#config
    if (config === undefined || database.read(storedConfig) !== undefined) return
    const offer = (tables: Tables) => {
      if (storedConfig(tables) === undefined) tables.meta.put('config', config)
    }
    await this.#transact(database, offer, this.#closed.signal)
  }

  #stopOf(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
  }
}

const mayPass = (error: unknown): error is OverlayError =>
  isOverlayError(error, 'STORE_UNAVAILABLE') || isOverlayError(error, 'ACCESS_DENIED')

function storedConfig({ meta }: Tables): string | undefined {
  const text = meta.get('config')
  return text === undefined ? undefined : String(text)
}

/** The config as it is stored. Throws an OverlayError `INVALID_CONFIG` for one that breaks a rule. */
function configText(config: string | object): string {
  parseNetworkConfig(config)
  return typeof config === 'string' ? config : JSON.stringify(config)
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as that aborts. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
