import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import {
  encodeNodeList,
  encodeObject,
  encodeWatchError,
  encodeWatchEvent,
  field,
  inChunks,
  message,
  type NodeFields,
} from '../../tests/support/encode.js'
import { NodeDecoder } from './node-codec.js'
import type { NodeRecord } from './node-record.js'
import { readNodeList, readWatch } from './node-streams.js'
import { ProtobufError } from './protobuf.js'

const decoder = new NodeDecoder('flannel.alpha.coreos.com/')

const nodes: readonly NodeFields[] = [
  { name: 'without-anything' },
  {
    name: 'dual-stack',
    resourceVersion: '42',
    podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    annotations: {
      'flannel.alpha.coreos.com/public-ip': '192.0.2.1',
      'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}',
      'flannel.alpha.coreos.com/of-no-use': 'x',
      'flannel.alpha.coreos.community/public-ip': '192.0.2.99',
      'node.alpha.kubernetes.io/ttl': '0',
    },
  },
  // Larger than a chunk.
  { name: 'large', podCidrs: ['10.244.2.0/24'], annotations: { 'example.com/big': 'x'.repeat(300_000) } },
]

const records: readonly NodeRecord[] = [
  {
    name: 'without-anything',
    uid: 'uid of without-anything',
    resourceVersion: '1',
    created: 1700000000,
    podCidrs: [],
    annotations: {},
  },
  {
    name: 'dual-stack',
    uid: 'uid of dual-stack',
    resourceVersion: '42',
    created: 1700000000,
    podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    annotations: { 'public-ip': '192.0.2.1', 'backend-data': '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}' },
  },
  {
    name: 'large',
    uid: 'uid of large',
    resourceVersion: '1',
    created: 1700000000,
    podCidrs: ['10.244.2.0/24'],
    annotations: {},
  },
]

async function read(bytes: Buffer, chunk: number) {
  const found: NodeRecord[] = []
  const meta = await readNodeList(inChunks(bytes, chunk), decoder, (node) => found.push(node))
  return { found, meta }
}

describe('a list', () => {
  const list = encodeNodeList(nodes, { resourceVersion: '1234567890123', next: 'token/of/the/next/page' })

  test.each([1, 7, 4096, 1_000_000])('is decoded in chunks of %i bytes', async (chunk) => {
    const { found, meta } = await read(list, chunk)
    expect(found).toEqual(records)
    expect(meta).toEqual({ resourceVersion: '1234567890123', continue: 'token/of/the/next/page' })
  })

  test('may be empty', async () => {
    expect(await read(encodeNodeList([]), 100)).toEqual({
      found: [],
      meta: { resourceVersion: '1', continue: '' },
    })
  })

  test('may come from a server that knows only podCIDR', async () => {
    const spec = field(1, '10.244.9.0/24')
    const node = message(field(1, field(1, 'old')), field(2, spec))
    const list = encodeObject('NodeList', message(field(1, field(2, '5')), field(2, node)))
    expect((await read(list, 100)).found.map(({ podCidrs }) => podCidrs)).toEqual([['10.244.9.0/24']])
  })

  test.each([
    ['cut short', list.subarray(0, list.length - 200_000)],
    ['in JSON', Buffer.from('{"kind":"NodeList","items":[]}')],
    ['empty', Buffer.alloc(0)],
    ['not a message', Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0xff, 0xff, 0xff])])],
  ])('is an error if it is %s', async (_, bytes) => {
    await expect(read(bytes, 1000)).rejects.toThrow(ProtobufError)
  })
})

test('an annotation that is too long is named, and not read', async () => {
  const long = {
    'flannel.alpha.coreos.com/backend-data': 'x'.repeat(70_000),
    'flannel.alpha.coreos.com/public-ip': '192.0.2.1',
  }
  const { found } = await read(encodeNodeList([{ name: 'a', annotations: long }]), 1_000)
  expect(found).toMatchObject([{ annotations: { 'public-ip': '192.0.2.1' }, oversized: ['backend-data'] }])
})

test('of PodCIDRs without number, a few are read', async () => {
  const podCidrs = Array.from({ length: 10_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`)
  const { found } = await read(encodeNodeList([{ name: 'a', podCidrs }]), 1_000)
  expect(found[0]?.podCidrs).toHaveLength(16)
})

test('memory for a list does not grow with the size of its Nodes', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const held = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const images = 'registry.example.com/image'.repeat(4_000)
  async function* list(): AsyncGenerator<Buffer> {
    const names = Array.from({ length: 200 }, (_, index) => `node-${index}`)
    const bulky = names.map((name) => ({ name, annotations: { 'example.com/images': `${name}${images}` } }))
    yield* inChunks(encodeNodeList(bulky), 65_536)
  }
  const before = held()
  const found: NodeRecord[] = []
  await readNodeList(list(), decoder, (node) => found.push(node))
  expect(found).toHaveLength(200)
  // Of 20 MB. Memory of buffers is released shortly after their collection.
  await expect.poll(() => held() - before, { timeout: 10_000 }).toBeLessThan(1_000_000)
})

describe('a watch', () => {
  const bytes = Buffer.concat([
    encodeWatchEvent('ADDED', nodes[1] ?? { name: '' }),
    encodeWatchEvent('MODIFIED', nodes[2] ?? { name: '' }),
    encodeWatchEvent('DELETED', { name: 'gone', resourceVersion: '43' }),
    encodeWatchEvent('BOOKMARK', { name: '', resourceVersion: '44' }),
    encodeWatchError(410, 'Expired', 'too old resource version: 1 (44)'),
  ])

  test.each([1, 13, 1_000_000])('is decoded in chunks of %i bytes', async (chunk) => {
    const messages = []
    for await (const event of readWatch(inChunks(bytes, chunk), decoder)) messages.push(event)
    expect(messages).toEqual([
      { type: 'ADDED', node: records[1] },
      { type: 'MODIFIED', node: records[2] },
      {
        type: 'DELETED',
        node: {
          name: 'gone',
          uid: 'uid of gone',
          resourceVersion: '43',
          created: 1700000000,
          podCidrs: [],
          annotations: {},
        },
      },
      { type: 'BOOKMARK', resourceVersion: '44' },
      {
        type: 'ERROR',
        status: { code: 410, reason: 'Expired', message: 'too old resource version: 1 (44)' },
      },
    ])
  })

  test('that is cut short yields its complete events, then fails', async () => {
    const yielded: string[] = []
    const watching = async () => {
      for await (const { type } of readWatch(inChunks(bytes.subarray(0, -10), 50), decoder))
        yielded.push(type)
    }
    await expect(watching()).rejects.toThrow(ProtobufError)
    expect(yielded).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])
  })
})
