import { createServer, type Server } from 'node:net'
import { fuzz, fuzzSettings, hostileJson, hostileText, outcomeOf } from '@selvedge/conformance'
import { isOverlayError, type Random } from '@selvedge/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  encodeNode,
  encodeNodeList,
  encodeObject,
  encodeStatus,
  encodeWatchError,
  encodeWatchEvent,
  field,
  inChunks,
  message,
} from '../../tests/support/encode.js'
import { connectorFor } from '../auth/index.js'
import { KubeApi, PROTOBUF } from './kube-api.js'
import { decodeStatus, NodeDecoder } from './node-codec.js'
import { readNodeList, readWatch } from './node-streams.js'
import { ProtobufError } from './protobuf.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'

const node = {
  name: 'n1',
  podCidrs: ['10.244.1.0/24', 'fd00:0:0:1::/64'],
  annotations: {
    'flannel.alpha.coreos.com/public-ip': '192.0.2.1',
    'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}',
  },
}
const decoder = new NodeDecoder('flannel.alpha.coreos.com/')

const latin1 = (bytes: Buffer): string => bytes.toString('latin1')
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

const edited = hostileText([
  latin1(encodeObject('Node', encodeNode(node))),
  latin1(encodeNodeList([node, { ...node, name: 'n2' }])),
  latin1(encodeStatus(403, 'Forbidden', `nodes is forbidden: ${TOKEN}`)),
  latin1(Buffer.concat([encodeWatchEvent('ADDED', node), encodeWatchError(410, 'Expired', 'too old')])),
])

/** Messages inside one another, under numbers that mean something, and many of them. */
function nested(random: Random): string {
  let bytes: Buffer = Buffer.from('x')
  const depth = Math.ceil(random() ** 3 * 300)
  const numbers = [1, 2, 7, 8, 12]
  for (let i = 0; i < depth; i += 1) bytes = field(numbers[Math.floor(random() * numbers.length)] ?? 1, bytes)
  const many = Array<Buffer>(Math.ceil(random() ** 4 * 3_000)).fill(message(bytes))
  return latin1(encodeObject('Node', Buffer.concat(many)).subarray(0, 512 * 1024))
}

it('protobuf of the API server', { timeout }, async () => {
  let decoded = 0
  const report = await fuzz({
    ...settings,
    input: (random) => (random() < 0.9 ? edited(random) : nested(random)),
    async check(text) {
      const bytes = bytesOf(text)
      const isPromised = (error: unknown) => error instanceof ProtobufError
      const decoders: readonly (() => unknown)[] = [
        () => decoder.decodeNode(bytes),
        () => decoder.decodeWatchEvent(bytes),
        () => decodeStatus(bytes),
      ]
      for (const decode of decoders) if (outcomeOf(decode, isPromised) !== undefined) decoded += 1
      // As a network delivers them.
      const size = Math.max(7, Math.floor(bytes.length / 10))
      const watch = async () => {
        for await (const event of readWatch(inChunks(bytes, size), decoder))
          if (event.type !== 'ERROR') decoded += 1
      }
      for (const read of [() => readNodeList(inChunks(bytes, size), decoder, () => {}), watch]) {
        await read().catch((error) =>
          outcomeOf(() => {
            throw error
          }, isPromised),
        )
      }
    },
  })
  expect(decoded, 'inputs that are messages').toBeGreaterThan(report.count / 20)
  console.log('protobuf', report)
})

let server: Server
let answer = ''

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(bytesOf(answer)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => server.close())

const status = hostileJson([{ kind: 'Status', code: 403, reason: 'Forbidden', message: `no ${TOKEN}` }])
const head = hostileText([
  `HTTP/1.1 200 OK\r\ncontent-type: ${PROTOBUF}\r\n`,
  'HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nretry-after: 5\r\n',
  `HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/html; token=${TOKEN}\r\nretry-after: 99999999999\r\n`,
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nk8s\0x',
  `HTTP/1.1 302 Found\r\nlocation: https://evil.example/?t=${TOKEN}\r\ncontent-length: 99999999999\r\n`,
])

it('HTTP answers of the API server', { timeout }, async () => {
  const { port } = Object(server.address())
  const api = new KubeApi(connectorFor({ apiUrl: `http://127.0.0.1:${port}`, token: TOKEN }))
  const { signal } = new AbortController()
  const request = {
    method: 'GET',
    path: '/api/v1/nodes',
    accept: PROTOBUF,
    signal,
    timeoutMs: 5_000,
  } as const
  let answered = 0
  const report = await fuzz({
    ...settings,
    // A connection for each.
    maxMs: 2_000,
    input: (random) => {
      const body = random() < 0.5 ? status(random) : edited(random)
      const first =
        random() < 0.5
          ? `HTTP/1.1 ${[200, 200, 200, 200, 401, 403, 410, 500][Math.floor(random() * 8)]} x\r\ncontent-type: ${random() < 0.5 ? PROTOBUF : 'application/json'}\r\n`
          : head(random)
      return `${first}\r\n${body}`
    },
    async check(text) {
      answer = text
      const reads = [
        () => api.fetchJson(request),
        () => api.read(request, (chunks) => readNodeList(chunks, decoder, () => {})),
      ]
      for (const read of text.length % 2 === 0 ? reads : reads.reverse().slice(0, 1)) {
        try {
          await read()
          answered += 1
        } catch (error) {
          outcomeOf(
            () => {
              throw error
            },
            (thrown) =>
              isOverlayError(thrown) &&
              ['STORE_UNAVAILABLE', 'ACCESS_DENIED', 'STORE_CORRUPT'].includes(thrown.code) &&
              !thrown.message.includes(TOKEN),
          )
        }
      }
    },
  })
  api.close()
  expect(answered, 'answers that are used').toBeGreaterThan(report.count / 50)
  console.log('HTTP answers', report)
})
