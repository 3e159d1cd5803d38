import { expect, test } from 'vitest'
import type { PathReport } from './path-state.js'
import { ProbeTable, SLOT_MS } from './probe-table.js'

type Way = 'there' | 'back'

/** Two or more tables on a network without a delay, in which one can cut a way from a node to another. */
class Network {
  now = 1_000_000
  readonly tables: readonly ProbeTable[]
  readonly cuts = new Set<string>()
  /** Nodes whose agent does not run: their kernel refuses. */
  readonly silent = new Set<number>()
  readonly sent: number[] = []
  #nonce = 0n

  constructor(nodes: number) {
    let seed = 1
    const random = () => {
      seed = (seed * 16807) % 2147483647
      return seed / 2147483647
    }
    this.tables = Array.from({ length: nodes }, () => new ProbeTable({ random, nonce: () => ++this.#nonce }))
    this.tables.forEach((table, index) => {
      table.setPaths([...this.tables.keys()].filter((other) => other !== index).map(String), this.now)
      this.sent[index] = 0
    })
  }

  run(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += SLOT_MS
      for (const index of this.tables.keys()) this.#turn(index)
    }
  }

  report(from: number, to: number): PathReport | undefined {
    return this.tables[from]?.report(String(to))
  }

  cut(from: number, to: number): void {
    this.cuts.add(`${from}>${to}`)
  }

  #turn(from: number): void {
    if (this.silent.has(from)) return
    const table = this.tables[from]
    for (const { address, nonce, heardAgeMs, connected } of table?.due(this.now) ?? []) {
      this.sent[from] = (this.sent[from] ?? 0) + 1
      const to = Number(address)
      if (this.cuts.has(`${from}>${to}`)) continue
      if (this.silent.has(to)) {
        if (connected && !this.cuts.has(`${to}>${from}`)) table?.refused(address, nonce, this.now)
        continue
      }
      const question = { kind: 'question', nonce, heardAgeMs } as const
      const answer = this.tables[to]?.receive(String(from), question, this.now)
      if (answer !== undefined && !this.cuts.has(`${to}>${from}`)) table?.receive(address, answer, this.now)
    }
  }
}

const healthy = { state: 'reachable', responds: true, rttMs: 0, loss: 0 }

test('peers that answer are reachable, without a loss', () => {
  const network = new Network(3)
  network.run(3_000)
  for (const from of [0, 1, 2]) {
    for (const to of [0, 1, 2]) if (to !== from) expect(network.report(from, to)).toEqual(healthy)
  }
})

test('of one direction of one pair among 50, both ends say within 2 s which it is, and of no other pair', () => {
  const network = new Network(50)
  network.run(5_000)
  for (const table of network.tables) table.takeChanges()
  network.cut(7, 23)
  network.run(2_000)
  expect(network.report(7, 23)).toMatchObject({ state: 'unreachable', direction: 'outbound' })
  expect(network.report(23, 7)).toMatchObject({ state: 'unreachable', direction: 'inbound' })
  const changed = network.tables.flatMap((table, from) =>
    table.takeChanges().map(({ address }) => `${from} ${address}`),
  )
  expect(new Set(changed)).toEqual(new Set(['7 23', '23 7']))
})

test('a peer that is cut off both ways is silent to both, and is back with its first answer', () => {
  const network = new Network(3)
  network.run(3_000)
  network.cut(0, 1)
  network.cut(1, 0)
  network.run(2_000)
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ] as const) {
    expect(network.report(from, to)).toMatchObject({ state: 'unreachable', direction: 'inbound' })
  }
  network.run(60_000)
  network.cuts.clear()
  network.run(1_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'reachable' })
  expect(network.report(1, 0)).toMatchObject({ state: 'reachable' })
})

test('what was lost before a peer first answered is no loss of its path', () => {
  const network = new Network(2)
  network.cut(0, 1)
  network.run(2_000)
  expect(network.report(0, 1)?.loss).toBe(1)
  network.cuts.clear()
  network.run(2_000)
  expect(network.report(0, 1)).toEqual(healthy)
  network.cut(0, 1)
  network.run(400)
  network.cuts.clear()
  network.run(1_000)
  expect(network.report(0, 1)?.loss).toBeGreaterThan(0)
})

test('two losses in a row change nothing but the share of losses', () => {
  const network = new Network(2)
  network.run(3_000)
  network.cut(0, 1)
  network.run(700)
  network.cuts.clear()
  network.run(500)
  const report = network.report(0, 1)
  expect(report).toMatchObject({ state: 'reachable' })
  expect(report?.loss).toBeGreaterThan(0)
  expect(network.tables[0]?.takeChanges().map(({ report: { state } }) => state)).toEqual(['reachable'])
})

