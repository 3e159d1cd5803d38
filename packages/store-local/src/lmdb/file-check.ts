import { access, constants, readFile, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { OverlayError } from '@selvedge/core'
import { corruptStore, storeError } from './errors.js'
import { inspectLmdbFile } from './format-check.js'

/** Room for both files as LMDB first makes them, in bytes, and to spare. */
const LEAST_ROOM = 256 * 1024

/** A file that is read while it is written may seem damaged; how often it must seem so, unchanged, to be so. */
const READINGS = 3

/**
 * Looks at what LMDB is about to open. LMDB maps its files and trusts them: a damaged one, or a disk too full for the
 * lock file, ends the whole process by SIGSEGV or SIGBUS, where a caller should get an error.
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
    if (disk.bavail * disk.bsize < LEAST_ROOM) {
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `opening the store ${path}: its disk is full; free ${LEAST_ROOM / 1024} KiB or more`,
      )
    }
    if (exists) await inspect(path, ownTables)
  } catch (error) {
    throw storeError(error, 'opening', path)
  }
}

/** False where there is no such file; rejects where this process may not write it. */
async function mayWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return false
    throw error
  }
  if (!(await stat(path)).isFile()) {
    throw new OverlayError('STORE_UNAVAILABLE', `opening the store ${path}: it is no file; name a file`)
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
