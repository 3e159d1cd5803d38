import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { open, type RootDatabase } from 'lmdb'
import type { LogEntry, RecordVersion, Tables } from '../tables.js'
import { storeError } from './errors.js'
import { checkFiles } from './file-check.js'
import { type FileIdentity, isIdentity, keepLockFile, sweepLockFiles } from './lock-file.js'
import { LOCK_HEAD, waitForWriteLock } from './write-lock.js'

/**
 * Incremented when older versions of this package could no longer read the file. 2: with the versions of records. A file of
 * format 1 becomes one of 2 when it is opened.
 */
const FORMAT = 2

/** What the file may grow to, in bytes: address space, not disk. Some 500,000 leases. */
const MAX_FILE = 2 ** 30

/** How many processes may use the file at once. Each takes 64 bytes of the lock file. */
const MAX_PROCESSES = 1024

/** A file of another program has other tables. */
const TABLES = ['meta', 'leases', 'ends', 'versions', 'log']

/** How often to open the files again if they are removed or replaced meanwhile. */
const MAX_ATTEMPTS = 20

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
  readonly #identity: FileIdentity
  readonly #lockFile: number
  #isClosed = false

  static async open(path: string, options: WaitOptions): Promise<Database> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const database = await Database.#tryOpen(path, options)
      if (database !== undefined) return database
    }
    throw replacedError('opening', path)
  }

  /** Undefined if a file was removed or replaced meanwhile, and nothing was read or written. */
  static async #tryOpen(path: string, options: WaitOptions): Promise<Database | undefined> {
    const lockPath = `${path}-lock`
    await checkFiles(path, lockPath, TABLES)
    const readHead = () =>
      statSync(lockPath, { throwIfNoEntry: false }) ? readFileSync(lockPath) : Buffer.alloc(0)
    try {
      const expected = keepLockFile(path)
      await requireWriteLock('opening', path, readHead, options)
      const held = descriptorsOf(expected.lock)
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
      let lockFile: number | undefined
      try {
        lockFile = openSync(lockPath, 'r')
        const identity = { ...expected, lock: expected.lock ?? fstatSync(lockFile).ino }
        // LMDB has opened a lock file of its own making if ours was removed at that moment. It may be restored by now.
        const isOurs = held === undefined || (descriptorsOf(expected.lock) ?? 0) > held
        if (isOurs && isIdentity(path, identity)) {
          sweepLockFiles(path, identity)
          return new Database(path, root, openTables(path, root), lockFile, identity)
        }
        await close(root, lockFile)
        return undefined
      } catch (error) {
        await close(root, lockFile)
        throw error
      }
    } catch (error) {
      throw storeError(error, 'opening', path)
    }
  }

  private constructor(
    path: string,
    root: RootDatabase,
    tables: Tables,
    lockFile: number,
    identity: FileIdentity,
  ) {
    this.path = path
    this.#root = root
    this.#tables = tables
    this.#lockFile = lockFile
    this.#identity = identity
  }

  /** False once this is closed, or if the path or that of the lock file names another file by now, or none. */
  get isCurrent(): boolean {
    return !this.#isClosed && isIdentity(this.path, this.#identity)
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
    await close(this.#root, this.#lockFile)
  }

  #readLockHead(): Buffer {
    const head = Buffer.alloc(LOCK_HEAD)
    return head.subarray(0, readSync(this.#lockFile, head, 0, LOCK_HEAD, 0))
  }

  #requireCurrent(attempted: string): void {
    if (this.isCurrent) return
    throw replacedError(attempted, this.path)
  }
}

/** How many descriptors of this process are of a file; undefined if that cannot be known. */
function descriptorsOf(inode: number | undefined): number | undefined {
  if (inode === undefined) return undefined
  try {
    return readdirSync('/proc/self/fd').filter((name) => inodeOfDescriptor(Number(name)) === inode).length
  } catch {
    return undefined
  }
}

function inodeOfDescriptor(descriptor: number): number | undefined {
  try {
    return fstatSync(descriptor).ino
  } catch {
    return undefined // the one that listed them
  }
}

async function close(root: RootDatabase, lockFile: number | undefined): Promise<void> {
  await root.close()
  // Not before: closing any descriptor of the lock file drops all of this process's locks on it (fcntl(2)).
  if (lockFile !== undefined) closeSync(lockFile)
}

const replacedErrors = new WeakSet<object>()

/**
 * Whether an error says that a file was removed or replaced before anything was read or written. It may be back by now, the
 * very same: another process restores a lock file.
 */
export const isReplacedError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && replacedErrors.has(error)

function replacedError(attempted: string, path: string): OverlayError {
  const error = new OverlayError(
    'STORE_UNAVAILABLE',
    `${attempted} the store ${path}: it or its lock file was removed or replaced meanwhile; try again`,
  )
  replacedErrors.add(error)
  return error
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
  if (format !== undefined && !(Number(format) <= FORMAT)) {
    throw new OverlayError(
      'STORE_CORRUPT',
      `opening the store ${path}: its format is ${format}, and this version knows none after ${FORMAT}; ` +
        'use the version of @selvedge/store-local that wrote it, or a newer one',
    )
  }
  const tables: Tables = {
    meta,
    leases: root.openDB<string, string>('leases', { encoding: 'string' }),
    ends: root.openDB<number, string>('ends', { encoding: 'json' }),
    versions: root.openDB<RecordVersion, string>('versions', { encoding: 'json' }),
    log: root.openDB<LogEntry, number>('log', { encoding: 'json' }),
  }
  if (format !== FORMAT) root.transactionSync(() => void meta.put('format', FORMAT))
  return tables
}
