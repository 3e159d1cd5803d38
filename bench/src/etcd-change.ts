import { KernelMonitor, until } from '@selvedge/lab'
import { EtcdLab } from './etcd-lab.js'
import { percentile } from './median.js'
import { peerLease } from './peers.js'

/** How soon a lease's put or delete in etcd is a route's change in the kernel. Milliseconds. */
export interface EtcdChange {
  readonly peers: number
  /** How many of 300 the kernel told of: one that the next overtakes is none. */
  readonly changes: number
  /** From the request to etcd until the kernel tells of the route. */
  readonly p50: number
  readonly p99: number
  /** From the request to etcd until etcd has answered that it is stored: that much of it is etcd's own. */
  readonly etcdP50: number
  readonly etcdP99: number
}

const CHANGES = 300

export async function measureEtcdChange(peers: number, signal: AbortSignal): Promise<EtcdChange> {
  await using lab = await EtcdLab.create(peers, signal)
  const agent = lab.startAgent()
  await agent.said('in sync')
  await using monitor = await KernelMonitor.start(lab.host)
  const changes = await lab.client<{ asked: number; answered: number }[]>('change', CHANGES)
  const { subnet } = peerLease(65_000)
  const told = () =>
    monitor.events.filter(({ text }) => text.replace('Deleted ', '').startsWith(`${subnet} `))
  await until('the kernel to tell of the last change', () =>
    told().some(({ time }) => time > (changes.at(-1)?.asked ?? Number.NaN)),
  )
  await agent.stop()
  const delays = changes.flatMap(({ asked }, index) => {
    const next = changes[index + 1]?.asked ?? Number.POSITIVE_INFINITY
    // A change that the next one has overtaken is none to the kernel.
    const change = told().find(({ time }) => time > asked && time < next)
    return change === undefined ? [] : change.time - asked
  })
  const answers = changes.map(({ asked, answered }) => answered - asked)
  return {
    peers,
    changes: delays.length,
    p50: percentile(delays, 0.5),
    p99: percentile(delays, 0.99),
    etcdP50: percentile(answers, 0.5),
    etcdP99: percentile(answers, 0.99),
  }
}
