import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resourceSuite } from '@selvedge/conformance'
import type { Operation } from '@selvedge/core'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { CommandDriver } from './driver.js'
import { type CommandResource, command, STARTUP } from './resource.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-extension-'))
})
afterEach(() => rm(folder, { recursive: true }))

const SCOPE = { aliases: [], links: [], networks: [] }
const environment = () => ({
  PATH: process.env.PATH ?? '',
  LOG: join(folder, 'log'),
  HELD: join(folder, 'held-'),
})
const driver = (changes: object = {}) =>
  new CommandDriver({
    folder: join(folder, 'records'),
    environment: environment(),
    timeoutMs: 10_000,
    ...changes,
  })

/** Adds what must not be there, removes what must: as `ip route add` and `ip route del`. */
const ADD = 'set -C; read data; echo "add $SUBNET $data" >> "$LOG"; echo "$PUBLIC_IP" > "$HELD$SUBNET"'
const REMOVE = 'read data; echo "remove $SUBNET $data" >> "$LOG"; rm "$HELD$SUBNET"'

const shell = (name: string, text: string) => ({ name, text, shell: true })
const subnet = (SUBNET: string, changes: Partial<CommandResource> & { PUBLIC_IP?: string } = {}) => {
  const { PUBLIC_IP = '192.168.64.3', ...rest } = changes
  return command({
    what: SUBNET,
    subject: SUBNET,
    add: shell('SubnetAddCommand', ADD),
    remove: shell('SubnetRemoveCommand', REMOVE),
    environment: { SUBNET, PUBLIC_IP },
    input: 'data',
    startup: '',
    ...rest,
  })
}
const put = (resource: CommandResource): Operation<CommandResource> => ({ type: 'put', resource })
const del = (resource: CommandResource): Operation<CommandResource> => ({ type: 'delete', resource })

const log = async () =>
  (await readFile(join(folder, 'log'), 'utf8').catch(() => '')).split('\n').filter(Boolean)
const held = async () => (await readdir(folder)).filter((name) => name.startsWith('held-')).toSorted()

resourceSuite<CommandResource, never>(
  { describe, it },
  {
    sharedHolder: false,
    setup: (() => ({
      driver: () => driver(),
      scope: SCOPE,
      samples: [subnet('a'), subnet('b')],
      changed: [subnet('a', { PUBLIC_IP: '192.168.64.9' })],
      remove: async ({ key, subject }: CommandResource) => {
        await rm(join(folder, 'records', `${encodeURIComponent(key)}.json`), { force: true })
        await rm(join(folder, `held-${subject}`), { force: true })
      },
      addForeign: () => writeFile(join(folder, 'held-others'), ''),
      state: async () => (await held()).join(),
    })) as () => never,
  },
)

test('a failed command stops no other, is not done, and is run again', async () => {
  await writeFile(join(folder, 'held-b'), 'another')
  const first = driver()
  const operations = ['a', 'b', 'c'].map((name) => put(subnet(name)))
  const results = await first.apply(operations)
  expect(results.map(({ ok }) => ok)).toEqual([true, false, true])
  expect(results[1]).toMatchObject({ error: { code: 'DRIVER_REFUSED' } })
  expect((await first.snapshot(SCOPE)).map(({ subject, done }) => [subject, done])).toEqual([
    ['a', true],
    ['b', false],
    ['c', true],
  ])
  expect(await first.apply(operations)).toEqual([{ ok: true }, { ok: true }, { ok: true }])
  // It was there already: it is removed, and added.
  expect((await log()).filter((line) => line.includes(' b '))).toEqual([
    'add b data',
    'add b data',
    'remove b data',
    'add b data',
  ])
  expect((await log()).filter((line) => !line.includes(' b '))).toEqual(['add a data', 'add c data'])
})

test('a change is a removal with what was, and an addition with what is', async () => {
  await driver().apply([put(subnet('a'))])
  const changed = subnet('a', { PUBLIC_IP: '192.168.64.9', input: 'other' })
  expect(await driver().apply([put(changed)])).toEqual([{ ok: true }])
  expect(await log()).toEqual(['add a data', 'remove a data', 'add a other'])
  expect(await readFile(join(folder, 'held-a'), 'utf8')).toBe('192.168.64.9\n')
})

test('what undoes a command is what was configured when it ran', async () => {
  await driver().apply([put(subnet('a'))])
  const changed = subnet('a', { remove: shell('SubnetRemoveCommand', 'exit 1') })
  await driver().apply([put(changed)])
  expect(await log()).toEqual(['add a data', 'remove a data', 'add a data'])
})

