import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { seededRandom } from '@selvedge/conformance'
import { open } from 'lmdb'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { LocalSubnetManager, type LocalSubnetManagerOptions } from '../src/index.js'
import { NodeProcess, type NodeProcessOptions, temporaryFolder } from './processes.js'

const config = { Network: '10.99.0.0/16' }
const NOBODY = 65534

/** How many files are damaged at random. */
const FUZZED = 200

/** A store of many leases, so that its trees have branches, and one too large for a page. */
let sound: Buffer

beforeAll(async () => {
  await using folder = await temporaryFolder()
  const path = `${folder.path}/leases.mdb`
  const manager = new LocalSubnetManager({ path, config })
  for (let node = 1; node <= 120; node += 1) {
    const backendData = node === 7 ? 'x'.repeat(9000) : { VNI: 1, sequence: node }
    const lease = await manager.acquireLease({ attributes: { publicIp: `192.0.2.${node}`, backendData } })
    if (node % 10 === 0) await manager.releaseLease(lease)
  }
  await manager[Symbol.asyncDispose]()
  // Without the pages that are not in use: there damage would do none.
  const root = open({ path, noSubdir: true })
  await root.backup(`${folder.path}/compact.mdb`, true)
  await root.close()
  sound = await readFile(`${folder.path}/compact.mdb`)
})

async function folder(): Promise<string> {
  const made = await temporaryFolder()
  onTestFinished(() => made[Symbol.asyncDispose]())
  return made.path
}

/** In a process of its own: what is damaged enough ends a process. */
async function node(options: LocalSubnetManagerOptions, how?: NodeProcessOptions): Promise<NodeProcess> {
  const made = new NodeProcess(options, how)
  onTestFinished(() => made.kill())
  return made.ready()
}

const damages: Record<string, (file: Buffer) => Buffer> = {
  'is something else': () => Buffer.from('this is no database\n'.repeat(2000)),
  'is a few bytes': () => Buffer.from('leases'),
  'is nothing but zeros': (file) => Buffer.alloc(file.length),
  'lost its end': (file) => file.subarray(0, file.length - 4096),
  'lost its second half': (file) => file.subarray(0, file.length / 2),
  'lost all but its head': (file) => file.subarray(0, 8192),
  'lost its first page': (file) => file.fill(0, 0, 4096),
  'lost its second page': (file) => file.fill(0, 4096, 8192),
  'was overwritten behind its head': (file) => file.fill(0x55, 8192),
  'holds text that is not JSON in place of a config': (file) => {
    const config = Buffer.from('"{\\"Network')
    for (let at = file.indexOf(config); at >= 0; at = file.indexOf(config))
      file.fill('{', at, at + config.length)
    return file
  },
}

describe('a damaged file', () => {
  it.each(Object.entries(damages))('that %s is refused with what to do', async (_, damage) => {
    const path = `${await folder()}/leases.mdb`
    await writeFile(path, damage(Buffer.from(sound)))
    const one = await node({ path, config })
    await expect(one.call('snapshot').then(() => one.call('getNetworkConfig'))).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringMatching(
        /^the store .*leases\.mdb is damaged: .*; stop every process that uses it, restore a copy or remove the file/,
      ),
    })
  })

  it('that holds a key that is not text is refused', async () => {
    const path = `${await folder()}/leases.mdb`
    await writeFile(path, sound)
    const root = open({ path, noSubdir: true })
    await root.openDB('leases', { encoding: 'string' }).put('the last key', '{}')
    await root.close()
    const file = await readFile(path)
    // ordered-binary, in which keys are written, begins a symbol with a 2.
    const key = Buffer.from('the last key')
    for (let at = file.indexOf(key); at >= 0; at = file.indexOf(key)) file[at] = 2
    await writeFile(path, file)
    const one = await node({ path, config })
    await expect(one.call('snapshot')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringMatching(/a key is not text/),
    })
  })

  it('ends no process, wherever the damage is', async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
    console.log(`seed ${seed}`)
    const random = seededRandom(seed)
    const outcomes = new Map<string, number>()
    const base = await folder()
    const one = await node({ path: `${base}/unused.mdb` })
    for (let turn = 0; turn < FUZZED; turn += 1) {
      const file = Buffer.from(sound)
      const flips = 1 + Math.floor(random() * 20)
      for (let flip = 0; flip < flips; flip += 1) {
        file[Math.floor(random() * file.length)] = Math.floor(random() * 256)
      }
      const path = `${base}/${turn}.mdb`
      await writeFile(path, file)
      const outcome = await one.call('tryStore', path).catch((error) => {
        throw new Error(`seed ${seed}, turn ${turn}`, { cause: error })
      })
      expect(outcome, `seed ${seed}, turn ${turn}`).toMatch(/^(works|STORE_CORRUPT|INVALID_CONFIG)$/)
      outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1)
    }
    console.log([...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '))
  })

  it('that is empty is a new store', async () => {
    const path = `${await folder()}/leases.mdb`
    await writeFile(path, '')
    const one = await node({ path, config })
    await expect(one.call('snapshot')).resolves.toEqual([])
  })
})

