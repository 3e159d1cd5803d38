import type { IKeyValue, IRangeRequest } from 'etcd3'
import { describe, expect, it } from 'vitest'
import { allPages } from './pages.js'

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
    const kvs = await allPages(range, { kvs: [kv('k/a'), kv('k/b')], more: true }, '17', read)
    expect(kvs.map(({ key }) => String(key))).toEqual(['k/a', 'k/b', 'k/c', 'k/d'])
    expect(asked).toEqual([
      { ...range, key: Buffer.from('k/b\0'), limit: 10_000, revision: '17' },
      { ...range, key: Buffer.from('k/c\0'), limit: 10_000, revision: '17' },
    ])
  })

  it('asks for nothing more after the only page', async () => {
    const read = () => Promise.reject(new Error('not used here'))
    expect(await allPages(range, { kvs: [kv('k/a')], more: false }, '17', read)).toHaveLength(1)
  })
})
