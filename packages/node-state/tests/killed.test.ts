import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@selvedge/conformance'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { writeFileAtomically } from '../src/index.js'

const SAVING = fileURLToPath(new URL('saving.mjs', import.meta.url))
const KILLS = 8
const MEGABYTE = 1 << 20

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-killed-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Starts a process that saves `path` without end, and kills it that many ms after its first save. */
async function killWhileSaving(path: string, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [SAVING, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  await once(child, 'exit')
}

it('a process that is killed while it saves leaves the old text or the new one, and nothing for long', async () => {
  const seed = randomInt(2 ** 31)
  const random = seededRandom(seed)
  const path = join(folder, 'leases.json')
  let left = 0
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await killWhileSaving(path, 30 * random())
    const text = await readFile(path, 'utf8')
    expect([text.length, new Set(text).size], `seed ${seed}, kill ${kill}`).toEqual([MEGABYTE, 1])
    const names = await readdir(folder)
    left += names.length - 1
    expect(['leases.json', 'leases.json.tmp'], `seed ${seed}, kill ${kill}`).toEqual(
      expect.arrayContaining(names),
    )
  }
  // Some have hit a save.
  expect(left, `seed ${seed}`).toBeGreaterThan(0)
  await writeFileAtomically(path, ['whole'], { mode: 0o644 })
  expect(await readdir(folder)).toEqual(['leases.json'])
  expect(await readFile(path, 'utf8')).toBe('whole')
})
