import type { IKeyValue, IRangeRequest } from 'etcd3'
import { describe, expect, it } from 'vitest'
import { EtcdFailure } from './errors.js'
import { allPages, readPage } from './pages.js'

const kv = (key: string): IKeyValue => ({
  key: Buffer.from(key),
  value: Buffer.from(''),
  create_revision: '1',
  mod_revision: '1',
  version: '1',
  lease: '0',
})

const range = { key: Buffer.from('k/'), range_end: Buffer.from('k0'), min_mod_revision: '5' }

describe('allPages', () => {
  it('asks for each further page after the last key of the one before, as of the same revision', async () => {
    const asked: IRangeRequest[] = []
    const pages = [
      { kvs: [kv('k/c')], more: true },
      { kvs: [kv('k/d')], more: false },
    ]
    const read = async (request: IRangeRequest) => {
      asked.push(request)
      return pages[asked.length - 1] ?? { kvs: [], more: false }
    }
    const kvs = await allPages(
      range,
      { page: { kvs: [kv('k/a'), kv('k/b')], more: true }, limit: 10_000 },
      '17',
      read,
    )
    expect(kvs.map(({ key }) => String(key))).toEqual(['k/a', 'k/b', 'k/c', 'k/d'])
    expect(asked).toEqual([
      { ...range, key: Buffer.from('k/b\0'), limit: 10_000, revision: '17' },
      { ...range, key: Buffer.from('k/c\0'), limit: 10_000, revision: '17' },
    ])
  })

  it('asks for nothing more after the only page', async () => {
    const read = () => Promise.reject(new Error('not used here'))
    expect(
      await allPages(range, { page: { kvs: [kv('k/a')], more: false }, limit: 10_000 }, '17', read),
    ).toHaveLength(1)
  })

  it('asks for fewer keys if they do not fit into a reply, and for more again later', async () => {
    const all = Array.from({ length: 300 }, (_, n) => ({
      ...kv(`k/${String(n).padStart(3, '0')}`),
      value: Buffer.alloc(n < 20 ? 1_400_000 : 250),
    }))
    const limits: number[] = []
    const read = async ({ key, limit = 0 }: IRangeRequest) => {
      limits.push(Number(limit))
      const from = all.findIndex((each) => Buffer.compare(each.key, key as Buffer) >= 0)
      const kvs = all.slice(from, from + Number(limit))
      const bytes = kvs.reduce((sum, { value }) => sum + value.length, 0)
      if (bytes > 16 * 2 ** 20) throw new EtcdFailure('too-long', 'received message larger than max')
      return { kvs, more: from + Number(limit) < all.length }
    }
    const first = await readPage((limit) => read({ ...range, limit }))
    const kvs = await allPages(range, first, '17', read)
    expect(kvs.map(({ key }) => String(key))).toEqual(all.map(({ key }) => String(key)))
    expect(limits).toEqual([10_000, 8, 4, 4, 4, 4, 256, 10_000])
    await expect(
      readPage(() => Promise.reject(new EtcdFailure('too-long', 'one is too long'))),
    ).rejects.toThrow('one is too long')
  })

  it('keeps no value that is too long for a record, nor the reply that it came with', async () => {
    const reply = Buffer.alloc(3_000_000, 'x')
    const kvs = [
      { ...kv('k/a'), value: reply.subarray(0, 2_000_000) },
      { ...kv('k/b'), value: reply.subarray(0, 100) },
    ]
    const kept = await allPages(range, { page: { kvs, more: false }, limit: 10 }, '17', () =>
      Promise.reject(),
    )
    expect(kept.map(({ key }) => String(key))).toEqual(['k/a', 'k/b'])
    expect(kept[0]?.value.length).toBe(65_537)
    expect(kept[1]?.value.equals(reply.subarray(0, 100))).toBe(true)
    expect(kept[1]?.value.buffer).not.toBe(reply.buffer)
  })
})
