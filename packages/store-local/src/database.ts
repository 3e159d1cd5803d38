import { statSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { open, type RootDatabase } from 'lmdb'
import { checkFiles } from './file-check.js'
import { corruptStore, storeError } from './store-errors.js'
import type { LogEntry, Tables } from './tables.js'
import { waitForWriteLock } from './write-lock.js'

/** Counted up when an older version of this package could no longer read the file. */
const FORMAT = 1

/** The most that the file may grow to, in bytes: address space, not disk. Some 500,000 leases. */
const LARGEST_FILE = 2 ** 30

/** How many processes may use the file at once; each takes 64 bytes of the lock file. */
const MOST_PROCESSES = 1024

export interface DatabaseOptions {
  readonly path: string
  /** How long to wait for a writer that does not come to its end, in ms. */
  readonly lockTimeout: number
  readonly signal: AbortSignal
}

/** One LMDB file: transactions, and errors that say what to do. Nothing here knows what a lease is. */
export class Database {
  readonly path: string
  readonly #root: RootDatabase
  readonly #tables: Tables
  readonly #lockTimeout: number
  readonly #inode: number
  #isClosed = false

  static async open({ path, lockTimeout, signal }: DatabaseOptions): Promise<Database> {
    await checkFiles(path, lockPathOf(path))
    await requireWriteLock('opening', path, lockTimeout, signal)
    try {
      const root = open({
        path,
        noSubdir: true,
        encoding: 'json',
        maxDbs: 4,
        maxReaders: MOST_PROCESSES,
        mapSize: LARGEST_FILE,
        // A commit is on disk when it returns: what was acknowledged survives a loss of power too.
        overlappingSync: false,
      })
      return new Database(path, lockTimeout, root)
    } catch (error) {
      throw storeError(error, 'opening', path)
    }
  }

  constructor(path: string, lockTimeout: number, root: RootDatabase) {
    this.path = path
    this.#lockTimeout = lockTimeout
    this.#root = root
    this.#inode = statSync(path).ino
    this.#tables = {
      meta: root.openDB<string | number, string>('meta', { encoding: 'json' }),
      leases: root.openDB<string, string>('leases', { encoding: 'string' }),
      ends: root.openDB<number, string>('ends', { encoding: 'json' }),
      log: root.openDB<LogEntry, number>('log', { encoding: 'json' }),
    }
    root.transactionSync(() => requireFormat(path, root, this.#tables))
  }

  /** False once this is closed, or another file is at the path, or none. */
  get isCurrent(): boolean {
    return !this.#isClosed && statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode
  }

  /** Runs `body` on one consistent state, the newest. It must not wait. */
  read<T>(body: (tables: Tables) => T): T {
    try {
      this.#requireCurrent('reading')
      this.#root.resetReadTxn()
      return body(this.#tables)
    } catch (error) {
      throw storeError(error, 'reading', this.path)
    }
  }

  /**
   * Runs `body` as the only writer of all processes. Where it throws nothing is changed; where this resolves, all of
   * it is on disk. It must not wait.
   */
  async write<T>(body: (tables: Tables) => T, signal: AbortSignal): Promise<T> {
    await requireWriteLock('writing', this.path, this.#lockTimeout, signal)
    try {
      this.#requireCurrent('writing')
      return this.#root.transactionSync(() => body(this.#tables))
    } catch (error) {
      throw storeError(error, 'writing', this.path)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#root.close()
  }

  #requireCurrent(attempted: string): void {
    if (this.isCurrent) return
    throw new OverlayError(
      'STORE_UNAVAILABLE',
      `${attempted} the store ${this.path}: someone removed or replaced the file meanwhile; try again`,
    )
  }
}

/** LMDB's lock file, beside the data. */
const lockPathOf = (path: string): string => `${path}-lock`

async function requireWriteLock(
  attempted: string,
  path: string,
  timeout: number,
  signal: AbortSignal,
): Promise<void> {
  const holder = await waitForWriteLock(lockPathOf(path), timeout, signal)
  if (holder === undefined) return
  throw new OverlayError(
    'STORE_UNAVAILABLE',
    `${attempted} the store ${path}: thread ${holder} (by its own pid namespace) has held its lock for ${timeout} ms; ` +
      'continue the process, or kill it: that frees the lock and harms no data',
  )
}

/** Marks a new file as ours; refuses one that is another program's, or too new. */
function requireFormat(path: string, root: RootDatabase, { meta }: Tables): void {
  const format = meta.get('format')
  if (format === FORMAT) return
  if (format === undefined) {
    const names = [...root.getKeys()].map(String)
    if (names.some((name) => !OWN_TABLES.has(name)))
      throw corruptStore(path, 'it is a database of another program')
    meta.put('format', FORMAT)
    return
  }
  throw new OverlayError(
    'STORE_CORRUPT',
    `opening the store ${path}: its format is ${format}, and this version knows ${FORMAT} only; ` +
      'use the version of @selvedge/store-local that wrote it, or a newer one',
  )
}

const OWN_TABLES = new Set(['meta', 'leases', 'ends', 'log'])
