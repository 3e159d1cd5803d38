import { resolve } from 'node:path'
import {
  type AbortOptions,
  type Clock,
  configDifferences,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
  type RenewOptions,
  type SetConfigOptions,
  type SubnetAdministration,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import {
  anything,
  checkOptions,
  clockShape,
  configChanged,
  number,
  path as pathShape,
  required,
  systemClock,
} from '@selvedge/core/kit'
import {
  acquireLease,
  type Changes,
  cancelReservation,
  changesSince,
  expireLeases,
  hasExpired,
  releaseLease,
  renewLease,
  reservedLeases,
  reserveLease,
  type Term,
} from './lease-records.js'
import { CurrentFile } from './lmdb/current-file.js'
import type { Database } from './lmdb/database.js'
import type { Tables } from './tables.js'

/** The store's file, and what is written to a new one. */
export interface LocalSubnetManagerOptions {
  /** The store's file. It and its folder are created if they are missing. It must be on a local disk. */
  readonly path: string
  /**
   * The network config as flannel writes it, JSON text or an object: written if the store holds none yet. If it holds another,
   * that one counts, which `warnings()` says, and `setNetworkConfig` replaces.
   */
  readonly config?: string | object | undefined
  /** How long a lease lasts unless renewed, in ms. Default: 24 hours, as flannel's. */
  readonly leaseTermMs?: number | undefined
  /** How long to wait for another process that is stopped in the middle of a write, in ms. Default: 5,000. */
  readonly lockTimeoutMs?: number | undefined
  /** When leases end. Default: the system's. For tests. */
  readonly clock?: Clock | undefined
}

const DAY_MS = 24 * 60 * 60 * 1000

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
  /** The store's file, as an absolute path. */
  readonly path: string
  readonly #leaseTermMs: number
  readonly #clock: Clock
  readonly #file: CurrentFile
  readonly #offered: NetworkConfig | undefined
  /** How the store's config differs from the one that was offered. */
  #differences: readonly string[] = []

  /** Opens nothing yet. Throws an OverlayError `INVALID_CONFIG` for a config that breaks a rule. */
  constructor(options: LocalSubnetManagerOptions) {
    checkOptions<LocalSubnetManagerOptions>('new LocalSubnetManager()', options, {
      path: required(pathShape),
      config: anything,
      leaseTermMs: number,
      lockTimeoutMs: number,
      clock: clockShape,
    })
    const { path, config, leaseTermMs = DAY_MS, lockTimeoutMs = 5000, clock = systemClock } = options
    if (!(leaseTermMs > 0))
      throw new TypeError(`leaseTermMs is ${leaseTermMs}, not a number of milliseconds above 0`)
    if (!(lockTimeoutMs >= 0))
      throw new TypeError(`lockTimeoutMs is ${lockTimeoutMs}, not a number of milliseconds`)
    this.path = resolve(path)
    this.#leaseTermMs = leaseTermMs
    this.#clock = clock
    this.#offered = config === undefined ? undefined : parseNetworkConfig(config)
    const offer = config === undefined ? undefined : offerConfig(configText(config))
    const setUp = (tables: Tables) => (storedConfig(tables) === undefined ? offer : undefined)
    this.#file = new CurrentFile({ path: this.path, lockTimeoutMs, clock, setUp })
  }

  async getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    for await (const text of this.#file.states(signal, (database) => database.read(storedConfig))) {
      if (text === undefined) continue
      const config = parseNetworkConfig(text)
      this.#differences = this.#offered === undefined ? [] : configDifferences(this.#offered, config, 'not')
      return config
    }
    throw signal?.reason
  }

  /** That the option `config` is ignored, as the store has another one: known once the network config has been read. */
  warnings(): readonly string[] {
    if (this.#differences.length === 0) return []
    return [
      `the option config of LocalSubnetManager is ignored, as the store ${this.path} has another network config ` +
        `(${this.#differences.join('; ')}): setNetworkConfig() writes it to the store`,
    ]
  }

  /**
   * Writes the network config for every process, as an operator does. Rejects with `INVALID_CONFIG` for one that breaks a
   * rule, and with `CONFIG_CHANGED` if the store does not hold what `replaces` says.
   */
  async setNetworkConfig(
    config: string | object,
    { replaces, ...options }: SetConfigOptions = {},
  ): Promise<void> {
    const text = configText(config)
    await this.#write(options, (tables) => {
      if (replaces !== undefined && (storedConfig(tables) ?? null) !== replaces) {
        throw configChanged(`the store ${this.path}`)
      }
      tables.meta.put('config', text)
    })
  }

  networkConfigText(options: AbortOptions = {}): Promise<string | undefined> {
    return this.#file.read(storedConfig, options)
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

  reservations(options: AbortOptions = {}): Promise<readonly Lease[]> {
    return this.#file.read(reservedLeases, options)
  }

  cancelReservation(reservation: Lease, options: AbortOptions = {}): Promise<void> {
    return this.#write(options, (tables) => cancelReservation(tables, reservation))
  }

  async *watchLeases({
    signal,
    onError = () => {},
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    let source: Database | undefined
    let seen: number | undefined
    /** The bad records that were reported: a list of all has them again. */
    let reported: ReadonlySet<string> = new Set()
    const look = async (database: Database, stop: AbortSignal): Promise<Changes> => {
      const now = this.#clock.now()
      const hasWork = database.read((tables) => hasExpired(tables, now))
      if (hasWork) await this.#file.transact(database, (tables) => expireLeases(tables, now), stop)
      // Another file has another history.
      const changes = database.read((tables) => changesSince(tables, database === source ? seen : undefined))
      source = database
      seen = changes.revision
      return changes
    }
    for await (const { events, faults } of this.#file.states(signal, look, onError)) {
      const isList = events[0]?.type === 'snapshot'
      for (const [record, fault] of faults) if (!isList || !reported.has(record)) onError(fault)
      reported = new Set(isList ? faults.keys() : [...reported, ...faults.keys()])
      for (const event of events) {
        if (signal.aborted) return
        yield event
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close(
      new OverlayError('CLOSED', `the manager of the store ${this.path} was disposed of; make a new one`),
    )
  }

  /** Runs `body` in a transaction, after removing the leases that have expired. */
  #write<T>(options: AbortOptions, body: (tables: Tables, term: Term) => T): Promise<T> {
    return this.#file.write((tables) => {
      const term = { now: this.#clock.now(), leaseTermMs: this.#leaseTermMs }
      expireLeases(tables, term.now)
      return body(tables, term)
    }, options)
  }
}

function storedConfig({ meta }: Tables): string | undefined {
  const text = meta.get('config')
  return text === undefined ? undefined : String(text)
}

/** Of several processes that offer one at once, the first to write wins. */
const offerConfig = (text: string) => (tables: Tables) => {
  if (storedConfig(tables) === undefined) tables.meta.put('config', text)
}

/** The config as it is stored. Throws an OverlayError `INVALID_CONFIG` for one that breaks a rule. */
function configText(config: string | object): string {
  parseNetworkConfig(config)
  return typeof config === 'string' ? config : JSON.stringify(config)
}