describe('a file that may not be written', () => {
  it.each([
    ['the file', 0o444, 0o777],
    ['its folder', 0o644, 0o555],
  ])('because of %s is refused with what to grant', async (_, mode, folderMode) => {
    const base = await folder()
    await mkdir(`${base}/store`)
    const path = `${base}/store/leases.mdb`
    if (folderMode === 0o777) await writeFile(path, sound, { mode })
    await chmod(base, 0o755)
    await chmod(`${base}/store`, folderMode)
    const one = await node({ path, config }, { uid: NOBODY })
    await expect(one.call('getNetworkConfig')).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(
        /opening the store .*leases\.mdb: EACCES.*; let this user read and write the file/,
      ),
    })
  })

  it('because its file system is read-only is refused', async () => {
    const base = await folder()
    const mount = 'mount -t tmpfs none "$1" && mount -o remount,ro "$1" && shift && exec "$@"'
    const command = ['unshare', '-m', 'sh', '-c', mount, 'sh', base]
    const one = await node({ path: `${base}/leases.mdb`, config }, { command })
    await expect(one.call('getNetworkConfig')).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })

  it('because it is a folder is refused', async () => {
    const one = await node({ path: await folder(), config })
    await expect(one.call('getNetworkConfig')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

describe('a full disk', () => {
  const onDisk = (base: string, size: string): NodeProcessOptions => ({
    command: [
      'unshare',
      '-m',
      'sh',
      '-c',
      'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"',
      'sh',
      size,
      base,
    ],
  })

  it('loses nothing acknowledged, says so, and is forgiven when there is room again', async () => {
    const base = await folder()
    const one = await node({ path: `${base}/leases.mdb`, config }, onDisk(base, '1m'))
    await one.call('fill', 3)
    await one.call('occupy')
    const full = { code: '', count: 0, ...Object(await one.call('fill', 250)) }
    expect(full).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('free space on its disk'),
    })
    expect(await one.call('snapshot')).toHaveLength(Math.max(3, full.count))
    await one.call('vacate')
    await expect(one.call('fill', 100)).resolves.toEqual({ count: 100 })
    expect(await one.call('snapshot')).toHaveLength(100)
  })

  it('is found before anything is made on it', async () => {
    const base = await folder()
    const one = await node({ path: `${base}/leases.mdb`, config }, onDisk(base, '1m'))
    await one.call('occupy')
    await expect(one.call('getNetworkConfig')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('its disk is full'),
    })
    await expect(stat(`${base}/leases.mdb`)).rejects.toMatchObject({ code: 'ENOENT' })
    await one.call('vacate')
    await expect(one.call('getNetworkConfig')).resolves.toMatchObject({ ipv4: { network: '10.99.0.0/16' } })
  })
})

it('leaves no mount behind', async () => {
  const { stdout } = await promisify(execFile)('mount')
  expect(stdout).not.toContain('slv-local-')
})
