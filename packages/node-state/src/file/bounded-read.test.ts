import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readBoundedFile } from './bounded-read.js'

let folder = ''
let path = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-bounded-read-'))
  path = join(folder, 'file')
})
afterEach(() => rm(folder, { recursive: true }))

test.each([0, 1, 65_535, 65_536, 65_537, 199_999, 200_000])(
  'a file of %i bytes is read whole',
  async (length) => {
    const text = 'grüße'.repeat(length).slice(0, length).padEnd(length)
    await writeFile(path, text)
    expect(await readBoundedFile(path, 1_000_000)).toBe(text)
  },
)

test('a file of exactly the maximum is read, and one of a byte more is refused', async () => {
  await writeFile(path, 'x'.repeat(100_000))
  expect(await readBoundedFile(path, 100_000)).toHaveLength(100_000)
  await writeFile(path, 'x'.repeat(100_001))
  await expect(readBoundedFile(path, 100_000)).rejects.toThrow(`${path} is longer than 100000 bytes`)
})

test('only as many lines as are asked for are read', async () => {
  const lines = ['first', 'x'.repeat(100_000), '', 'y'.repeat(100_000), 'end without a line feed']
  await writeFile(path, lines.join('\n'))
  for (const [i] of lines.entries()) {
    const text = lines
      .map((line) => `${line}\n`)
      .slice(0, i)
      .join('')
    if (i > 0) expect(await readBoundedFile(path, 300_000, i)).toBe(text)
  }
  expect(await readBoundedFile(path, 300_000, 5)).toBe(lines.join('\n'))
  await expect(readBoundedFile(path, 60_000, 2)).rejects.toThrow('longer than 60000 bytes')
})

test('a file of 10 GB costs no more than its maximum', async () => {
  await writeFile(path, '')
  await truncate(path, 10 * 2 ** 30)
  const before = process.memoryUsage().rss
  await expect(readBoundedFile(path, 65_536)).rejects.toThrow('is longer than 65536 bytes')
  expect(process.memoryUsage().rss - before).toBeLessThan(50 * 2 ** 20)
})

test('a file of /proc is read, though its size says 0', async () => {
  expect(await readBoundedFile('/proc/self/status', 65_536)).toMatch(/^Name:/)
})

test('a FIFO without a writer is refused at once', async () => {
  await promisify(execFile)('mkfifo', [path])
  await expect(readBoundedFile(path, 65_536)).rejects.toThrow(`${path} is not a regular file`)
})

test('a device is refused', async () => {
  await expect(readBoundedFile('/dev/zero', 65_536)).rejects.toThrow('/dev/zero is not a regular file')
})

test('a folder is refused, and a file that is missing', async () => {
  await expect(readBoundedFile(folder, 65_536)).rejects.toThrow(`${folder} is a folder`)
  await expect(readBoundedFile(path, 65_536)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('no file stays open, however reading ends', async () => {
  await writeFile(path, 'x'.repeat(100_000))
  const next = async () => {
    const file = await open(path)
    await file.close()
    return file.fd
  }
  const before = await next()
  for (let i = 0; i < 20; i += 1) {
    await readBoundedFile(path, i % 2 === 0 ? 1_000 : 1_000_000).catch(() => undefined)
    await readBoundedFile(folder, 1_000).catch(() => undefined)
  }
  expect(await next()).toBe(before)
})
