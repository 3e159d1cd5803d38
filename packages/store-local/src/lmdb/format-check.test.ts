import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { beforeAll, describe, expect, it } from 'vitest'
import { inspectLmdbFile } from './format-check.js'

const PAGE = 4096
let sound: Buffer

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slv-local-'))
  const path = join(folder, 'x.mdb')
  const root = open({ path, noSubdir: true, overlappingSync: false, pageSize: PAGE })
  const table = root.openDB<string, number>('table', { encoding: 'string' })
  root.transactionSync(() => {
    for (let key = 0; key < 500; key += 1) table.put(key, 'x'.repeat(key === 7 ? 10_000 : 100))
  })
  await root.close()
  sound = await readFile(path)
  await rm(folder, { recursive: true })
})

const damaged = (change: (file: Buffer) => void): Buffer => {
  const file = Buffer.from(sound)
  change(file)
  return file
}

describe('inspectLmdbFile', () => {
  it('finds no fault in what LMDB wrote: branches, leaves, a table, a record of several pages', () => {
    expect(inspectLmdbFile(sound)).toEqual({
      fault: undefined,
      transaction: expect.any(BigInt),
      keys: ['table'],
    })
  })

  it('takes an empty file for a new one', () => {
    expect(inspectLmdbFile(Buffer.alloc(0)).fault).toBeUndefined()
  })

  it.each([
    ['text', () => Buffer.from('text'), 'it is not an LMDB file'],
    ['a lost head', () => damaged((file) => file.fill(0, 0, PAGE)), 'it is not an LMDB file'],
    [
      'a lost second head',
      () => damaged((file) => file.fill(0, PAGE, 2 * PAGE)),
      'its second head page is damaged',
    ],
    ['a lost end', () => sound.subarray(0, 3 * PAGE), /^it is cut off: page \d+ is beyond its end$/],
    [
      'a last page that there cannot be',
      () => damaged((file) => file.fill(59, 149, 150).fill(59, PAGE + 149, PAGE + 150)),
      /^its last page in use, \d+, is far beyond its end$/,
    ],
    ['zeros for records', () => damaged((file) => file.fill(0, 2 * PAGE)), /^page \d+ bears another number$/],
  ])('finds %s', (_, file, fault) => {
    expect(inspectLmdbFile(file()).fault).toMatch(fault)
  })
})
