import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const bundled = (name: string): string => fileURLToPath(new URL(`../bundle/${name}`, import.meta.url))
const INSTALLER = bundled('install-cni.cjs')

let folder: string
/** The folder of plugins. */
let bin: string
let source: string
const mounts: string[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-install-'))
  bin = join(folder, 'bin')
  source = await makeSource('source')
  await mkdir(bin)
})

afterEach(async () => {
  for (const mount of mounts.splice(0)) execFileSync('umount', ['--lazy', mount])
  await rm(folder, { recursive: true, force: true })
})

/** What an image ships. @param version goes into the plugin's code */
async function makeSource(name: string, version = ''): Promise<string> {
  const made = join(folder, name)
  await mkdir(made)
  await writeFile(
    join(made, 'flannel.cjs'),
    `${await readFile(bundled('flannel.cjs'), 'utf8')}\n// ${version}\n`,
  )
  await symlink(process.execPath, join(made, 'node'))
  return made
}

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const install = (what: string, from: string, to: string): Promise<Outcome> =>
  run(process.execPath, [INSTALLER, what, from, to]).then(
    (output) => ({ code: 0, ...output }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

const installed = { code: 0, stdout: expect.stringContaining('installed') as string, stderr: '' }

/** Calls the installed plugin as a runtime does, in an environment that has nothing. */
async function callPlugin(): Promise<readonly string[]> {
  const { stdout } = await run(join(bin, 'flannel'), [], { env: { CNI_COMMAND: 'VERSION' } })
  return JSON.parse(stdout).supportedVersions
}

/** What is new may belong to an installation that is under way. */
async function makeRuntimesOld(): Promise<void> {
  for (const name of await runtimes()) await utimes(join(bin, '.selvedge', name), 0, 0)
}

/** The code that the installed plugin runs. */
async function pluginCode(): Promise<string> {
  const [, path = ''] = /^require\("(.+)"\)$/m.exec(await readFile(join(bin, 'flannel'), 'utf8')) ?? []
  return readFile(path, 'utf8')
}

/** Every file below the folder of plugins, with what changes when it is written. */
async function filesBelowBin(): Promise<readonly string[]> {
  const names = await readdir(bin, { recursive: true })
  const lines = names.sort().map(async (name) => {
    const found = await stat(join(bin, name))
    // A folder's time changes with a temporary file.
    return `${name} ${found.ino} ${found.mode.toString(8)} ${found.isFile() ? `${found.size} ${found.mtimeMs}` : ''}`
  })
  return Promise.all(lines)
}

const runtimes = async (): Promise<readonly string[]> => (await readdir(join(bin, '.selvedge'))).sort()

describe('install-cni plugin', () => {
  test('installs a plugin that runs without a PATH; a second time it writes nothing', async () => {
    expect(await install('plugin', source, bin)).toEqual(installed)
    expect(await callPlugin()).toContain('1.1.0')
    const before = await filesBelowBin()
    expect(await install('plugin', source, bin)).toEqual({
      ...installed,
      stdout: `${bin} is installed already\n`,
    })
    expect(await filesBelowBin()).toEqual(before)
  })

  test('replaces a program, as flannel installs it; the way back is to copy that over it', async () => {
    const flannel = join(folder, 'flannels')
    await copyFile('/bin/true', flannel)
    await copyFile(flannel, join(bin, 'flannel'))
    expect(await install('plugin', source, bin)).toEqual(installed)
    expect(await callPlugin()).toContain('1.1.0')
    await run('cp', ['-f', flannel, join(bin, 'flannel')])
    expect(await readFile(join(bin, 'flannel'))).toEqual(await readFile(flannel))
    expect(await install('plugin', source, bin)).toEqual(installed)
    expect(await callPlugin()).toContain('1.1.0')
  })

  test('replaces a plugin while it is called: each call is answered', async () => {
    await install('plugin', source, bin)
    const versions = await Promise.all(['1', '2', '3'].map((version) => makeSource(`v${version}`, version)))
    let isInstalling = true
    let answered = 0
    const calling = async (): Promise<void> => {
      for (; isInstalling; answered += 1) expect(await callPlugin()).toContain('1.1.0')
    }
    const installing = async (): Promise<void> => {
      for (const version of versions) expect(await install('plugin', version, bin)).toEqual(installed)
      isInstalling = false
    }
    await Promise.all([installing(), calling(), calling()])
    expect(answered).toBeGreaterThan(0)
  })

  test('keeps the runtime before for the calls that had begun, until the next installation', async () => {
    for (const version of ['1', '2', '3']) {
      await install('plugin', await makeSource(`v${version}`, version), bin)
      await makeRuntimesOld()
    }
    expect(await runtimes()).toHaveLength(2)
  })

  test('killed at any moment, it leaves the old plugin or the new one, and the next one completes it', async () => {
    await install('plugin', source, bin)
    const next = await makeSource('next', 'next')
    const begun = performance.now()
    await install('plugin', await makeSource('timed', 'timed'), bin)
    const takesMs = performance.now() - begun
    const MOMENTS = 8
    let killed = 0
    for (let moment = 1; moment <= MOMENTS; moment += 1) {
      const child = spawn(process.execPath, [INSTALLER, 'plugin', next, bin], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), (takesMs * moment) / MOMENTS)
      const [, signal] = await ended
      clearTimeout(timer)
      if (signal === 'SIGKILL') killed += 1
      expect(await callPlugin()).toContain('1.1.0')
    }
    expect(killed).toBeGreaterThan(0)
    await makeRuntimesOld()
    expect(await install('plugin', next, bin)).toMatchObject({ code: 0 })
    expect(await pluginCode()).toContain('// next')
    expect((await readdir(bin)).sort()).toEqual(['.selvedge', 'flannel'])
    expect((await runtimes()).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('several at once: all succeed, and one runtime is there', async () => {
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => install('plugin', source, bin)))
    expect(outcomes).toEqual(outcomes.map(() => installed))
    expect(await callPlugin()).toContain('1.1.0')
    expect(await runtimes()).toHaveLength(1)
  })

  test('a runtime that is damaged is replaced', async () => {
    await install('plugin', source, bin)
    const [name = ''] = await runtimes()
    await truncate(join(bin, '.selvedge', name, 'flannel.cjs'), 100)
    await expect(callPlugin()).rejects.toThrow()
    expect(await install('plugin', source, bin)).toEqual(installed)
    expect(await callPlugin()).toContain('1.1.0')
  })

  test('a plugin that may not be executed may be again', async () => {
    await install('plugin', source, bin)
    await chmod(join(bin, 'flannel'), 0o600)
    expect(await install('plugin', source, bin)).toMatchObject({ code: 0 })
    expect(await callPlugin()).toContain('1.1.0')
  })

  test('a full disk: it says so, leaves nothing behind, and the old plugin answers', async () => {
    const { size } = await stat(process.execPath)
    await mountOn(bin, '-t', 'tmpfs', '-o', `size=${Math.round(size * 1.5)}`, 'none')
    await install('plugin', source, bin)
    const before = await filesBelowBin()
    const { code, stderr } = await install('plugin', await makeSource('next', 'next'), bin)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^install-cni: NO_SPACE: .*ENOSPC.*make room/)])
    expect(await filesBelowBin()).toEqual(before)
    expect(await callPlugin()).toContain('1.1.0')
  })

  test('a read-only folder: it says so, and the old plugin answers', async () => {
    await install('plugin', source, bin)
    await mountOn(bin, '--bind', bin)
    await run('mount', ['-o', 'remount,bind,ro', bin])
    const { code, stderr } = await install('plugin', await makeSource('next', 'next'), bin)
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^install-cni: TARGET_DENIED: .*EROFS.*writable/),
    ])
    expect(await callPlugin()).toContain('1.1.0')
  })

  test('a folder mounted noexec: it says so, and no plugin is there that cannot run', async () => {
    await mountOn(bin, '-t', 'tmpfs', '-o', 'noexec', 'none')
    const { code, stderr } = await install('plugin', source, bin)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^install-cni: TARGET_UNUSABLE: .*noexec/s)])
    expect(await readdir(bin)).toEqual(['.selvedge'])
  })

  test('a plugin that does not start is not put in the place of one that does', async () => {
    await install('plugin', source, bin)
    const broken = await makeSource('broken')
    await writeFile(join(broken, 'flannel.cjs'), 'throw new Error("broken")')
    const { code, stderr } = await install('plugin', broken, bin)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^install-cni: TARGET_UNUSABLE: .*broken/s)])
    expect(await callPlugin()).toContain('1.1.0')
  })

  test.each(['node', 'flannel.cjs'])('an image without %s installs nothing', async (file) => {
    await rm(join(source, file))
    const { code, stderr } = await install('plugin', source, bin)
    expect([code, stderr]).toEqual([1, `install-cni: SOURCE_INVALID: ${source} has no ${file}\n`])
    expect(await readdir(bin)).toEqual([])
  })

  test.each([
    [[]],
    [['plugin']],
    [['plugin', '/from', 'relative/to']],
    [['toString', '/from', '/to']],
    [['plugin', '/from', '/to', 'more']],
  ])('arguments that are not valid: %j', async (args) => {
    const failure = await run(process.execPath, [INSTALLER, ...args]).catch((error) => error)
    expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('install-cni plugin FROM TO') })
  })
})

