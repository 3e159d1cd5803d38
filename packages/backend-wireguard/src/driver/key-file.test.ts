import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readKeyFile } from './key-file.js'
import { isKey, keyPairOf } from './keys.js'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'selvedge-wgkey-'))
  path = join(directory, 'flannel', 'wgkey')
})
afterEach(() => rmSync(directory, { recursive: true }))

describe('the key file', () => {
  it('is made with a key, for its owner alone, and kept', async () => {
    const made = await readKeyFile({ path })
    expect(isKey(made.privateKey)).toBe(true)
    expect(keyPairOf(made.privateKey)).toEqual(made)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).toBe(made.privateKey)
    expect(await readKeyFile({ path })).toEqual(made)
  })

  it('is one for many that make it at once, and nothing else remains', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => readKeyFile({ path })))
    expect(new Set(made.map(({ privateKey }) => privateKey)).size).toBe(1)
    expect(readdirSync(join(directory, 'flannel'))).toEqual(['wgkey'])
  })

  it.each(['', '\n'])('of flanneld or `wg genkey` is taken over (ends with %j)', async (end) => {
    path = join(directory, 'wgkey')
    const key = Buffer.alloc(32, 7).toString('base64')
    writeFileSync(path, `${key}${end}`, { mode: 0o400 })
    expect((await readKeyFile({ path })).privateKey).toBe(key)
  })

  it.each(['', 'hunter2', 'A'.repeat(100_000)])(
    'that holds %.10j is refused, unquoted, and kept',
    async (text) => {
      path = join(directory, 'wgkey')
      writeFileSync(path, text)
      const refusal = await readKeyFile({ path }).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringContaining(path) })
      expect(String(refusal)).not.toMatch(/hunter2|AAAA/)
      expect(readFileSync(path, 'utf8')).toBe(text)
    },
  )

  it('that cannot be made says where', async () => {
    const refusal = readKeyFile({ path: '/proc/wgkey' })
    await expect(refusal).rejects.toMatchObject({ message: expect.stringContaining('/proc/wgkey') })
    await expect(readKeyFile({ path: directory })).rejects.toMatchObject({ errno: 'EISDIR' })
  })
})
