import { closeSync, linkSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** The data file and the lock file of a store by inode: a name may come to mean another file, an inode does not. */
export interface FileIdentity {
  readonly data: number
  /** Undefined if there was no lock file yet: LMDB creates one. */
  readonly lock: number | undefined
}

/** Read and write for everyone whom the umask admits, as LMDB creates its files. */
const MODE = 0o664

/** How often to start again while other processes create, replace or remove the same files. */
const MAX_ATTEMPTS = 100

/** A file system without hard links, or rights that do not suffice for one. */
const NO_LINK = ['EPERM', 'EACCES', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/**
 * Creates the data file if it is missing, and makes sure that every process that uses it uses one lock file.
 *
 * LMDB's processes know of each other by the lock file alone. If it is removed in use, the next process creates another
 * one, both sides write at once, and the data is destroyed (STORE_CORRUPT, or SIGSEGV). So the lock file has a second
 * name, `.<name>-lock.<inode of the data file>`, from which the next process restores it. The inode keeps the lock file
 * of an older data file from being restored beside a new one.
 *
 * Without hard links there is no second name and no such protection.
 */
export function keepLockFile(path: string): FileIdentity {
  const lockPath = `${path}-lock`
  for (let attempt = 1; ; attempt += 1) {
    try {
      const data = inodeOf(path) ?? createFile(path)
      const kept = keptPath(path, data)
      keep(lockPath, kept)
      // Of the second name, if there is one: the first may be removed by now, and LMDB about to make another.
      return { data, lock: inodeOf(kept) ?? inodeOf(lockPath) }
    } catch (error) {
      // A file that was there is gone, or the other way round: another process is at it.
      if (attempt === MAX_ATTEMPTS || !isErrno(error, ['ENOENT', 'EEXIST'])) throw error
    }
  }
}

/** True if the names still mean these files. */
export const isIdentity = (path: string, { data, lock }: FileIdentity): boolean =>
  inodeOf(path) === data && inodeOf(`${path}-lock`) === lock

/** Removes the second names that lock files of older data files have left. */
export function sweepLockFiles(path: string, { data }: FileIdentity): void {
  const own = basename(keptPath(path, data))
  const prefix = own.slice(0, -String(data).length)
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(prefix) && name !== own && /^\d+$/.test(name.slice(prefix.length))) {
      rmSync(join(dirname(path), name), { force: true })
    }
  }
}

const keptPath = (path: string, data: number): string =>
  join(dirname(path), `.${basename(path)}-lock.${data}`)

/** Makes both names mean one file. The second name decides which, if it exists. */
function keep(lockPath: string, kept: string): void {
  const lock = statSync(lockPath, { throwIfNoEntry: false })
  if (inodeOf(kept) !== undefined) {
    if (lock?.ino !== inodeOf(kept)) restore(lockPath, kept)
  } else if (lock?.nlink === 1) {
    tryLink(lockPath, kept)
  } else {
    // None, or that of another data file. LMDB accepts an empty one.
    createFile(kept)
    if (!restore(lockPath, kept)) rmSync(kept, { force: true })
  }
}

/** Replaces the lock file in one step, so that no process finds none and creates another. */
function restore(lockPath: string, kept: string): boolean {
  const next = `${lockPath}.new`
  if (inodeOf(next) !== inodeOf(kept)) {
    rmSync(next, { force: true })
    if (!tryLink(kept, next)) return false
  }
  renameSync(next, lockPath)
  // It is still there if both names meant the same file already: rename(2) does nothing then.
  rmSync(next, { force: true })
  return true
}

/** Throws EEXIST if there is such a file. */
function createFile(path: string): number {
  closeSync(openSync(path, 'wx', MODE))
  return statSync(path).ino
}

function tryLink(existing: string, name: string): boolean {
  try {
    linkSync(existing, name)
    return true
  } catch (error) {
    if (isErrno(error, NO_LINK)) return false
    throw error
  }
}

const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino

const isErrno = (error: unknown, names: readonly string[]): boolean =>
  error instanceof Error && names.includes(String(Reflect.get(error, 'code')))