async function mountOn(target: string, ...args: readonly string[]): Promise<void> {
  await run('mount', [...args, target])
  mounts.push(target)
}

describe('install-cni config', () => {
  const config = { name: 'cbr0', cniVersion: '1.0.0', plugins: [{ type: 'flannel' }] }
  let from: string
  let to: string

  beforeEach(() => {
    from = join(folder, 'cni-conf.json')
    to = join(folder, 'net.d', '10-flannel.conflist')
  })

  test('installs what is there, readable for everyone; the same again is not written', async () => {
    const text = `${JSON.stringify(config, undefined, 2)}\n`
    await writeFile(from, text, { mode: 0o600 })
    expect(await install('config', from, to)).toEqual(installed)
    expect(await readFile(to, 'utf8')).toBe(text)
    expect((await stat(to)).mode & 0o777).toBe(0o644)
    const { ino } = await stat(to)
    expect((await install('config', from, to)).stdout).toBe(`${to} is installed already\n`)
    expect((await stat(to)).ino).toBe(ino)
  })

  test('a reader finds it whole at any time', async () => {
    const texts = ['x', 'y'].map((filler) => JSON.stringify({ ...config, filler: filler.repeat(900_000) }))
    await writeFile(from, texts[0] ?? '')
    await install('config', from, to)
    const MIN_EACH = 15
    let [installs, reads] = [0, 0]
    const isEnough = (): boolean => installs >= MIN_EACH && reads >= MIN_EACH
    const installing = async (): Promise<void> => {
      for (; !isEnough(); installs += 1) {
        await writeFile(from, texts[installs % 2] ?? '')
        expect(await install('config', from, to)).toMatchObject({ code: 0 })
      }
    }
    const reading = async (): Promise<void> => {
      for (; !isEnough(); reads += 1) expect(texts.includes(await readFile(to, 'utf8'))).toBe(true)
    }
    await Promise.all([installing(), reading()])
    // A runtime loads whatever is called so; a killed installer's file is not.
    expect(await readdir(join(folder, 'net.d'))).toEqual(['10-flannel.conflist'])
  })

  test.each([
    ['no JSON', '{ "name": "cbr0", '],
    ['no object', '[]'],
    ['without a name', JSON.stringify({ ...config, name: '' })],
    ['without plugins', JSON.stringify({ ...config, plugins: [] })],
    ['with a plugin of no type', JSON.stringify({ ...config, plugins: [{ type: 'flannel' }, {}] })],
    ['larger than any config', `${JSON.stringify(config)}${' '.repeat(1024 * 1024)}`],
  ])('%s is refused, and the old config stays', async (_, text) => {
    await writeFile(from, JSON.stringify(config))
    await install('config', from, to)
    await writeFile(from, text)
    const { code, stderr } = await install('config', from, to)
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^install-cni: SOURCE_INVALID: .*no CNI config list/),
    ])
    expect(JSON.parse(await readFile(to, 'utf8'))).toEqual(config)
  })

  test('without a source it says which file is missing', async () => {
    const { code, stderr } = await install('config', from, to)
    expect([code, stderr]).toEqual([1, expect.stringContaining(from)])
  })
})
