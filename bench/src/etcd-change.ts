import { KernelMonitor, until } from '@selvedge/lab'
import { EtcdLab } from './etcd-lab.js'
import { peerLease } from './peers.js'

/** How soon a lease's put or delete in etcd is a route's change in the kernel. Milliseconds. */
export interface EtcdChange {
  readonly peers: number
  readonly changes: number
  readonly p50: number
  readonly p99: number
}

const CHANGES = 300

/** Timed from the request to etcd until the kernel tells of the route, so etcd's own share is in it. */
export async function measureEtcdChange(peers: number, signal: AbortSignal): Promise<EtcdChange> {
  await using lab = await EtcdLab.create(peers, signal)
  const agent = lab.startAgent()
  await agent.said('in sync')
  await using monitor = await KernelMonitor.start(lab.host)
  const askedAt = await lab.client<number[]>('change', CHANGES)
  const route = new RegExp(`^(Deleted )?${peerLease(65_000).subnet} `)
  const changedAt = await until('the kernel to tell of every change', () => {
    const told = monitor.events.filter(({ text }) => route.test(text)).map(({ time }) => time)
    return told.length >= CHANGES ? told : undefined
  })
  if (changedAt.length > CHANGES)
    throw new Error(`the kernel told of ${changedAt.length} changes, not ${CHANGES}`)
  await agent.stop()
  const delays = askedAt.map((time, index) => (changedAt[index] ?? Number.NaN) - time).sort((a, b) => a - b)
  const percentile = (share: number) => delays[Math.ceil(delays.length * share) - 1] ?? Number.NaN
  return { peers, changes: CHANGES, p50: percentile(0.5), p99: percentile(0.99) }
}
