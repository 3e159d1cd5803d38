import type { LeaseEvent } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import type { Layout } from './buckets.js'
import { Bucket } from './client/bucket.js'
import type { Entry } from './client/entry.js'
import { LeaseView } from './lease-view.js'

const lease = (node: number): string => `{"PublicIP":"192.0.2.${node}"}`

const entry = (name: string, seq: number, value: string | undefined): Entry => ({
  ...{ key: `subnets.${name}`, seq, storedAt: 0, value, created: seq, ttlMs: 60_000 },
})

const show = (event: LeaseEvent): string =>
  event.type === 'snapshot'
    ? `snapshot ${event.leases.map(({ attributes }) => attributes.publicIp).join(' ')}${'storeWasReset' in event ? ' reset' : ''}`
    : `${event.type} ${event.lease.subnet} ${event.lease.attributes.publicIp}`

/** A view of two buckets, as before NATS 2.11. */
function view() {
  const permanent = new Bucket('net')
  const leases = new Bucket('net-leases')
  const layout: Layout = { permanent, leases, hasTtlPerKey: false, termMs: 60_000 }
  const problems: string[] = []
  const seen = new LeaseView(layout, ({ message }) => problems.push(message))
  const list = (bucket: Bucket, entries: Entry[], isReset = false) =>
    [...seen.apply(bucket, { type: 'list', entries, isReset, maxAgeMs: 60_000 })].map(show)
  const change = (bucket: Bucket, ...entries: Entry[]) =>
    [...seen.apply(bucket, { type: 'changes', entries })].map(show)
  return { permanent, leases, list, change, problems }
}

describe('the leases of two buckets', () => {
  it('are reported once both are listed', () => {
    const { permanent, leases, list, change } = view()
    expect(list(leases, [entry('10.0.1.0-24', 1, lease(1))])).toEqual([])
    expect(change(leases, entry('10.0.2.0-24', 2, lease(2)))).toEqual([])
    expect(list(permanent, [entry('10.0.3.0-24', 1, lease(3))])).toEqual([
      'snapshot 192.0.2.1 192.0.2.2 192.0.2.3',
    ])
    expect(change(leases, entry('10.0.2.0-24', 3, undefined))).toEqual(['delete 10.0.2.0/24 192.0.2.2'])
  })

  it('of one name are one: a reservation hides the lease that ends, and uncovers it', () => {
    const { permanent, leases, list, change } = view()
    list(leases, [entry('10.0.1.0-24', 1, lease(1))])
    list(permanent, [])
    expect(change(permanent, entry('10.0.1.0-24', 1, lease(7)))).toEqual(['put 10.0.1.0/24 192.0.2.7'])
    expect(change(leases, entry('10.0.1.0-24', 2, lease(2))), 'it is hidden').toEqual([])
    expect(change(permanent, entry('10.0.1.0-24', 2, undefined))).toEqual(['put 10.0.1.0/24 192.0.2.2'])
  })

  it('are all reported again if one bucket has lost its memory', () => {
    const { permanent, leases, list } = view()
    list(permanent, [entry('10.0.3.0-24', 1, lease(3))])
    list(leases, [entry('10.0.1.0-24', 1, lease(1))])
    expect(list(leases, [], true)).toEqual(['snapshot 192.0.2.3 reset'])
  })
})

describe('a change', () => {
  it('of what is no lease is none', () => {
    const { permanent, leases, list, change } = view()
    list(permanent, [])
    list(leases, [])
    const config = { ...entry('', 1, '{}'), key: 'config' }
    expect(change(permanent, config)).toEqual([])
    expect(change(leases, entry('10.0.9.0-24', 1, undefined)), 'it was never there').toEqual([])
  })

  it('that says late that a lease has ended does not end the one that has followed', () => {
    const { permanent, leases, list, change } = view()
    list(permanent, [])
    list(leases, [entry('10.0.1.0-24', 5, lease(1))])
    expect(change(leases, entry('10.0.1.0-24', 4, undefined))).toEqual([])
  })

  it('to what is not a lease ends it, and is reported once', () => {
    const { permanent, leases, list, change, problems } = view()
    list(permanent, [])
    list(leases, [entry('10.0.1.0-24', 1, lease(1))])
    const bad = entry('10.0.1.0-24', 2, 'garbage')
    expect(change(leases, bad)).toEqual(['delete 10.0.1.0/24 192.0.2.1'])
    expect(change(leases, bad)).toEqual([])
    expect(problems).toEqual([
      expect.stringMatching(
        /^key subnets\.10\.0\.1\.0-24 of the bucket net-leases: its value is not a lease: .*; correct or delete it$/,
      ),
    ])
  })
})
