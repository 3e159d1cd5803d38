import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '@selvedge/conformance'
import { OverlayError } from '@selvedge/core'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Tables } from '../tables.js'
import { CurrentFile } from './current-file.js'

const revision = ({ meta }: Tables) => meta.get('revision')
const setRevision = (value: number) => (tables: Tables) => void tables.meta.put('revision', value)

describe('CurrentFile', () => {
  let path: string
  const clock = new FakeClock()

  beforeEach(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'slv-file-'))
    path = join(folder, 'leases.mdb')
    onTestFinished(() => rm(folder, { recursive: true }))
  })

  function open(): CurrentFile {
    const setUp = (tables: Tables) => (revision(tables) === undefined ? setRevision(1) : undefined)
    const file = new CurrentFile({ path, lockTimeoutMs: 5000, clock, setUp })
    onTestFinished(() => file.close(new OverlayError('CLOSED', 'the test is over')))
    return file
  }

  it('sets a file up once, and again one that took its place', async () => {
    const file = open()
    expect(await file.read(revision)).toBe(1)
    await file.write(setRevision(7))
    expect(await open().read(revision)).toBe(7)
    await rm(path)
    await rm(`${path}-lock`)
    expect(await file.read(revision)).toBe(1)
  })

  it('looks at once, after each write, and at the file that took its place', async () => {
    const file = open()
    const stop = new AbortController()
    const states = file.states(stop.signal, (database) => database.read(revision))
    const next = async () => (await states.next()).value
    expect(await next()).toBe(1)
    const second = next()
    await open().write(setRevision(2))
    expect(await second).toBe(2)
    await rm(path)
    await rm(`${path}-lock`)
    const third = next()
    await clock.advance(1000)
    expect(await third).toBe(1)
    stop.abort()
    expect(await next()).toBeUndefined()
  })

  it('rejects every call with the reason that it was closed for', async () => {
    const file = open()
    await file.read(revision)
    const reason = new OverlayError('CLOSED', 'disposed of')
    await file.close(reason)
    await expect(file.read(revision)).rejects.toBe(reason)
    await expect(file.write(setRevision(3))).rejects.toBe(reason)
    await expect(file.states(undefined, () => 1).next()).rejects.toBe(reason)
  })
})
