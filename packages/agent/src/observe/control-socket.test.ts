import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { FakeClock } from '@selvedge/conformance'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ControlSocket } from './control-socket.js'
import type { AgentPlace } from './rival.js'

let folder = ''
let why: string | undefined
const clock = new FakeClock()
const open: AsyncDisposable[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-control-'))
})
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const PLACE = { pid: 1, subnetFile: '/run/flannel/subnet.env', node: 'one' }

function serve(path = join(folder, 'run', 'control.sock'), place?: AgentPlace, time = clock) {
  const logs: string[] = []
  const log = (_: string, message: string) => void logs.push(message)
  const rivals: string[] = []
  const status = place && { status: async () => ({ format: 1, place }) }
  const socket = new ControlSocket({
    path,
    log,
    clock: time,
    place: place ?? PLACE,
    signal: new AbortController().signal,
    onRival: ({ message }) => void rivals.push(message),
    served: { whyNotReady: async () => why, ...status },
  })
  open.push(socket)
  const served = () => vi.waitFor(() => expect(logs.at(-1)).toMatch(/^serving/))
  return { socket, path, logs, rivals, served }
}

function ask(path: string, url = '/readyz'): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath: path, path: url }, async (response) => {
      resolve(`${response.statusCode} ${await text(response)}`)
    })
      .on('error', reject)
      .end()
  })
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('says whether the agent is ready, and why not, to its own user alone', async () => {
  const { path, served, socket } = serve()
  await served()
  expect(await modeOf(path)).toBe(0o600)
  why = 'etcd does not answer'
  expect(await ask(path)).toBe('503 flanneld is not ready yet: etcd does not answer')
  why = undefined
  expect(await ask(path)).toBe('200 flanneld is ready')
  expect(await ask(path, '/metrics')).toBe('404 the paths are /healthz and /readyz')
  await socket[Symbol.asyncDispose]()
  expect(await readdir(join(folder, 'run'))).toEqual([])
})

/** What a process leaves that is killed: a name at which nobody listens. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.old`)
  await once(server, 'listening')
  await rename(`${path}.old`, path) // else closing it removes it
  await new Promise((resolve) => server.close(resolve))
}

test.each([
  ['a socket of a process that is gone', leaveSocket],
  ['a file', (path: string) => writeFile(path, '')],
])('replaces %s', async (_, leave) => {
  const path = join(folder, 'control.sock')
  await leave(path)
  const { served } = serve(path)
  await served()
  expect(await ask(path)).toBe('200 flanneld is ready')
})

test('disposed of at once, it ends, and leaves nothing', async () => {
  const { socket } = serve()
  await socket[Symbol.asyncDispose]()
  expect(await readdir(join(folder, 'run')).catch(() => [])).toEqual([])
})

test('leaves another agent its socket, says so once, and takes it when that has gone', async () => {
  const path = join(folder, 'control.sock')
  const first = serve(path)
  await first.served()
  const second = serve(path)
  await vi.waitFor(() => expect(second.logs.at(-1)).toMatch(/another agent answers there.*--control-socket/))
  for (let i = 0; i < 3; i += 1) await clock.advance(10_000)
  expect(second.logs).toHaveLength(1)
  await first.socket[Symbol.asyncDispose]()
  await clock.advance(10_000)
  await second.served()
  expect(await ask(path)).toBe('200 flanneld is ready')
})

const OTHER_FILE = '/run/flannel/other.env'

test.each([
  ['writes the same subnet.env', { ...PLACE, pid: 2, node: 'two' }],
  ['holds the same lease', { ...PLACE, pid: 2, subnetFile: OTHER_FILE }],
])('is refused if an agent answers there that %s, and does not end', async (_, place) => {
  const path = join(folder, 'control.sock')
  await serve(path, PLACE).served()
  const second = serve(path, place)
  const refused = expect(second.socket.attempted).rejects.toMatchObject({
    code: 'RESOURCE_CONFLICT',
    message: expect.stringMatching(/process 1 answers at the control socket .*subnet\.env.*--control-socket/),
  })
  const passing = setInterval(() => void clock.advance(500), 5)
  await refused.finally(() => clearInterval(passing))
  expect(await ask(path)).toBe('200 flanneld is ready')
})

test('takes over from one that ends meanwhile, as at a restart', async () => {
  const path = join(folder, 'control.sock')
  const first = serve(path, PLACE)
  await first.served()
  const second = serve(path, { ...PLACE, pid: 2 })
  await first.socket[Symbol.asyncDispose]()
  const passing = setInterval(() => void clock.advance(100), 20)
  await second.socket.attempted.finally(() => clearInterval(passing))
  await second.served()
  expect(await ask(path)).toBe('200 flanneld is ready')
})

test('does not take away at its end what another has made since', async () => {
  const { path, served, socket } = serve()
  await served()
  await rm(path)
  const other: Server = createServer().listen(path)
  await once(other, 'listening')
  await socket[Symbol.asyncDispose]()
  expect((await stat(path)).isSocket()).toBe(true)
  await new Promise((resolve) => other.close(resolve))
})

test('makes it again if it is deleted', async () => {
  const { path, logs, served } = serve()
  await served()
  await rm(path)
  await clock.advance(5_000)
  await vi.waitFor(() => expect(logs).toHaveLength(3))
  expect(logs[1]).toBe('the control socket is gone: it is made again')
  expect(await ask(path)).toBe('200 flanneld is ready')
  expect(await modeOf(path)).toBe(0o600)
})

/** As one makes it that has looked for others in the same instant, and found none. */
async function replace(path: string, place: AgentPlace) {
  const other = serve(`${path}.other`, place, new FakeClock())
  await other.served()
  await rename(other.path, path)
}

