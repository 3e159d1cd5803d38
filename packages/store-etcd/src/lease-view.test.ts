import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { IKeyValue } from 'etcd3'
import { describe, expect, it } from 'vitest'
import { NetworkKeys } from './keys.js'
import { LeaseView } from './lease-view.js'

const keys = new NetworkKeys('/n')
const GOOD = '{"PublicIP":"192.0.2.1"}'

const stored = (name: string, value: string, mod_revision = '1'): IKeyValue => ({
  key: Buffer.from(`/n/subnets/${name}`),
  value: Buffer.from(value),
  create_revision: '1',
  mod_revision,
  version: '1',
  lease: '0',
})

function view() {
  const problems: string[] = []
  const leases = new LeaseView(keys, (error) => problems.push(error.message))
  const list = (...all: IKeyValue[]) =>
    [...leases.apply({ type: 'list', keys: all, isReset: false })].map(show)
  const change = (type: 'Put' | 'Delete', kv: IKeyValue) =>
    [...leases.apply({ type: 'events', events: [{ type, kv }] })].map(show)
  return { leases, list, change, problems }
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

type Shown = ReturnType<LeaseView['apply']> extends Generator<infer Event> ? Event : never

const show = (event: Shown): string =>
  event.type === 'snapshot'
    ? `snapshot ${event.leases.map(({ subnet }) => subnet).join(' ')}`
    : `${event.type} ${event.lease.subnet} of ${event.lease.attributes.publicIp}`

describe('LeaseView', () => {
  it('says that etcd was reset', () => {
    const { leases } = view()
    const keys = [stored('10.1.1.0-24', GOOD)]
    expect([...leases.apply({ type: 'list', keys, isReset: true })]).toMatchObject([
      { type: 'snapshot', storeWasReset: true },
    ])
    expect([...leases.apply({ type: 'list', keys, isReset: false })][0]).not.toHaveProperty('storeWasReset')
  })

  it('reports a deleted lease with its last attributes', () => {
    const { list, change } = view()
    expect(list(stored('10.1.1.0-24', GOOD))).toEqual(['snapshot 10.1.1.0/24'])
    expect(change('Delete', stored('10.1.1.0-24', '', '2'))).toEqual(['delete 10.1.1.0/24 of 192.0.2.1'])
    expect(change('Delete', stored('10.1.1.0-24', '', '3'))).toEqual([])
  })

  it('quotes a key safely, and 200 characters of it', () => {
    const { list, problems } = view()
    list(stored(`\u001b[2J\u009b\n${'x'.repeat(3_000)}`, GOOD))
    expect(problems[0]).toMatch(
      /^etcd key \/n\/subnets\/\\u001b\[2J\\u009b\\u000ax{194}…: its key names no subnet/,
    )
  })

  it('reports a bad record once, also over another list, and again when it is written again', () => {
    const { list, change, problems } = view()
    expect(list(stored('10.1.1.0-24', GOOD), stored('10.1.2.0-24', 'bad'))).toEqual(['snapshot 10.1.1.0/24'])
    list(stored('10.1.2.0-24', 'bad'))
    expect(problems).toEqual([
      expect.stringMatching(/^etcd key \/n\/subnets\/10\.1\.2\.0-24: its value is not a lease/),
    ])
    expect(change('Put', stored('10.1.2.0-24', 'bad', '2'))).toEqual([])
    expect(problems).toHaveLength(2)
    list()
    list(stored('10.1.2.0-24', 'bad', '3'))
    expect(problems).toHaveLength(3)
  })

  it('reports each of several that one transaction writes, and all again after a reset', () => {
    const { leases, problems } = view()
    const bad = ['10.1.1.0-24', '10.1.2.0-24'].map((name) => stored(name, 'bad', '7'))
    void [...leases.apply({ type: 'events', events: bad.map((kv) => ({ type: 'Put', kv })) })]
    expect(problems).toHaveLength(2)
    const restored = bad.map((kv) => ({ ...kv, mod_revision: '3' }))
    void [...leases.apply({ type: 'list', keys: restored, isReset: true })]
    expect(problems).toHaveLength(4)
    void [...leases.apply({ type: 'list', keys: restored, isReset: false })]
    expect(problems).toHaveLength(4)
  })

  it('remembers nothing of 10,000 keys that are no leases', () => {
    let errors = 0
    const leases = new LeaseView(keys, () => {
      errors += 1
    })
    const before = heapUsed()
    for (let batch = 0; batch < 10; batch += 1) {
      const events = Array.from({ length: 1_000 }, (_, i) => {
        const kv = stored(`${'g'.repeat(2_000)}${batch}-${i}`, 'x', `${batch * 1_000 + i + 1}`)
        return { type: 'Put' as const, kv }
      })
      void [...leases.apply({ type: 'events', events })]
    }
    expect(errors).toBe(10_000)
    // Their keys alone would be 20 MB.
    expect(heapUsed() - before).toBeLessThan(5 << 20)
  })

  it('ends a lease that is overwritten with something else', () => {
    const { list, change } = view()
    list(stored('10.1.1.0-24', GOOD))
    expect(change('Put', stored('10.1.1.0-24', '[]', '2'))).toEqual(['delete 10.1.1.0/24 of 192.0.2.1'])
    expect(change('Put', stored('10.1.1.0-24', GOOD, '3'))).toEqual(['put 10.1.1.0/24 of 192.0.2.1'])
  })
})
