import { Duplex } from 'node:stream'
import { FakeClock } from '@selvedge/conformance'
import type { IDuplexStream, IKeyValue, IRangeResponse, IWatchRequest, IWatchResponse } from 'etcd3'
import { describe, expect, it } from 'vitest'
import { NetworkKeys } from '../keys.js'
import { readSettings } from '../options.js'
import type { EtcdClient } from './api.js'
import { EtcdCluster } from './cluster.js'
import { GivenClient } from './endpoint.js'
import { type KeyUpdate, watchKeys } from './watch-keys.js'

/** etcd's side of a watch. */
class FakeWatch extends Duplex implements IDuplexStream<IWatchRequest, IWatchResponse> {
  cancelled = false

  constructor() {
    super({ objectMode: true, read: () => {}, write: (_request, _encoding, done) => done() })
  }

  reply(reply: Partial<IWatchResponse>): void {
    this.push({
      created: false,
      canceled: false,
      compact_revision: '0',
      cancel_reason: '',
      events: [],
      ...reply,
    })
  }

  cancel(): void {
    this.cancelled = true
    this.destroy(new Error('1 CANCELLED: Cancelled on client'))
  }
}

/** An etcd that answers every read at its revision; the test replies for its watches. */
class FakeEtcd implements EtcdClient {
  revision = 10
  cluster = '1'
  /** The requests, such as `list`, `probe`, `watch from 11`. */
  readonly asked: string[] = []
  readonly watches: FakeWatch[] = []
  readonly kv: EtcdClient['kv'] = {
    range: async ({ limit }) => {
      this.asked.push(limit === 1 ? 'probe' : 'list')
      return { header: this.#header(), kvs: [], more: false, count: '0' }
    },
    txn: () => Promise.reject(new Error('not used here')),
  }
  readonly leaseClient: EtcdClient['leaseClient'] = {
    leaseGrant: () => Promise.reject(new Error('not used here')),
    leaseRevoke: () => Promise.reject(new Error('not used here')),
    leaseKeepAlive: () => Promise.reject(new Error('not used here')),
  }
  readonly watchClient: EtcdClient['watchClient'] = {
    watch: async () => {
      const watch = new FakeWatch()
      watch._write = (request, _encoding, done) => {
        this.asked.push(`watch from ${request.create_request.start_revision}`)
        done()
      }
      watch.reply({ created: true })
      this.watches.push(watch)
      return watch
    },
  }

  #header(): IRangeResponse['header'] {
    return { cluster_id: this.cluster, member_id: '1', revision: String(this.revision), raft_term: '2' }
  }

  get watch(): FakeWatch {
    const watch = this.watches.at(-1)
    if (watch === undefined) throw new TypeError('there is no watch')
    return watch
  }

  put(revision: number): void {
    this.revision = revision
    const kv: IKeyValue = {
      key: Buffer.from(`k${revision}`),
      value: Buffer.from(''),
      create_revision: '1',
      mod_revision: String(revision),
      version: '1',
      lease: '0',
    }
    this.watch.reply({ events: [{ type: 'Put', kv, prev_kv: kv }] })
  }
}

function follow(etcd: FakeEtcd) {
  const clock = new FakeClock()
  const settings = readSettings({ client: etcd, clock, random: () => 0 })
  const keys = new NetworkKeys('/n')
  const cluster = new EtcdCluster([new GivenClient(etcd, keys.config)], { ...settings, rights: keys.rights })
  const abort = new AbortController()
  const errors: string[] = []
  let recovered = 0
  const updates = watchKeys(cluster, keys.leases, {
    signal: abort.signal,
    attempted: 'following',
    onError: (error) => errors.push(error.message),
    onRecovered: () => {
      recovered += 1
    },
    timeoutsMs: { request: 1_000, list: 1_000 },
    clock,
    random: settings.random,
  })
  /** The next update, as text; pauses are skipped. */
  const next = async () => {
    const found = updates.next()
    let settled = false
    found.finally(() => {
      settled = true
    })
    while (!settled) {
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(5_000)
    }
    const { value, done } = await found
    return done ? 'end' : show(value)
  }
  return { next, abort, errors, recovered: () => recovered }
}

const show = (update: KeyUpdate) =>
  update.type === 'list' ? 'list' : update.events.map(({ kv }) => String(kv.key)).join(' ')

describe('watchKeys', () => {
  it('lists, then watches from the revision after the list', async () => {
    const etcd = new FakeEtcd()
    const { next } = follow(etcd)
    expect(await next()).toBe('list')
    const second = next()
    await new Promise((resolve) => setImmediate(resolve))
    etcd.put(11)
    expect(await second).toBe('k11')
    expect(etcd.asked).toEqual(['list', 'watch from 11'])
  })

  it('resumes a broken watch after the last event delivered, once a read has succeeded', async () => {
    const etcd = new FakeEtcd()
    const { next, errors, recovered } = follow(etcd)
    await next()
    const third = next()
    await new Promise((resolve) => setImmediate(resolve))
    etcd.put(17)
    await third
    expect(recovered()).toBe(0)
    etcd.revision = 40
    etcd.watch.destroy(new Error('14 UNAVAILABLE: Connection dropped'))
    const fourth = next()
    while (etcd.watches.length < 2) await new Promise((resolve) => setImmediate(resolve))
    etcd.put(41)
    expect(await fourth).toBe('k41')
    expect(recovered()).toBe(1)
    expect(etcd.asked).toEqual(['list', 'watch from 11', 'probe', 'watch from 18'])
    expect(errors).toEqual([expect.stringContaining('Connection dropped')])
  })

  it.each<[string, (etcd: FakeEtcd) => void, number]>([
    [
      'has compacted what was missed',
      (etcd) => etcd.watch.reply({ canceled: true, compact_revision: '30' }),
      0,
    ],
    [
      'went back in time',
      (etcd) => Object.assign(etcd, { revision: 3 }).watch.destroy(new Error('14 UNAVAILABLE')),
      1,
    ],
    [
      'is another',
      (etcd) => Object.assign(etcd, { cluster: '2' }).watch.destroy(new Error('14 UNAVAILABLE')),
      1,
    ],
  ])('lists again if etcd %s', async (_, change, reported) => {
    const etcd = new FakeEtcd()
    const { next, errors } = follow(etcd)
    await next()
    const second = next()
    await new Promise((resolve) => setImmediate(resolve))
    change(etcd)
    expect(await second).toBe('list')
    expect(errors).toHaveLength(reported)
  })

  it('reports a refused watch, and tries again', async () => {
    const etcd = new FakeEtcd()
    const { next, errors } = follow(etcd)
    await next()
    const second = next()
    await new Promise((resolve) => setImmediate(resolve))
    etcd.watch.reply({
      canceled: true,
      cancel_reason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    })
    while (etcd.watches.length < 2) await new Promise((resolve) => setImmediate(resolve))
    etcd.put(12)
    expect(await second).toBe('k12')
    expect(errors).toEqual([expect.stringMatching(/etcd refuses .*permission denied/)])
  })

  it('ends when its signal aborts, and cancels its watch', async () => {
    const etcd = new FakeEtcd()
    const { next, abort, errors } = follow(etcd)
    await next()
    const second = next()
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    expect(await second).toBe('end')
    expect(etcd.watch.cancelled).toBe(true)
    expect(errors).toEqual([])
  })
})