test('an agent that has started in the same instant and does the same work: the one that made the socket last stays', async () => {
  const { path, logs, rivals, served, socket } = serve(join(folder, 'control.sock'), PLACE)
  await served()
  await replace(path, { ...PLACE, pid: 2 })
  await clock.advance(5_000)
  await vi.waitFor(() =>
    expect(rivals).toEqual([expect.stringMatching(/process 2 answers at the control socket/)]),
  )
  await socket[Symbol.asyncDispose]()
  expect(await ask(path)).toBe('200 flanneld is ready')
  expect(logs).toHaveLength(1)
})

test('one that does other work keeps the socket that it has taken, which is said once', async () => {
  const { path, logs, rivals, served } = serve(join(folder, 'control.sock'), PLACE)
  await served()
  await replace(path, { pid: 2, subnetFile: OTHER_FILE, node: 'two' })
  await clock.advance(5_000)
  await vi.waitFor(() => expect(logs.at(-1)).toMatch(/another agent answers there/))
  for (let i = 0; i < 3; i += 1) await clock.advance(10_000)
  expect(logs).toHaveLength(3)
  expect(rivals).toEqual([])
})

test.each([
  [
    'a folder is in its place',
    async (path: string) => void (await mkdir(path, { recursive: true })),
    /EISDIR|directory/,
  ],
  ['its folder is a file', async (path: string) => writeFile(join(path, '..'), ''), /EEXIST|ENOTDIR/],
])('says why it cannot be, and is there later: %s', async (_, obstruct, message) => {
  const path = join(folder, 'run', 'control.sock')
  await obstruct(path)
  const { logs, served } = serve(path)
  await vi.waitFor(() => expect(logs.at(-1)).toMatch(message))
  expect(logs.at(-1)).toContain(path)
  await rm(join(folder, 'run'), { recursive: true })
  await clock.advance(10_000)
  await served()
  expect(await ask(path)).toBe('200 flanneld is ready')
})

test('a path that is too long for a socket is refused with what is allowed', async () => {
  const { logs } = serve(join(folder, 'x'.repeat(100)))
  await vi.waitFor(() => expect(logs.at(-1)).toMatch(/longer than a socket's can be/))
})
