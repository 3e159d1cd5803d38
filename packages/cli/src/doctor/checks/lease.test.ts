import { readCommandLine } from '@selvedge/agent'
import { expect, test } from 'vitest'
import type { Facts } from '../facts/facts.js'
import { leaseChecks, leaseText, leaseTimes } from './lease.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOW = 100 * 24 * HOUR

interface Case {
  /** Of this host's lease; undefined: the store does not say. */
  readonly left?: number | undefined
  /** Of peers' leases. */
  readonly peers?: readonly (number | undefined)[]
  readonly flags?: readonly string[]
  readonly agent?: 'answers' | 'absent'
  readonly storeFails?: boolean
}

const leaseOf = (key: string, left: number | undefined) => ({
  key,
  publicIp: '192.0.2.9',
  expiresAt: left === undefined ? undefined : NOW + left,
})

function factsOf({ left, peers = [], flags = [], agent = 'answers', storeFails = false }: Case): Facts {
  const command = readCommandLine([...flags], { NODE_NAME: 'n' })
  if (command.type !== 'run') throw new Error('a command line of flags asks for a run')
  const own = { key: '10.5.1.0-24', subnet: '10.5.1.0/24' }
  return {
    now: NOW,
    settings: command.settings,
    agent:
      agent === 'absent' ? { state: 'absent' } : { state: 'answers', page: { store: { connected: true } } },
    store: storeFails
      ? { state: 'failed' }
      : {
          state: 'answers',
          leases: [leaseOf(own.key, left), ...peers.map((each, n) => leaseOf(`10.5.${n + 2}.0-24`, each))],
        },
    desired: { source: 'plan', page: { own: own.key, leases: [own] } },
  } as unknown as Facts
}

const textOf = (given: Case): string | undefined => {
  const facts = factsOf(given)
  const times = leaseTimes(facts)
  return times && leaseText(facts, times)
}

test.each<[name: string, given: Case, text: string]>([
  [
    'of etcd',
    { left: 20 * HOUR },
    'lease 10.5.1.0-24: renewed 4h ago, ends in 20h; the next renewal in 19h, with 120 attempts before it ends',
  ],
  [
    'that is due',
    { left: 50 * MINUTE },
    'lease 10.5.1.0-24: renewed 23h 10m ago, ends in 50m; the next renewal is due, with 120 attempts before it ends',
  ],
  [
    'with a margin of its own',
    { left: 20 * HOUR, flags: ['--subnet-lease-renew-margin=1'] },
    'lease 10.5.1.0-24: renewed 4h ago, ends in 20h; the next renewal in 19h 59m, with 2 attempts before it ends',
  ],
  [
    'that no agent renews',
    { left: 20 * HOUR, agent: 'absent' },
    'lease 10.5.1.0-24: renewed 4h ago, ends in 20h; no agent renews it',
  ],
  [
    'that has ended',
    { left: -2 * HOUR, agent: 'absent' },
    'lease 10.5.1.0-24: renewed 1d 2h ago, ended 2h ago; no agent renews it',
  ],
  [
    'that another program has made longer',
    { left: 48 * HOUR },
    'lease 10.5.1.0-24: ends in 2d; the next renewal in 1d 23h, with 120 attempts before it ends',
  ],
  ['that is reserved', {}, 'lease 10.5.1.0-24: without an end, such as one that is reserved'],
  [
    'of Kubernetes',
    { flags: ['--kube-subnet-mgr', '--kube-api-url=https://192.0.2.1:6443'] },
    'lease 10.5.1.0-24: without an end, as long as its Node',
  ],
  [
    'of a store that does not answer',
    { storeFails: true },
    'lease 10.5.1.0-24: its end is not known, since the store does not answer',
  ],
])('a lease %s', (_, given, text) => {
  expect(textOf(given)).toBe(text)
})

const findings = (given: Case) =>
  leaseChecks.flatMap(({ id, find }) => find(factsOf(given)).map((each) => `${id}: ${each.what}`))

test.each<[name: string, given: Case, found: readonly string[]]>([
  ['a lease in the middle of its time', { left: 10 * HOUR, peers: [10 * HOUR, undefined] }, []],
  ['one that is due, and was just tried', { left: 50 * MINUTE, peers: [50 * MINUTE] }, []],
  [
    'one that is late, beside an agent that has the store',
    { left: 20 * MINUTE },
    [
      'store.lease-overdue: the lease 10.5.1.0-24 ends in 20m, and its renewal has been due for 40m: the agent does not get to renew it',
    ],
  ],
  [
    'one without an agent',
    { left: 40 * MINUTE, agent: 'absent' },
    [
      'store.lease-overdue: the lease 10.5.1.0-24 ends in 40m, and its renewal has been due for 20m: no agent runs that renews it',
    ],
  ],
  [
    'short leases, which are renewed all the time',
    { left: 1_000, peers: [1_000], flags: ['--subnet-lease-renew-margin=1'] },
    [],
  ],
  ['one that ends at once is store.lease-ends', { left: 5 * MINUTE, agent: 'absent' }, []],
  [
    'peers that are late',
    { left: 10 * HOUR, peers: [10 * HOUR, 40 * MINUTE, -MINUTE] },
    [
      "store.peers-overdue: 2 peers' leases end soon, and no agent renews them: 10.5.4.0-24 of 192.0.2.9 in 0s, 10.5.3.0-24 of 192.0.2.9 in 40m",
    ],
  ],
])('%s', (_, given, found) => {
  expect(findings(given)).toEqual(found)
})
