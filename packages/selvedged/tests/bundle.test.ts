import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { access, cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'

const SELVEDGED = fileURLToPath(new URL('../', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedged-'))
})
afterEach(() => rm(folder, { recursive: true }))

function run(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, args, { cwd: folder })
}

/** What npm installs on a host: the files of the package, and its dependencies, but nothing else of this checkout. */
async function install(): Promise<void> {
  const { files, dependencies } = JSON.parse(await readFile(join(SELVEDGED, 'package.json'), 'utf8'))
  for (const file of ['package.json', ...files]) {
    await cp(join(SELVEDGED, file), join(folder, file), { recursive: true })
  }
  await cp(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  await installAll(Object.keys(dependencies))
}

/** Packages and what they depend on; of those that are optional, what there is for this platform. */
async function installAll(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [from, to] = [ROOT, folder].map((root) => join(root, 'node_modules', name)) as [string, string]
    if (existsSync(to) || !existsSync(from)) continue
    await cp(from, to, { recursive: true })
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      await readFile(join(from, 'package.json'), 'utf8'),
    )
    await installAll(Object.keys({ ...dependencies, ...optionalDependencies }))
  }
}

test('the package alone, as npm installs it, has all that any part of it imports', async () => {
  await install()
  expect((await run('bin/selvedged.js', '--version')).stdout).toMatch(/^selvedged \d/)
  // main.js is the program itself, which has just run.
  const parts = (await readdir(join(folder, 'bundle'))).filter((file) => /(?<!^main)\.js$/.test(file))
  expect(parts.length).toBeGreaterThan(5)
  const imports = parts.map((part) => `await import('./bundle/${part}')`).join('\n')
  await run('--input-type=module', '--eval', imports)
})

test('npm has linked it, as `npx selvedged` runs it', async () => {
  await access(join(ROOT, 'node_modules/.bin/selvedged'))
  expect((await run(join(ROOT, 'node_modules/.bin/selvedged'), '--version')).stdout).toMatch(/^selvedged \d/)
})

test('before the first build it says what to run, and does nothing', async () => {
  await cp(join(SELVEDGED, 'bin'), join(folder, 'packages/selvedged/bin'), { recursive: true })
  await cp(join(SELVEDGED, 'package.json'), join(folder, 'packages/selvedged/package.json'))
  await symlink('packages/selvedged/bin/selvedged.js', join(folder, 'selvedged'))
  const failure = await run('selvedged', '--version').catch((error) => error)
  expect(failure).toMatchObject({ code: 1, stdout: '' })
  expect(failure.stderr).toBe(`selvedged is not built yet. Run: npm run build --prefix ${folder}/\n`)
})
