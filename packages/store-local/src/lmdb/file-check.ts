import { access, constants, readFile, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { OverlayError } from '@selvedge/core'
import { corruptStore, storeError } from './errors.js'
import { inspectLmdbFile } from './format-check.js'

/** More than both files take when LMDB creates them, in bytes. */
const MIN_FREE_SPACE = 256 * 1024

/** A file that is read while it is written may look damaged. It is if it does so this many times without a change. */
const READINGS = 3

/**
 * Inspects what LMDB is about to open. LMDB maps its files and trusts them: a damaged one, or a disk too full for the
 * lock file, ends the whole process by SIGSEGV or SIGBUS instead of giving the caller an error.
 */
export async function checkFiles(
  path: string,
  lockPath: string,
  ownTables: readonly string[],
): Promise<void> {
  try {
    const exists = await mayWrite(path)
    const isLocked = await mayWrite(lockPath)
    if (!exists || !isLocked) await access(dirname(path), constants.W_OK | constants.X_OK)
    const disk = await statfs(dirname(path))
    if (disk.bavail * disk.bsize < MIN_FREE_SPACE) {
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `opening the store ${path}: its disk is full; free ${MIN_FREE_SPACE / 1024} KiB or more`,
      )
    }
    if (exists) await inspect(path, ownTables)
  } catch (error) {
    throw storeError(error, 'opening', path)
  }
}

/** False if there is no such file; rejects if this process may not write it. */
async function mayWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return false
    throw error
  }
  if (!(await stat(path)).isFile()) {
    throw new OverlayError('STORE_UNAVAILABLE', `opening the store ${path}: it is not a file; name a file`)
  }
  return true
}

async function inspect(path: string, ownTables: readonly string[]): Promise<void> {
  let last: bigint | undefined
  for (let readings = 0; readings < READINGS; ) {
    const { fault, transaction, keys } = inspectLmdbFile(await readFile(path))
    if (fault === undefined && keys.every((key) => ownTables.includes(key))) return
    readings = transaction === last ? readings + 1 : 1
    if (readings === READINGS) throw corruptStore(path, fault ?? 'it is a database of another program')
    last = transaction
    await sleep(10)
  }
}
