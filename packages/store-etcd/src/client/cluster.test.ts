import { inspect } from 'node:util'
import { FakeClock } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { readSettings } from '../options.js'
import type { EtcdApi } from './api.js'
import { type CallRequest, EtcdCluster } from './cluster.js'
import type { Endpoint, Renewal } from './endpoint.js'
import { EtcdFailure } from './errors.js'

const unused = () => Promise.reject(new Error('not used here'))
const client: EtcdApi = {
  kv: { range: unused, txn: unused },
  leaseClient: {
    leaseGrant: unused,
    leaseRevoke: unused,
    leaseKeepAlive: unused,
    leaseTimeToLive: unused,
  },
  watchClient: { watch: unused },
}

/** Endpoints that answer as `answers` says, and a record of the requests. */
function clusterOf(answers: Record<string, (time: number) => string>, auth = false) {
  const clock = new FakeClock()
  const asked: string[] = []
  const renewed: string[] = []
  const endpoints = Object.keys(answers).map(
    (name): Endpoint => ({
      name,
      call: (request) => {
        asked.push(name)
        return request(client)
      },
      renew: async (what: Renewal) => {
        renewed.push(`${name} ${what}`)
      },
      close: () => {},
    }),
  )
  const user = auth ? { username: 'flannel', password: 'S3cret' } : {}
  const settings = readSettings({ client, clock, random: () => 0, patienceMs: 1_000, ...user })
  const cluster = new EtcdCluster(endpoints, { ...settings, rights: 'read /n/config' })
  const call = (options: Partial<CallRequest> = {}) =>
    cluster.call({ attempted: 'asking', ...options }, async () => {
      const name = asked.at(-1) ?? ''
      const answer = answers[name]?.(asked.filter((each) => each === name).length) ?? ''
      if (answer !== 'ok') throw new Error(answer)
      return name
    })
  return { call, asked, renewed, clock, cluster }
}

const DOWN =
  '14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED. Resolution note: '

describe('EtcdCluster', () => {
  it('says why a patient call goes on asking as soon as no endpoint has answered, and once', async () => {
    const { call, asked, clock } = clusterOf({ a: () => DOWN, b: (time) => (time < 3 ? DOWN : 'ok') })
    const reasons: string[] = []
    const answer = call({
      patient: true,
      onWaiting: ({ code, message }) => reasons.push(`${code} ${message}`),
    })
    await clock.settle()
    expect(reasons).toEqual([expect.stringMatching(/^STORE_UNAVAILABLE asking: .*ECONNREFUSED/)])
    expect(asked).toEqual(['a', 'b'])
    await clock.advance(1_000)
    await expect(answer).resolves.toBe('b')
    expect(reasons).toHaveLength(1)
  })

  it('stays with the endpoint that answered last', async () => {
    const { call, asked } = clusterOf({ a: () => DOWN, b: () => 'ok', c: () => 'ok' })
    expect([await call(), await call(), await call()]).toEqual(['b', 'b', 'b'])
    expect(asked).toEqual(['a', 'b', 'b', 'b'])
  })

  it('asks each once if it has no patience, and quotes the answers', async () => {
    const { call, asked } = clusterOf({ a: () => DOWN, b: () => '14 UNAVAILABLE: etcdserver: no leader' })
    await expect(call()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message:
        'asking: etcd does not answer at a (connect ECONNREFUSED), b (etcdserver: no leader); ' +
        'check that it runs, has a leader, and can be reached from here',
    })
    expect(asked).toEqual(['a', 'b'])
  })

  it('withholds an answer that repeats the password', async () => {
    const { call } = clusterOf(
      { a: () => '14 UNAVAILABLE: no route for flannel:S3cret', b: () => DOWN },
      true,
    )
    const error = await call().catch((thrown) => thrown)
    expect(error.message).toContain('at a (withheld: it repeats the password), b (connect ECONNREFUSED)')
    expect(inspect(error)).not.toContain('S3cret')
  })

  it('keeps asking for as long as its patience lasts, with growing pauses', async () => {
    const { call, asked, clock } = clusterOf({ a: () => DOWN })
    const failed = expect(call({ patient: true })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await clock.advance(10_000)
    await failed
    // With the shortest pauses that the jitter allows: 50, 100, 200, 400 and 800 ms.
    expect(asked).toHaveLength(6)
  })

  it('asks one endpoint, once, if the request must not run twice', async () => {
    const { call, asked } = clusterOf({ a: () => DOWN, b: () => 'ok' })
    await expect(call({ once: true, patient: true })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(asked).toEqual(['a'])
    expect(await call({ once: true })).toBe('b')
  })

  it.each([
    [
      '7 PERMISSION_DENIED: etcdserver: permission denied',
      'ACCESS_DENIED',
      /refuses user 'flannel' at a .*read \/n\/config/,
    ],
    [
      '8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded',
      'STORE_UNAVAILABLE',
      /space quota at a .*alarm disarm/,
    ],
    ['3 INVALID_ARGUMENT: etcdserver: request is too large', 'STORE_UNAVAILABLE', /etcd refuses at a/],
  ])('asks no other endpoint after %s', async (said, code, message) => {
    const { call, asked } = clusterOf({ a: () => said, b: () => 'ok' }, true)
    await expect(call({ patient: true })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect(asked).toEqual(['a'])
  })

  it('asks each endpoint once if certificates are not valid', async () => {
    const expired =
      '14 UNAVAILABLE: No connection established. Last error: Error: certificate has expired. Resolution note: '
    const { call, asked } = clusterOf({ a: () => expired, b: () => expired })
    await expect(call({ patient: true })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(
        /is not valid at a \(certificate has expired\), b \(certificate has expired\)/,
      ),
    })
    expect(asked).toEqual(['a', 'b'])
    expect(await clusterOf({ a: () => expired, b: () => 'ok' }).call()).toBe('b')
  })

  it('renews the token and asks again, once', async () => {
    const expired = '16 UNAUTHENTICATED: etcdserver: invalid auth token'
    const mended = clusterOf({ a: (time) => (time === 1 ? expired : 'ok') }, true)
    expect(await mended.call({ once: true })).toBe('a')
    expect(mended.renewed).toEqual(['a token'])
    const hopeless = clusterOf({ a: () => expired }, true)
    await expect(hopeless.call()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(hopeless.asked).toEqual(['a', 'a'])
  })

  it('leaves to its caller what only the caller can judge', async () => {
    const { call } = clusterOf({
      a: () => '11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted',
    })
    await expect(call({ patient: true })).rejects.toThrow(EtcdFailure)
  })

  it("rejects with a signal's own reason: before, while it waits, and while it pauses", async () => {
    const reason = { why: 'no more time' }
    const { call, asked } = clusterOf({ a: () => DOWN })
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(asked).toEqual([])
    const abort = new AbortController()
    const pausing = call({ patient: true, signal: abort.signal })
    setImmediate(() => abort.abort(reason))
    await expect(pausing).rejects.toBe(reason)
  })
})
