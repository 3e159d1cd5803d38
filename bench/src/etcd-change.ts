import { createInterface } from 'node:readline'
import { KernelMonitor, until } from '@selvedge/lab'
import { IN_SYNC } from './agent.js'
import { EtcdLab } from './etcd-lab.js'
import { percentile } from './median.js'
import { peerLease } from './peers.js'

/** How soon a lease's put or delete in etcd becomes a route's change in the kernel. Milliseconds. */
export interface EtcdChange {
  readonly peers: number
  readonly changes: number
  /** From the request to etcd until the kernel's notification of the route. */
  readonly p50: number
  readonly p99: number
  /** From the request to etcd until etcd's answer: this much of it is etcd's own. */
  readonly etcdP50: number
  readonly etcdP99: number
}

const CHANGES = 300

/** One change after the other: each is requested after the kernel's notification of the one before. */
export async function measureEtcdChange(peers: number, signal: AbortSignal): Promise<EtcdChange> {
  await using lab = await EtcdLab.create(peers, signal)
  const agent = lab.startAgent()
  await agent.logged(IN_SYNC)
  await using monitor = await KernelMonitor.start(lab.host)
  const client = lab.startClient('change', CHANGES)
  const lines: string[] = []
  createInterface(client.stdout).on('line', (line) => lines.push(line))
  client.stderr.pipe(process.stderr)
  await until('the client to be ready', () => lines.length > 0 || undefined)
  const { subnet } = peerLease(65_000)
  const notified: number[] = []
  for (let read = 0; notified.length < CHANGES; ) {
    client.kill('SIGUSR2')
    const change = await until(
      "the kernel's notification of a change",
      () => {
        const { events } = monitor
        while (read < events.length) {
          const { text = '', time = Number.NaN } = events[read] ?? {}
          read += 1
          if (text.replace('Deleted ', '').startsWith(`${subnet} `)) return time
        }
        return undefined
      },
      { intervalMs: 1 },
    )
    notified.push(change)
    await until('etcd to answer', () => lines.length > notified.length || undefined, { intervalMs: 1 })
  }
  await agent.stop()
  const changes = lines.slice(1).map((line) => JSON.parse(line) as { requested: number; answered: number })
  const delays = changes.map(({ requested }, index) => (notified[index] ?? Number.NaN) - requested)
  const answers = changes.map(({ requested, answered }) => answered - requested)
  return {
    peers,
    changes: CHANGES,
    p50: percentile(delays, 0.5),
    p99: percentile(delays, 0.99),
    etcdP50: percentile(answers, 0.5),
    etcdP99: percentile(answers, 0.99),
  }
}
