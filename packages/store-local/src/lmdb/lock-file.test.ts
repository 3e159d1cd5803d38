import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { isIdentity, keepLockFile, sweepLockFiles } from './lock-file.js'

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

describe('keepLockFile', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'slv-lock-'))
    path = join(folder, 'leases.mdb')
    onTestFinished(() => rmSync(folder, { recursive: true }))
  })

  it('creates both files, and says the same as long as they are there', () => {
    const identity = keepLockFile(path)
    expect(readdirSync(folder)).toEqual([
      `.leases.mdb-lock.${identity.data}`,
      'leases.mdb',
      'leases.mdb-lock',
    ])
    expect(keepLockFile(path)).toEqual(identity)
    expect(isIdentity(path, identity)).toBe(true)
  })

  it('restores the lock file if it was removed, or if another took its place', () => {
    const identity = keepLockFile(path)
    rmSync(`${path}-lock`)
    expect(isIdentity(path, identity)).toBe(false)
    expect(keepLockFile(path)).toEqual(identity)
    renameSync(`${path}-lock`, `${path}-old`)
    writeFileSync(`${path}-lock`, 'of a process that found none')
    expect(keepLockFile(path)).toEqual(identity)
    expect(readdirSync(folder)).not.toContain('leases.mdb-lock.new')
  })

  it('says which lock file it has to be, even if that is removed as soon as it is restored', async () => {
    const before = keepLockFile(path)
    rmSync(`${path}-lock`)
    const { keepLockFile: keep } = await withRename((from, to) => {
      renameSync(from, to)
      rmSync(to)
    })
    const identity = keep(path)
    expect(readdirSync(folder)).not.toContain('leases.mdb-lock')
    // Were it none in particular, one that LMDB makes of its own would do, and two would write at once.
    expect(identity).toEqual(before)
    expect(isIdentity(path, identity)).toBe(false)
  })

  it('gives another data file another lock file, and sweeps what the old one left', () => {
    const before = keepLockFile(path)
    writeFileSync(`${path}.copy`, '')
    renameSync(`${path}.copy`, path)
    expect(isIdentity(path, before)).toBe(false)
    const identity = keepLockFile(path)
    expect(identity.data).not.toBe(before.data)
    expect(identity.lock).not.toBe(before.lock)
    sweepLockFiles(path, identity)
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([
      `.leases.mdb-lock.${identity.data}`,
    ])
  })

  it('adopts a lock file that has no second name yet', () => {
    writeFileSync(path, '')
    writeFileSync(`${path}-lock`, '')
    const { ino } = statSync(`${path}-lock`)
    expect(keepLockFile(path).lock).toBe(ino)
    rmSync(`${path}-lock`)
    expect(keepLockFile(path).lock).toBe(ino)
  })

  it('goes on after a process that was killed between two steps', () => {
    const identity = keepLockFile(path)
    writeFileSync(`${path}-lock.new`, 'left behind')
    rmSync(`${path}-lock`)
    expect(keepLockFile(path)).toEqual(identity)
    expect(readdirSync(folder)).not.toContain('leases.mdb-lock.new')
  })
})
