import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BoundedServer, ListenAddress } from './bounded-server.js'
import { serveHealth } from './http-server.js'

const servers: BoundedServer[] = []
let why: string | undefined
let folder = ''
const sockets: Socket[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-health-'))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** Where the server listens, as a client names it. */
type Target = { readonly host: string; readonly port: number } | { readonly path: string }

async function serve(
  kind: 'TCP' | 'Unix',
  metrics = async () => ({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' }),
) {
  const path = join(folder, 'health.sock')
  const address: ListenAddress = kind === 'TCP' ? { ip: '127.0.0.1', port: 0 } : { path }
  const server = await serveHealth(address, { whyNotReady: async () => why, metrics })
  servers.push(server)
  return kind === 'TCP' ? { host: '127.0.0.1', port: server.port } : { path }
}

function get(target: Target, path: string, { method = 'GET', host = 'localhost' } = {}) {
  const where = 'path' in target ? { socketPath: target.path } : target
  return new Promise<{
    status: number | undefined
    type: string | undefined
    allow: string | undefined
    text: string
  }>((resolve, reject) => {
    request({ ...where, path, method, headers: { host } }, async (response) => {
      const { 'content-type': type, allow } = response.headers
      resolve({ status: response.statusCode, type, allow, text: await text(response) })
    })
      .on('error', reject)
      .end()
  })
}

/** A client that sends this, and what it was sent until the server closed the connection. */
function send(target: Target, bytes: string): { socket: Socket; received: Promise<string> } {
  const socket = connect('path' in target ? { path: target.path } : target)
  sockets.push(socket)
  let got = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    got += chunk
  })
  socket.on('error', () => undefined).write(bytes)
  return { socket, received: new Promise((resolve) => socket.once('close', () => resolve(got))) }
}

describe.each(['TCP', 'Unix'] as const)('at a %s socket', (kind) => {
  test('/healthz: running is healthy, ready or not', async () => {
    why = 'etcd does not answer'
    expect(await get(await serve(kind), '/healthz')).toMatchObject({
      status: 200,
      text: 'flanneld is running',
    })
  })

  test('/readyz: as things are at the time, and why', async () => {
    const target = await serve(kind)
    why = 'etcd does not answer'
    expect(await get(target, '/readyz')).toMatchObject({
      status: 503,
      text: 'flanneld is not ready yet: etcd does not answer',
    })
    why = undefined
    expect(await get(target, '/readyz?verbose')).toMatchObject({ status: 200, text: 'flanneld is ready' })
  })

  test('/metrics, with their content type', async () => {
    expect(await get(await serve(kind), '/metrics')).toMatchObject({
      status: 200,
      type: 'text/plain; version=0.0.4',
      text: 'a 1\n',
    })
  })

  test('/metrics that cannot be gathered harm nothing else', async () => {
    const target = await serve(kind, () => Promise.reject(new Error('oops')))
    expect(await get(target, '/metrics')).toMatchObject({ status: 500, text: 'gathering metrics: oops' })
    expect(await get(target, '/healthz')).toMatchObject({ status: 200 })
  })

  test('no other path', async () => {
    expect(await get(await serve(kind), '/')).toMatchObject({ status: 404 })
  })

  test('GET and HEAD are the methods', async () => {
    const target = await serve(kind)
    expect(await get(target, '/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])
      expect(await get(target, '/healthz', { method }), method).toMatchObject({
        status: 405,
        allow: 'GET, HEAD',
      })
    const body = 'Expect: 100-continue\r\nContent-Length: 1000000000\r\n'
    const posted = send(target, `POST /healthz HTTP/1.1\r\nHost: localhost\r\n${body}\r\n`)
    expect(await posted.received).toMatch(/^HTTP\/1\.1 405 /)
    const expecting = send(target, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: else\r\n\r\n')
    expect(await expecting.received).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('one request a connection is answered, however many come at once', async () => {
    let gathered = 0
    const target = await serve(kind, async () => {
      gathered += 1
      return { text: '', contentType: 'text/plain' }
    })
    const { received } = send(target, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100))
    expect(await received).toMatch(/^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/is)
    expect(gathered).toBe(1)
  })

  test('at most 100 connections are open; those that wait longest for a request make room', async () => {
    const target = await serve(kind, () => new Promise(() => {}))
    const served = send(target, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const slow = Array.from({ length: 300 }, () => send(target, 'GET /healthz HTTP/1.1\r\nX-'))
    let closed = 0
    for (const { received } of slow) void received.then(() => (closed += 1))
    for (const one of slow.slice(0, 150)) await one.received
    expect(await get(target, '/healthz')).toMatchObject({ status: 200 })
    expect(300 - closed).toBeLessThan(100)
    expect(served.socket.closed).toBe(false)
    expect(slow.at(-1)?.socket.closed).toBe(false)
  })

  test('it stops at once, whoever is being served', async () => {
    const target = await serve(kind, () => new Promise(() => {}))
    const { received } = send(target, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await get(target, '/healthz')
    const start = performance.now()
    await servers.pop()?.[Symbol.asyncDispose]()
    await received
    expect(performance.now() - start).toBeLessThan(500)
  })
})

test('a client has 5 s for its request, whatever it sends meanwhile', { timeout: 20_000 }, async () => {
  const targets = [await serve('TCP'), await serve('Unix')]
  const start = performance.now()
  const get = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-'
  const post = `${get.replace('GET', 'POST')}: y\r\n`
  const slow = targets.flatMap((target) => ['', get, post].map((bytes) => send(target, bytes)))
  const trickle = setInterval(() => {
    for (const { socket } of slow) if (!socket.closed && socket.bytesWritten > 0) socket.write('a')
  }, 500)
  await Promise.all(slow.map(({ received }) => received))
  clearInterval(trickle)
  expect(performance.now() - start).toBeGreaterThan(4_500)
  expect(performance.now() - start).toBeLessThan(8_000)
})

describe('a request to another host than this one is refused, as DNS rebinding sends it,', () => {
  test('at a port', async () => {
    const target = await serve('TCP')
    for (const host of ['evil.example', 'evil.example:10256', `${hostname()}.evil.example`])
      expect(await get(target, '/metrics', { host }), host).toMatchObject({ status: 421 })
    for (const host of ['127.0.0.1:10256', '10.0.0.5', '[fd77::1]:80', 'localhost', hostname()])
      expect(await get(target, '/metrics', { host }), host).toMatchObject({ status: 200 })
    expect(await send(target, 'GET /healthz HTTP/1.0\r\n\r\n').received).toMatch(/^HTTP\/1\.1 200 /)
    // In an absolute URI the host counts that it names.
    for (const [uri, status] of [
      ['http://localhost:10256/metrics?x', 200],
      ['HTTP://evil.example/metrics', 421],
      ['http://localhost@evil.example/metrics', 421],
    ] as const)
      expect(await send(target, `GET ${uri} HTTP/1.1\r\nHost: localhost\r\n\r\n`).received, uri).toMatch(
        new RegExp(`^HTTP/1\\.1 ${status} `),
      )
  })

  test('and at a Unix socket any name will do', async () => {
    expect(await get(await serve('Unix'), '/metrics', { host: 'selvedge' })).toMatchObject({ status: 200 })
  })
})

test('a port in use is an error that says so', async () => {
  await serve('TCP')
  const port = servers[0]?.port ?? 0
  await expect(
    serveHealth(
      { ip: '127.0.0.1', port },
      { whyNotReady: async () => undefined, metrics: () => Promise.reject() },
    ),
  ).rejects.toThrow(/EADDRINUSE.*127\.0\.0\.1/)
})
