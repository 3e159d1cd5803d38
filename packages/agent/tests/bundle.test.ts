import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const AGENT = fileURLToPath(new URL('../', import.meta.url))
const BUNDLE = join(AGENT, 'bundle')
const isBytecode = (file: string) => file.endsWith('.bytecode')

/** Loads every file of the bundle, as `selvedged --version` in the end; then tells which went without bytecode. */
const PROGRAM = `
  import { readdirSync } from 'node:fs'
  import { createRequire } from 'node:module'
  import { load, withoutBytecode } from './loader.mjs'
  process.argv = [process.execPath, 'selvedged', '--version']
  const { resolve } = createRequire(process.cwd() + '/')
  const files = readdirSync('.').filter((file) => file.endsWith('.js')).map((file) => resolve('./' + file))
  for (const file of files) if (file !== resolve('./')) load(file)
  load(resolve('./'))
  process.stdout.write(JSON.stringify({ files, without: withoutBytecode() }))`

async function run(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, args, { cwd: BUNDLE })).stdout
}

async function loadAll(...flags: readonly string[]): Promise<{ files: string[]; without: string[] }> {
  const said = await run(...flags, '--input-type=module', '--eval', PROGRAM)
  return JSON.parse(said.slice(said.indexOf('{')))
}

test('every file of the bundle runs by the bytecode that was made with it', async () => {
  const { files, without } = await loadAll()
  expect(files.length).toBeGreaterThan(5)
  expect(without).toEqual([])
})

test('bytecode tells nothing of where it was made', async () => {
  const files = (await readdir(BUNDLE)).filter(isBytecode)
  expect(files.length).toBeGreaterThan(5)
  for (const file of files)
    expect((await readFile(join(BUNDLE, file))).includes('/.bundle-'), file).toBe(false)
})

test('the bundle runs where its bytecode is of no use: under another flag for V8', async () => {
  const { files, without } = await loadAll('--no-opt')
  expect(without.sort()).toEqual(files.sort())
})

test('the bundle runs where there is no bytecode, as for another Node', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-bundle-'))
  try {
    await cp(join(AGENT, 'package.json'), join(folder, 'package.json'))
    await cp(BUNDLE, join(folder, 'bundle'), { recursive: true, filter: (file) => !isBytecode(file) })
    expect(await run(join(folder, 'bundle', 'selvedged.mjs'), '--version')).toMatch(/^selvedged \d/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
