import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

/** The parent of flannel.1. etcd is reached by another interface, which stays. */
const PARENT = 'lan0'

/** A message names a key or a value or two, each of up to 200 characters. */
const MAX_LINE_LENGTH = 1_000

/** Each kind of event: five lines, and a count every 10 s. */
const MAX_LINES = 40

const GARBAGE = 3_000
const PEERS = 1_000

/** This node's subnet lies apart from those of the peers. */
const config = {
  Network: '10.240.0.0/12',
  SubnetMin: '10.240.1.0',
  SubnetMax: '10.240.255.0',
  Backend: { Type: 'vxlan' },
}

test('thousands of records, peers and failures are some dozens of log lines, none of them long', async () => {
  await using rig = await Rig.create(config, { hosts: 1 })
  const host = rig.lab.host(0)
  const addParent = async () => {
    await host.ip('link', 'add', PARENT, 'type', 'veth', 'peer', 'name', 'lan1')
    await host.ip('address', 'add', '192.168.88.1/24', 'dev', PARENT)
    for (const name of [PARENT, 'lan1']) await host.ip('link', 'set', name, 'up')
  }
  const routesReach = (count: number) =>
    until(
      `${count} routes`,
      async () => {
        const routes = await host.ip('route', 'show', 'dev', 'flannel.1').catch(() => '')
        return routes.split('\n').filter((route) => route.includes(' via ')).length === count
          ? true
          : undefined
      },
      { timeoutMs: 20_000 },
    )
  await addParent()
  const agent = rig.start(0, { args: ['-v=0', `--iface=${PARENT}`, '--healthz-port=10256'] })
  await agent.inSync()
  await rig.etcd.putAll(peers(1, PEERS / 2))
  await routesReach(PEERS / 2)
  expect(agent.logs.length).toBeLessThan(8)

  // All at once, while each of 3,000 entries of the kernel fails again and again.
  await host.ip('link', 'delete', PARENT)
  const garbage = Array.from(
    { length: GARBAGE },
    (_, i) => [`garbage-${i}-${'k'.repeat(1_000)}`, 'x'] as const,
  )
  await Promise.all([
    rig.etcd.putAll(peers(PEERS / 2 + 1, PEERS / 2)),
    rig.etcd.putAll(new Map(garbage)),
    (async () => {
      for (let i = 0; i < 10; i += 1) await rig.etcd.put('10.240.250.0-24', 'x'.repeat(1_400_000))
    })(),
    sleep(12_000),
  ])
  expect(await agent.get(10_256, '/healthz')).toMatch(/^200 /)
  await addParent()
  await routesReach(PEERS)
  await agent.stop()

  const lines = agent.output.trimEnd().split('\n')
  expect(lines.length, agent.output).toBeLessThan(MAX_LINES)
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(MAX_LINE_LENGTH)
  const records = agent.logs.filter(({ code }) => code === 'INVALID_LEASE')
  const counts = records.map(({ msg }) => Number(/^(\d+) more records like this/.exec(msg)?.[1] ?? 1))
  expect(counts.filter((count) => count === 1)).toHaveLength(5)
  const reported = counts.reduce((sum, count) => sum + count, 0)
  // Of ten writes of one key, a watch that is cut by so much and lists again sees the last alone.
  expect(reported).toBeGreaterThan(GARBAGE)
  expect(reported).toBeLessThanOrEqual(GARBAGE + 10)
}, 90_000)

/** `count` peers, the first of number `from`. */
function peers(from: number, count: number): Map<string, string> {
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const [high, low] = [(from + i) >> 8, (from + i) & 255]
      const mac = `02:00:00:00:${high.toString(16).padStart(2, '0')}:${low.toString(16).padStart(2, '0')}`
      const record = {
        PublicIP: `192.168.${100 + high}.${low}`,
        BackendType: 'vxlan',
        BackendData: { VNI: 1, VtepMAC: mac },
      }
      return [`10.${241 + high}.${low}.0-24`, JSON.stringify(record)]
    }),
  )
}
