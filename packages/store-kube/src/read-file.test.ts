import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readTextFile } from './read-file.js'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-kube-'))
  file = join(folder, 'file')
})
afterEach(() => rm(folder, { recursive: true }))

test('reads a file up to its limit, by a link too', async () => {
  await writeFile(file, 'größer')
  await symlink(file, join(folder, 'link'))
  expect(await readTextFile(join(folder, 'link'), 8)).toBe('größer')
  await expect(readTextFile(file, 7)).rejects.toThrow(`${file} is longer than 7 bytes`)
})

test('reads a file without a size', async () => {
  expect(await readTextFile('/proc/self/status', 65_536)).toContain('Pid:')
})

test('does not wait for a pipe', async () => {
  execFileSync('mkfifo', [file])
  await expect(readTextFile(file, 10)).rejects.toThrow('not a regular file')
})

test('refuses a folder and an endless device', async () => {
  await mkdir(file)
  await expect(readTextFile(file, 10)).rejects.toThrow('not a regular file')
  await expect(readTextFile('/dev/zero', 10)).rejects.toThrow('not a regular file')
})
