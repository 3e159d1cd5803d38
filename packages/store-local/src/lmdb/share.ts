import { realpathSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Database, type WaitOptions } from './database.js'
import { storeError } from './errors.js'

/** A file that is open in this process. */
interface Entry {
  readonly database: Promise<Database>
  users: number
  closing?: Promise<void>
}

/**
 * By path, one for the whole process: LMDB keeps record locks on its lock file, and a process that closes any descriptor
 * of a file loses all its locks on it (fcntl(2)). A file opened twice would look unused to the other processes as soon
 * as one of the two is closed, and they would set up its locks again while the other one uses them.
 */
const opened = new Map<string, Entry>()

/** A share in an open file. */
export interface DatabaseShare {
  readonly database: Database
  /** The last release closes the file. May be called again. */
  release(): Promise<void>
}

/** Opens the file that is at `path` now, or shares it if this process has it open. */
export async function shareDatabase(path: string, options: WaitOptions): Promise<DatabaseShare> {
  const key = await canonicalPath(path)
  for (;;) {
    const entry = opened.get(key) ?? { database: Database.open(key, options), users: 0 }
    opened.set(key, entry)
    if (entry.closing !== undefined) {
      await entry.closing
      continue
    }
    entry.users += 1
    const database = await entry.database.catch((error) => {
      forget(key, entry)
      throw error
    })
    if (database.isCurrent) return shareOf(key, entry, database)
    // The file was removed or replaced. LMDB tells files apart by their lock file, so the old one must be closed first.
    await close(key, entry)
  }
}

function shareOf(key: string, entry: Entry, database: Database): DatabaseShare {
  let isReleased = false
  return {
    database,
    async release() {
      if (!isReleased) entry.users -= 1
      isReleased = true
      if (entry.users === 0) await close(key, entry)
    },
  }
}

function close(key: string, entry: Entry): Promise<void> {
  entry.closing ??= entry.database.then((database) => database.close()).finally(() => forget(key, entry))
  return entry.closing
}

function forget(key: string, entry: Entry): void {
  if (opened.get(key) === entry) opened.delete(key)
}

/** One name for a file that is reached through different links to its folder. */
async function canonicalPath(path: string): Promise<string> {
  try {
    await mkdir(dirname(path), { recursive: true })
    return join(realpathSync(dirname(path)), basename(path))
  } catch (error) {
    throw storeError(error, 'opening', path)
  }
}
