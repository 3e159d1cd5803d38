import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isIdentity, keepLockFile } from './lock-file.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slv-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const path = () => join(folder, 'leases.mdb')
const kept = () => readdirSync(folder).filter((name) => name.startsWith('.leases.mdb-lock.'))

/** The module, with a `rename` of its own. */
async function withRename(rename: typeof renameSync): Promise<typeof import('./lock-file.js')> {
  vi.resetModules()
  vi.doMock('node:fs', async (original) => ({ ...(await original<object>()), renameSync: rename }))
  try {
    return await import('./lock-file.js')
  } finally {
    vi.doUnmock('node:fs')
    vi.resetModules()
  }
}

it('makes the data file, its lock file, and a second name for that', () => {
  const identity = keepLockFile(path())
  expect(kept()).toEqual([`.leases.mdb-lock.${identity.data}`])
  expect(statSync(`${path()}-lock`).ino).toBe(identity.lock)
  expect(isIdentity(path(), identity)).toBe(true)
})

it('restores a lock file that was removed: the same, not another', () => {
  const before = keepLockFile(path())
  rmSync(`${path()}-lock`)
  expect(isIdentity(path(), before)).toBe(false)
  expect(keepLockFile(path())).toEqual(before)
})

it('says which lock file it has to be, even if that is removed as soon as it is there', async () => {
  const before = keepLockFile(path())
  rmSync(`${path()}-lock`)
  const { keepLockFile: keep } = await withRename((from, to) => {
    renameSync(from, to)
    rmSync(to)
  })
  const identity = keep(path())
  expect(existsSync(`${path()}-lock`)).toBe(false)
  // Were it none in particular, one that LMDB makes of its own would do, and two would write at once.
  expect(identity).toEqual(before)
  expect(isIdentity(path(), identity)).toBe(false)
})
