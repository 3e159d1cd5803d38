import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readSubnetEnv, writeSubnetEnv } from './read-write.js'

const TEXT = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n'

let folder = ''
let path = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-subnet-env-'))
  path = join(folder, 'subnet.env')
})
afterEach(() => rm(folder, { recursive: true }))

async function makeFifo(): Promise<string> {
  await promisify(execFile)('mkfifo', [path])
  return path
}

async function makeHuge(): Promise<string> {
  await writeFile(path, '')
  await truncate(path, 200e6)
  return path
}

test('what is written is read back, and may be read by everyone', async () => {
  const before = process.umask(0o077)
  try {
    await writeSubnetEnv(path, TEXT)
  } finally {
    process.umask(before)
  }
  expect(await readFile(path, 'utf8')).toBe(TEXT)
  expect(await readSubnetEnv(path)).toMatchObject({ network: '10.244.0.0/16', subnet: '10.244.1.0/24' })
  expect((await stat(path)).mode & 0o777).toBe(0o644)
  expect(await readdir(folder)).toEqual(['subnet.env'])
})

test('a file that is missing, or its folder, is undefined', async () => {
  expect(await readSubnetEnv(path)).toBeUndefined()
  expect(await readSubnetEnv(join(folder, 'no', 'such', 'folder', 'subnet.env'))).toBeUndefined()
})

describe('a file that cannot be read is an error, and costs no time:', () => {
  test.each([
    ['a folder', async () => path.slice(0, path.lastIndexOf('/')), 'is a folder'],
    ['a FIFO', makeFifo, 'is not a regular file'],
    ['200 MB', makeHuge, 'is longer than 65536 bytes'],
  ])('%s', async (_, make, message) => {
    await expect(readSubnetEnv(await make())).rejects.toThrow(message)
  })
})

test('a line of 60 kB of blanks is read in no time', async () => {
  await writeFile(path, `FLANNEL_SUBNET=${' '.repeat(60_000)}x\n`)
  const start = performance.now()
  expect(await readSubnetEnv(path)).toMatchObject({ subnet: undefined })
  expect(performance.now() - start).toBeLessThan(1_000)
})
