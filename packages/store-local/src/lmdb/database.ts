import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { open, type RootDatabase } from 'lmdb'
import type { LogEntry, Tables } from '../tables.js'
import { storeError } from './errors.js'
import { checkFiles } from './file-check.js'
import { LOCK_HEAD, waitForWriteLock } from './write-lock.js'

/** Incremented when older versions of this package could no longer read the file. */
const FORMAT = 1

/** What the file may grow to, in bytes: address space, not disk. Some 500,000 leases. */
const MAX_FILE = 2 ** 30

/** How many processes may use the file at once. Each takes 64 bytes of the lock file. */
const MAX_PROCESSES = 1024

/** A file of another program has other tables. */
const TABLES = ['meta', 'leases', 'ends', 'log']

export interface WaitOptions {
  /** How long to wait for a writer that does not finish, in ms. */
  readonly lockTimeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * One LMDB file: transactions, and errors that say what to do. It does not know what a lease is. A process must not open
 * a file twice: use `shareDatabase`.
 */
export class Database {
  readonly path: string
  readonly #root: RootDatabase
  readonly #tables: Tables
  readonly #inode: number
  readonly #lockFile: number
  #isClosed = false

  static async open(path: string, options: WaitOptions): Promise<Database> {
    const lockPath = `${path}-lock`
    await checkFiles(path, lockPath, TABLES)
    const readHead = () =>
      statSync(lockPath, { throwIfNoEntry: false }) ? readFileSync(lockPath) : Buffer.alloc(0)
    await requireWriteLock('opening', path, readHead, options)
    try {
      const root = open({
        path,
        noSubdir: true,
        encoding: 'json',
        maxDbs: TABLES.length,
        maxReaders: MAX_PROCESSES,
        mapSize: MAX_FILE,
        // A commit is on disk when it returns: what was acknowledged survives a loss of power too.
        overlappingSync: false,
      })
      try {
        return new Database(path, root, openTables(path, root), openSync(lockPath, 'r'))
      } catch (error) {
        await root.close()
        throw error
      }
    } catch (error) {
      throw storeError(error, 'opening', path)
    }
  }

  constructor(path: string, root: RootDatabase, tables: Tables, lockFile: number) {
    this.path = path
    this.#root = root
    this.#tables = tables
    this.#inode = statSync(path).ino
    this.#lockFile = lockFile
  }

  /** False once this is closed, or if another file is at the path, or none. */
  get isCurrent(): boolean {
    return !this.#isClosed && statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode
  }

  /** Runs `body` on the newest consistent state. `body` must be synchronous. */
  read<T>(body: (tables: Tables) => T): T {
    this.#requireCurrent('reading')
    try {
      this.#root.resetReadTxn()
      return body(this.#tables)
    } catch (error) {
      throw storeError(error, 'reading', this.path)
    }
  }

  /**
   * Runs `body` as the only writer of all processes. If it throws, nothing changes; once this resolves, all of it is on
   * disk. `body` must be synchronous.
   */
  async write<T>(body: (tables: Tables) => T, options: WaitOptions): Promise<T> {
    this.#requireCurrent('writing')
    await requireWriteLock('writing', this.path, () => this.#readLockHead(), options)
    this.#requireCurrent('writing')
    try {
      return this.#root.transactionSync(() => body(this.#tables))
    } catch (error) {
      throw storeError(error, 'writing', this.path)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#root.close()
    // Not before: closing any descriptor of the lock file drops all of this process's locks on it (fcntl(2)).
    closeSync(this.#lockFile)
  }

  #readLockHead(): Buffer {
    const head = Buffer.alloc(LOCK_HEAD)
    return head.subarray(0, readSync(this.#lockFile, head, 0, LOCK_HEAD, 0))
  }

  #requireCurrent(attempted: string): void {
    if (this.isCurrent) return
    throw new OverlayError(
      'STORE_UNAVAILABLE',
      `${attempted} the store ${this.path}: the file was removed or replaced meanwhile; try again`,
    )
  }
}

async function requireWriteLock(
  attempted: string,
  path: string,
  readHead: () => Buffer,
  { lockTimeoutMs, signal }: WaitOptions,
): Promise<void> {
  const holder = await waitForWriteLock(readHead, lockTimeoutMs, signal)
  if (holder === undefined) return
  throw new OverlayError(
    'STORE_UNAVAILABLE',
    `${attempted} the store ${path}: thread ${holder} (by its own pid namespace) has held its lock for ` +
      `${lockTimeoutMs} ms; continue the process, or kill it: that frees the lock and harms no data`,
  )
}

/** Creates the tables of a new file, and none in a file of a newer format. */
function openTables(path: string, root: RootDatabase): Tables {
  const meta = root.openDB<string | number, string>('meta', { encoding: 'json' })
  const format = meta.get('format')
  if (format !== undefined && format !== FORMAT) {
    throw new OverlayError(
      'STORE_CORRUPT',
      `opening the store ${path}: its format is ${format}, and this version knows only ${FORMAT}; ` +
        'use the version of @selvedge/store-local that wrote it, or a newer one',
    )
  }
  const tables: Tables = {
    meta,
    leases: root.openDB<string, string>('leases', { encoding: 'string' }),
    ends: root.openDB<number, string>('ends', { encoding: 'json' }),
    log: root.openDB<LogEntry, number>('log', { encoding: 'json' }),
  }
  if (format === undefined) root.transactionSync(() => void meta.put('format', FORMAT))
  return tables
}