test('a direction that heals and another that breaks are told apart', () => {
  const network = new Network(2)
  network.run(3_000)
  network.cut(0, 1)
  network.run(2_000)
  expect(network.report(0, 1)).toMatchObject({ direction: 'outbound' })
  network.cuts.clear()
  network.cut(1, 0)
  network.run(4_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'unreachable', direction: 'inbound' })
  expect(network.report(1, 0)).toMatchObject({ state: 'unreachable', direction: 'outbound' })
})

test('a peer without a responder is reachable while its kernel refuses, and its direction is unknown once it does not', () => {
  const network = new Network(2)
  network.silent.add(1)
  network.run(4_000)
  expect(network.report(0, 1)).toEqual({ state: 'reachable', responds: false, rttMs: undefined, loss: 0 })
  network.cut(1, 0)
  network.run(6_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'unreachable', direction: 'unknown', responds: false })
})

test('an agent that ends leaves its host reachable, and one that comes back is not called deaf', () => {
  const network = new Network(2)
  network.run(3_000)
  network.silent.add(1)
  network.run(10_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'reachable', responds: false })
  network.silent.delete(1)
  network.tables[1]?.setPaths([], network.now)
  network.tables[1]?.setPaths(['0'], network.now)
  network.tables[0]?.takeChanges()
  network.run(4_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'reachable', responds: true })
  expect(network.tables[0]?.takeChanges()).toEqual([])
})

test('a peer that has never answered is unknown, however long, and not called unreachable', () => {
  const network = new Network(2)
  network.silent.add(1)
  network.cut(0, 1)
  network.run(60_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'unknown', loss: 1 })
})

test('one that was never reached, but asks, names the direction', () => {
  const network = new Network(2)
  network.cut(0, 1)
  network.run(6_000)
  expect(network.report(0, 1)).toMatchObject({ state: 'unreachable', direction: 'outbound' })
})

test.each(['there', 'back'] satisfies Way[])(
  '5,000 peers that all stop answering cost no more than 160 probes a second (%s)',
  (way) => {
    const table = new ProbeTable({ random: Math.random, nonce: () => 1n })
    const addresses = Array.from({ length: 5_000 }, (_, index) => `${index}`)
    let now = 0
    table.setPaths(addresses, now)
    let most = 0
    for (let second = 0; second < 300; second += 1) {
      let sent = 0
      for (let slot = 0; slot < 1000 / SLOT_MS; slot += 1) {
        now += SLOT_MS
        const probes = table.due(now)
        sent += probes.length
        if (way === 'there' || second > 120) continue
        for (const { address, nonce } of probes) {
          table.receive(address, { kind: 'answer', nonce, heardAgeMs: 0 }, now)
        }
      }
      most = Math.max(most, sent)
    }
    expect(most).toBeGreaterThan(16)
    expect(most).toBeLessThanOrEqual(160)
  },
)

test('what was not asked for, comes from elsewhere, or too often, is dropped and counted', () => {
  const table = new ProbeTable({ random: () => 0, nonce: () => 5n })
  table.setPaths(['a'], 0)
  expect(table.due(60)).toEqual([{ address: 'a', nonce: 5n, heardAgeMs: 60, connected: false }])
  const question = { kind: 'question', nonce: 9n, heardAgeMs: 0 } as const
  expect(table.receive('b', question, 61)).toBeUndefined()
  expect(table.receive('a', { kind: 'answer', nonce: 6n, heardAgeMs: 0 }, 61)).toBeUndefined()
  expect(table.report('a')).toMatchObject({ state: 'unknown' })
  expect(table.receive('a', question, 62)).toEqual({ kind: 'answer', nonce: 9n, heardAgeMs: 0 })
  expect(table.receive('a', question, 63)).toBeUndefined()
  expect(table.dropped).toEqual({ 'unknown-source': 1, unexpected: 1, 'too-many': 1 })
  table.receive('a', { kind: 'answer', nonce: 5n, heardAgeMs: 0 }, 64)
  expect(table.report('a')).toMatchObject({ state: 'reachable', rttMs: 4 })
  table.refused('a', 5n, 65)
  table.setPaths([], 66)
  expect(table.report('a')).toBeUndefined()
  expect(table.due(10_000)).toEqual([])
})
