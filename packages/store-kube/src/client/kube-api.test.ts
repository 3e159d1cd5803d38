import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { encodeNodeList, encodeStatus, encodeWatchError } from '../../tests/support/encode.js'
import { connectorFor } from '../auth/index.js'
import { type ApiRequest, KubeApi, PROTOBUF } from './kube-api.js'
import { NodeDecoder } from './node-codec.js'
import { readNodeList, readWatch } from './node-streams.js'

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
const JSON_TYPE = { 'content-type': 'application/json' }

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function apiOf(listener: RequestListener): Promise<KubeApi> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return new KubeApi(connectorFor({ apiUrl: `http://127.0.0.1:${port}`, token: TOKEN }))
}

const request = (options: Partial<ApiRequest> = {}): ApiRequest => ({
  method: 'GET',
  path: '/api/v1/nodes',
  accept: PROTOBUF,
  signal: new AbortController().signal,
  timeoutMs: 300,
  ...options,
})

const lengthOf = (api: KubeApi, options: Partial<ApiRequest> = {}) =>
  api.fetch(request(options), (body) => body.length)

describe('an error status', () => {
  const answerWith = (code: number, headers: Record<string, string>, body: string | Buffer) =>
    apiOf((_, response) => void response.writeHead(code, headers).end(body))

  test.each([
    ['Retry-After in seconds', '7', 7_000],
    ['an hour', '3600', 30_000],
    ['no number', 'soon', undefined],
    ['a date, which only proxies send', 'Thu, 26 Nov 2026 03:00:00 GMT', undefined],
    ['a time before now', '-7', undefined],
    ['for ever', 'Infinity', 30_000],
  ])('may ask for a pause: %s', async (_, value, retryAfterMs) => {
    const api = await answerWith(429, { 'retry-after': value }, '')
    const asking = lengthOf(api, { timeoutMs: 10_000 })
    await expect(asking).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs })
  })

  test.each([
    ['JSON', JSON_TYPE, JSON.stringify({ reason: TOKEN, message: `bad token ${TOKEN}` })],
    ['protobuf', { 'content-type': PROTOBUF }, encodeStatus(401, TOKEN, `bad token ${TOKEN}`)],
    ['a page', { 'content-type': 'text/html' }, `<p>bad token ${TOKEN.slice(0, 30)}`],
  ])('in %s never shows the token that it quotes', async (_, headers, body) => {
    const error = await lengthOf(await answerWith(401, headers, body)).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringContaining('bad token') })
    const shown = `${error.message} ${error.stack} ${JSON.stringify(error)}`
    expect(shown).toContain('[redacted]')
    expect(shown).not.toContain(TOKEN.slice(0, 16))
  })

  test('inside a watch never shows the token that it quotes', async () => {
    const api = await apiOf((_, response) => void response.end(encodeWatchError(500, 'Odd', TOKEN)))
    const watching = async () => {
      const messages = api.stream(request(), async function* (chunks, fail) {
        for await (const message of readWatch(chunks, new NodeDecoder('a/'))) {
          if (message.type === 'ERROR') throw fail(message.status)
          yield message
        }
      })
      for await (const message of messages) expect.unreachable(message.type)
    }
    const error = await watching().catch((thrown) => thrown)
    expect(error.message).toMatch(/GET \/api\/v1\/nodes .* answered 500 Odd, \[redacted\]$/)
  })

  test('counts, even if its explanation does not arrive or has no end', async () => {
    const silent = await apiOf((_, response) => void response.writeHead(403).write('no'))
    await expect(lengthOf(silent)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    const endless = await apiOf((_, response) => {
      response.writeHead(403)
      const more = () =>
        void (response.destroyed || response.write('x'.repeat(10_000), () => setImmediate(more)))
      more()
    })
    await expect(lengthOf(endless)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })
})

describe('an answer', () => {
  test('that arrives too slowly is given up, however regularly it drips', async () => {
    const api = await apiOf((_, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    })
    const start = performance.now()
    await expect(lengthOf(api)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('less than 16384 bytes/s'),
    })
    expect(performance.now() - start).toBeGreaterThan(250)
  })

  test('may take longer than the timeout if it arrives steadily', async () => {
    const api = await apiOf((_, response) => {
      let sent = 0
      const timer = setInterval(() => {
        sent += 1
        response.write('x'.repeat(5_000))
        if (sent === 30) response.end()
      }, 60)
      response.on('close', () => clearInterval(timer))
    })
    await expect(lengthOf(api, { timeoutMs: 1_000 })).resolves.toBe(150_000)
  })

  test('that is longer than any object is refused', async () => {
    const api = await apiOf((_, response) => void response.end(Buffer.alloc(9 * 1024 * 1024)))
    await expect(lengthOf(api, { timeoutMs: 10_000 })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('longer than 8388608 bytes'),
    })
  })

  test('that is cut short says nothing about the store', async () => {
    const list = encodeNodeList([{ name: 'a' }, { name: 'b' }])
    const api = await apiOf((_, response) => {
      response.shouldKeepAlive = false
      response.useChunkedEncodingByDefault = false
      response.end(list.subarray(0, -20))
    })
    const reading = api.read(request(), (chunks) => readNodeList(chunks, new NodeDecoder('a/'), () => {}))
    await expect(reading).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('cut short'),
    })
  })
})