test('a run that finds its record is not repeated, unless the start-up commands were', async () => {
  await driver().apply([put(subnet('a'))])
  expect(await driver().apply([put(subnet('a'))])).toEqual([{ ok: true }])
  expect(await log()).toEqual(['add a data'])
  await rm(join(folder, 'held-a')) // as if the start-up command had made the device again
  expect(await driver().apply([put(subnet('a', { startup: '2' }))])).toEqual([{ ok: true }])
  expect(await log()).toEqual(['add a data', 'add a data'])
})

test('a crash between record and command, or between command and record, is made good', async () => {
  for (const moment of ['before', 'after']) {
    const one = driver()
    await one.apply([put(subnet('a'))])
    const path = join(folder, 'records', `${encodeURIComponent(subnet('a').key)}.json`)
    const { boot, resource } = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ boot, resource: { ...resource, done: false } }))
    if (moment === 'before') await rm(join(folder, 'held-a'))
    expect(await driver().apply([put(subnet('a'))])).toEqual([{ ok: true }])
    expect(await held()).toEqual(['held-a'])
    expect(await one.apply([del(subnet('a'))])).toEqual([{ ok: true }])
    expect(await held()).toEqual([])
  }
})

test('a removal that keeps failing is given up after five attempts', async () => {
  const one = driver()
  await one.apply([put(subnet('a'))])
  await rm(join(folder, 'held-a'))
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const [result] = await one.apply([del(subnet('a'))])
    expect(result).toMatchObject({
      ok: false,
      error: {
        message: expect.stringMatching(attempt === 5 ? /given up after 5 attempts$/ : /failed: sh exited/),
      },
    })
  }
  expect(await one.snapshot(SCOPE)).toEqual([])
  expect(await one.apply([del(subnet('a'))])).toEqual([{ ok: true }])
})

test('records are for their owner alone, and those that are damaged or of an earlier boot are none', async () => {
  const one = driver()
  await one.apply(['a', 'b', 'c', 'd'].map((name) => put(subnet(name))))
  const records = join(folder, 'records')
  const files = await readdir(records)
  expect(files).toHaveLength(4)
  for (const file of files) expect((await stat(join(records, file))).mode & 0o777).toBe(0o600)
  const [a = '', b = '', c = ''] = files.toSorted().map((file) => join(records, file))
  const record = JSON.parse(await readFile(a, 'utf8'))
  await writeFile(a, JSON.stringify({ ...record, boot: 'another' }))
  await writeFile(b, '{"boot"')
  await writeFile(c, JSON.stringify({ ...record, resource: { ...record.resource, key: 'command x' } }))
  await writeFile(join(records, 'notes.txt'), '')
  expect((await one.snapshot(SCOPE)).map(({ subject }) => subject)).toEqual(['d'])
})

test('an abort ends the command under way, and it is not done', async () => {
  const ending = new AbortController()
  const one = driver()
  const slow = subnet('a', { add: shell('SubnetAddCommand', 'echo begun >> "$LOG"; sleep 1000') })
  const applying = one.apply([put(slow), put(subnet('b'))], { signal: ending.signal })
  await expect.poll(log, { timeout: 10_000 }).toEqual(['begun'])
  const reason = new Error('enough')
  ending.abort(reason)
  await expect(applying).rejects.toBe(reason)
  expect((await one.snapshot(SCOPE)).map(({ subject, done }) => [subject, done])).toEqual([['a', false]])
})

describe('the shutdown command', () => {
  const shutdown = shell('ShutdownCommand', 'read data; echo "down $SUBNET $data" >> "$LOG"')
  const startup = subnet(STARTUP, { environment: { SUBNET: 'own', PUBLIC_IP: '' }, remove: undefined })

  test('is run once, after a start that succeeded', async () => {
    const one = driver({ shutdown })
    await one.apply([put(startup)])
    await Promise.all([one[Symbol.asyncDispose](), one[Symbol.asyncDispose]()])
    expect(await log()).toEqual(['add own data', 'down own data'])
  })

  test('is not run after a start that failed', async () => {
    const one = driver({ shutdown })
    await one.apply([put({ ...startup, add: shell('PostStartupCommand', 'exit 1') })])
    await one[Symbol.asyncDispose]()
    expect(await log()).toEqual([])
  })

  test('that fails is an error of the stop', async () => {
    const one = driver({ shutdown: shell('ShutdownCommand', 'echo no >&2; exit 4') })
    await one.apply([put(startup)])
    await expect(one[Symbol.asyncDispose]()).rejects.toThrow(
      'ShutdownCommand for startup failed: sh exited with status 4: no',
    )
  })
})
