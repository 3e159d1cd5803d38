import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const FOLDER = fileURLToPath(new URL('../bundle/', import.meta.url))

/** Runs `selvedged --version` by the bundle's loader, then tells which files went without bytecode. */
const PROGRAM = `
  import { createRequire } from 'node:module'
  import { load, withoutBytecode } from './loader.mjs'
  process.argv = [process.execPath, 'selvedged', '--version']
  load(createRequire(process.cwd() + '/').resolve('./'))
  process.stdout.write(JSON.stringify(withoutBytecode().map((file) => file.split('/').at(-1).split('.')[0])))`

async function run(...flags: readonly string[]): Promise<{ said: string; withoutBytecode: string[] }> {
  const args = [...flags, '--input-type=module', '--eval', PROGRAM]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: FOLDER })
  const [said = '', files = ''] = stdout.split('\n')
  return { said, withoutBytecode: JSON.parse(files) }
}

test('the bundle runs by the bytecode that was made with it', async () => {
  expect(await run()).toEqual({ said: expect.stringMatching(/^selvedged \d/), withoutBytecode: [] })
})

test('the bundle runs where its bytecode is of no use: another Node, or another flag for V8', async () => {
  const { said, withoutBytecode } = await run('--no-opt')
  expect(said).toMatch(/^selvedged \d/)
  expect(withoutBytecode).toContain('main')
})
