import { Duplex } from 'node:stream'
import { FakeClock } from '@selvedge/conformance'
import type {
  IDuplexStream,
  IKeyValue,
  IRangeRequest,
  IRangeResponse,
  ITxnResponse,
  IWatchRequest,
  IWatchResponse,
} from 'etcd3'
import { describe, expect, it } from 'vitest'
import { NetworkKeys } from '../keys.js'
import { readSettings } from '../options.js'
import type { EtcdApi } from './api.js'
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

const keyValue = (key: string, revision: number): IKeyValue => ({
  key: Buffer.from(key),
  value: Buffer.from(''),
  create_revision: String(revision),
  mod_revision: String(revision),
  version: '1',
  lease: '0',
})

/** An etcd that keeps every revision of its keys; the test replies for its watches. */
class FakeEtcd implements EtcdApi {
  revision = 10
  cluster = '1'
  term = 2
  /** Revisions before this one are forgotten. */
  compacted = 0
  keys: IKeyValue[] = [keyValue('/n/config', 4), keyValue('/n/subnets/a', 9)]
  /** The requests, such as `list`, `probe`, `watch from 11`. */
  readonly asked: string[] = []
  readonly watches: FakeWatch[] = []
  readonly kv: EtcdApi['kv'] = {
    range: () => Promise.reject(new Error('not used here')),
    txn: async ({ success = [] }) => {
      const ranges = success.flatMap(({ request_range }) => request_range ?? [])
      this.asked.push(ranges.some(({ limit }) => limit !== undefined) ? 'list' : 'probe')
      const responses = ranges.map((range) => ({ response_range: this.#range(range) }))
      return { header: this.#header(), succeeded: true, responses } as unknown as ITxnResponse
    },
  }
  readonly leaseClient: EtcdApi['leaseClient'] = {
    leaseGrant: () => Promise.reject(new Error('not used here')),
    leaseRevoke: () => Promise.reject(new Error('not used here')),
    leaseKeepAlive: () => Promise.reject(new Error('not used here')),
    leaseTimeToLive: () => Promise.reject(new Error('not used here')),
  }
  readonly watchClient: EtcdApi['watchClient'] = {
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

  #range({ key, range_end, revision = this.revision }: IRangeRequest): IRangeResponse {
    if (Number(revision) > this.revision) {
      throw new Error('11 OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision')
    }
    if (Number(revision) < this.compacted) {
      throw new Error('11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted')
    }
    const kvs = this.keys.filter(
      (kv) =>
        Number(kv.mod_revision) <= Number(revision) &&
        (range_end !== undefined || kv.key.equals(key ?? kv.key)),
    )
    return { header: this.#header(), kvs: kvs.slice(-1), more: false, count: String(kvs.length) }
  }

  #header(): IRangeResponse['header'] {
    return {
      cluster_id: this.cluster,
      member_id: '1',
      revision: String(this.revision),
      raft_term: String(this.term),
    }
  }

  get watch(): FakeWatch {
    const watch = this.watches.at(-1)
    if (watch === undefined) throw new TypeError('there is no watch')
    return watch
  }

  put(revision: number): void {
    this.revision = revision
    const kv = keyValue(`k${revision}`, revision)
    this.keys.push(kv)
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
  const cuts: string[] = []
  let recovered = 0
  const updates = watchKeys(cluster, keys.leases, {
    signal: abort.signal,
    attempted: 'following',
    config: keys.config,
    onCut: (error) => cuts.push(error.message),
    onError: (error) => errors.push(error.message),
    onRecovered: () => {
      recovered += 1
    },
    timeoutsMs: { request: 1_000, list: 1_000 },
    clock,
    random: settings.random,
  })
  const next = async () => {
    const { value, done } = await updates.next()
    return done ? 'end' : show(value)
  }
  return { next, abort, clock, errors, cuts, recovered: () => recovered }
}

/** Lets everything happen that waits for no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const show = (update: KeyUpdate) =>
  update.type === 'list'
    ? update.isReset
      ? 'list after a reset'
      : 'list'
    : update.events.map(({ kv }) => String(kv.key)).join(' ')

describe('watchKeys', () => {
  it('lists, then watches from the revision after the list', async () => {
    const etcd = new FakeEtcd()
    const { next } = follow(etcd)
    expect(await next()).toBe('list')
    const second = next()
    await settle()
    etcd.put(11)
    expect(await second).toBe('k11')
    expect(etcd.asked).toEqual(['list', 'watch from 11'])
  })

  it('resumes a broken watch after the last event delivered, once a read has succeeded', async () => {
    const etcd = new FakeEtcd()
    const { next, clock, errors, recovered } = follow(etcd)
    await next()
    const second = next()
    await settle()
    etcd.put(17)
    await second
    const third = next()
    etcd.revision = 40
    etcd.watch.destroy(new Error('14 UNAVAILABLE: Connection dropped'))
    await settle()
    expect(errors).toEqual([expect.stringContaining('Connection dropped')])
    expect(etcd.watches).toHaveLength(1)
    await clock.advance(100)
    await settle()
    expect(recovered()).toBe(0)
    etcd.put(41)
    expect(await third).toBe('k41')
    expect(recovered()).toBe(1)
    expect(etcd.asked).toEqual(['list', 'watch from 11', 'probe', 'watch from 18'])
  })

  it('reopens a watch at once that was cut after a second, and reports no failure', async () => {
    const etcd = new FakeEtcd()
    const { next, clock, errors, cuts } = follow(etcd)
    await next()
    const second = next()
    for (let cut = 1; cut <= 20; cut += 1) {
      await settle()
      await clock.advance(1_000)
      etcd.watch.destroy(new Error('14 UNAVAILABLE: Connection dropped'))
      await settle()
      expect(etcd.watches).toHaveLength(cut + 1)
    }
    etcd.put(11)
    expect(await second).toBe('k11')
    expect(errors).toEqual([])
    expect(cuts).toEqual(Array(20).fill(expect.stringContaining('Connection dropped')))
  })

  it('reports a reason that etcd gives for the end of a watch, however long that stood', async () => {
    const etcd = new FakeEtcd()
    const { next, clock, errors, cuts } = follow(etcd)
    await next()
    const second = next()
    await settle()
    await clock.advance(60_000)
    etcd.watch.destroy(new Error('14 UNAVAILABLE: etcdserver: no leader'))
    await settle()
    expect(errors).toEqual([expect.stringContaining('no leader')])
    expect(cuts).toEqual([])
    await clock.advance(100)
    await settle()
    etcd.put(11)
    expect(await second).toBe('k11')
  })

  it('waits longer and longer, up to 2 s, for a watch that breaks as soon as it opens', async () => {
    const etcd = new FakeEtcd()
    const { next, clock, recovered, abort } = follow(etcd)
    await next()
    const second = next()
    const minute = clock.monotonic() + 60_000
    let broken = 0
    while (clock.monotonic() < minute) {
      await settle()
      if (etcd.watches.length > broken) {
        broken = etcd.watches.length
        etcd.watch.destroy(new Error('14 UNAVAILABLE: Connection dropped'))
      }
      await clock.advance(50)
    }
    // With the shortest pauses that the jitter allows: 50, 100, 200, 400, 800, and then 1,000 ms.
    expect(etcd.watches.length).toBeLessThan(70)
    expect(recovered()).toBe(0)
    abort.abort()
    await second
  })

  const cut = (etcd: FakeEtcd) => etcd.watch.destroy(new Error('14 UNAVAILABLE: Connection dropped'))
  const compact = (etcd: FakeEtcd) => {
    etcd.compacted = 50
    etcd.revision = 60
    etcd.watch.reply({ canceled: true, compact_revision: '50' })
  }
  /** A key of the past: in another history. */
  const instead = (name: string, revision: number) => (kv: IKeyValue) =>
    String(kv.key) === name ? keyValue(name, revision) : kv

  it.each<[string, (etcd: FakeEtcd) => void, string]>([
    ['has compacted what was missed', compact, 'list'],
    [
      'has compacted what was missed, and had its config written since',
      (etcd) => {
        etcd.keys.push(keyValue('/n/config', 20))
        compact(etcd)
      },
      'list',
    ],
    [
      'has compacted what was missed, and lost its config',
      (etcd) => {
        etcd.keys.shift()
        compact(etcd)
      },
      'list after a reset',
    ],
    ['went back in time', (etcd) => cut(Object.assign(etcd, { revision: 3 })), 'list after a reset'],
    ['is another', (etcd) => cut(Object.assign(etcd, { cluster: '2' })), 'list after a reset'],
    ['has had fewer elections', (etcd) => cut(Object.assign(etcd, { term: 1 })), 'list after a reset'],
    [
      'had another config then',
      (etcd) => cut(Object.assign(etcd, { revision: 99, keys: etcd.keys.map(instead('/n/config', 2)) })),
      'list after a reset',
    ],
    [
      'had other leases then',
      (etcd) => cut(Object.assign(etcd, { revision: 99, keys: etcd.keys.map(instead('/n/subnets/a', 8)) })),
      'list after a reset',
    ],
    [
      'had other leases then, which it has compacted',
      (etcd) => {
        etcd.keys = etcd.keys.map(instead('/n/subnets/a', 8))
        compact(etcd)
      },
      'list after a reset',
    ],
  ])('lists again if etcd %s', async (_, change, expected) => {
    const etcd = new FakeEtcd()
    const { next, clock } = follow(etcd)
    await next()
    const second = next()
    await settle()
    change(etcd)
    await settle()
    await clock.advance(100)
    expect(await second).toBe(expected)
  })

  it('goes on after whatever was written meanwhile', async () => {
    const etcd = new FakeEtcd()
    const { next, clock } = follow(etcd)
    await next()
    const second = next()
    await settle()
    etcd.revision = 30
    etcd.keys.push(keyValue('/n/config', 25), keyValue('/n/subnets/a', 26))
    cut(etcd)
    await settle()
    await clock.advance(100)
    await settle()
    etcd.put(31)
    expect(await second).toBe('k31')
  })

  it('reports a refused watch, and tries again', async () => {
    const etcd = new FakeEtcd()
    const { next, clock, errors } = follow(etcd)
    await next()
    const second = next()
    await settle()
    etcd.watch.reply({
      canceled: true,
      cancel_reason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    })
    await settle()
    expect(errors).toEqual([expect.stringMatching(/etcd refuses .*permission denied/)])
    await clock.advance(100)
    await settle()
    etcd.put(12)
    expect(await second).toBe('k12')
  })

  it('ends when its signal aborts, and cancels its watch', async () => {
    const etcd = new FakeEtcd()
    const { next, abort, errors } = follow(etcd)
    await next()
    const second = next()
    await settle()
    abort.abort()
    expect(await second).toBe('end')
    expect(etcd.watch.cancelled).toBe(true)
    expect(errors).toEqual([])
  })
})
