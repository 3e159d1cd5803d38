import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { isIdentity, keepLockFile } from './lock-file.js'

/** Runs right after a file has been renamed: whatever another process may do then. */
let renamed = (_path: string): void => {}

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>()
  const renameSync = (from: string, to: string): void => {
    fs.renameSync(from, to)
    renamed(to)
  }
  return { ...fs, renameSync }
})

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slv-lock-'))
  renamed = () => {}
})
afterEach(() => rmSync(folder, { recursive: true }))

const path = () => join(folder, 'leases.mdb')
const kept = () => readdirSync(folder).filter((name) => name.startsWith('.leases.mdb-lock.'))

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

it('says which lock file it has to be, even if that is removed as soon as it is there', () => {
  const before = keepLockFile(path())
  rmSync(`${path()}-lock`)
  renamed = (to) => rmSync(to)
  const identity = keepLockFile(path())
  expect(existsSync(`${path()}-lock`)).toBe(false)
  // Were it none in particular, one that LMDB makes of its own would do, and two would write at once.
  expect(identity).toEqual(before)
  expect(isIdentity(path(), identity)).toBe(false)
})
