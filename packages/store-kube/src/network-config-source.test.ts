import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '@selvedge/conformance'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { NetworkConfigSource } from './network-config-source.js'
import { StatusBoard } from './status.js'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-kube-'))
  file = join(folder, 'net-conf.json')
})
afterEach(() => rm(folder, { recursive: true }))

function source() {
  const clock = new FakeClock()
  const board = new StatusBoard(clock)
  const abort = new AbortController()
  const warnings: string[] = []
  const config = new NetworkConfigSource({
    networkConfig: undefined,
    networkConfigFile: file,
    onWarning: (message) => warnings.push(message),
    clock,
    board,
  })
  return { clock, board, abort, warnings, read: () => config.read(abort.signal) }
}

test('waits for a file that does not exist, and the status names it', async () => {
  const { clock, board, read } = source()
  const config = read()
  await vi.waitFor(() => expect(board.status.waitingFor?.type).toBe('network-config'))
  expect(board.status.waitingFor?.message).toContain(file)
  await writeFile(file, '{"Network": "10.244.0.0/16"}')
  await clock.advance(1_000)
  expect((await config).ipv4?.network).toBe('10.244.0.0/16')
  expect(board.status.waitingFor).toBeUndefined()
})

test('stops waiting when the signal aborts', async () => {
  const { abort, board, read } = source()
  const config = expect(read()).rejects.toThrow('no more time')
  await vi.waitFor(() => expect(board.status.waitingFor).toBeDefined())
  abort.abort(new Error('no more time'))
  await config
})

test.each([
  ['nothing', ''],
  ['half of it', '{"Network": "10.24'],
  ['an invalid network', '{"Network": "10.244.0.0"}'],
])('a file with %s is an error that names it, until it is corrected', async (_, text) => {
  const { read } = source()
  await writeFile(file, text)
  await expect(read()).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining(file),
  })
  await writeFile(file, '{"Network": "10.244.0.0/16"}')
  expect((await read()).ipv4?.network).toBe('10.244.0.0/16')
})

test('a directory is an error that names it', async () => {
  const { read } = source()
  await mkdir(file)
  await expect(read()).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining(file),
  })
})

test('a key that is there more than once, in any case, counts as with Go: the last one, null apart', async () => {
  const { read } = source()
  await writeFile(
    file,
    '{"Network":"10.1.0.0/16","network":"10.2.0.0/16","Network":null,"Backend":{"Type":"udp"},"backend":{"Type":"vxlan"}}',
  )
  expect(await read()).toMatchObject({ ipv4: { network: '10.2.0.0/16' }, backend: { type: 'vxlan' } })
  await writeFile(file, '{"Network":"10.1.0.0/16","Backend":{}}')
  await expect(read()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
})

test('invalid subnets have no effect, and are reported once', async () => {
  const { read, warnings } = source()
  const config = {
    Network: '10.244.0.0/16',
    SubnetLen: 8,
    SubnetMin: '192.0.2.0',
    Backend: { Type: 'vxlan' },
  }
  await writeFile(file, JSON.stringify(config))
  expect(await read()).toMatchObject({ ipv4: { network: '10.244.0.0/16' }, backend: { type: 'vxlan' } })
  await read()
  expect(warnings).toEqual([expect.stringMatching(/SubnetLen is 8, but .*: ignored, because on Kubernetes/)])
  await writeFile(file, JSON.stringify({ ...config, Network: 'nonsense' }))
  await expect(read()).rejects.toThrow(/Network is "nonsense"/)
  expect(warnings).toHaveLength(1)
})

test.each([
  ['too long', `{"Network": "10.244.0.0/16"}${' '.repeat(300_000)}`],
  ['too deep', `{"Network": "10.244.0.0/16", "Backend": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
])('a file that is %s is an error that names it', async (_, text) => {
  const { read } = source()
  await writeFile(file, text)
  await expect(read()).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining(file),
  })
})
