import { isOverlayError, type LeaseAttributes } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { KubeCluster, leakWarnings } from '@selvedge/lab'
import { KubeSubnetManager, type KubeSubnetManagerOptions } from '@selvedge/store-kube'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectorFor } from '../../src/auth/index.js'
import { KubeApi } from '../../src/client/kube-api.js'
import { NodeDecoder } from '../../src/client/node-codec.js'
import { reflectNodes } from '../../src/client/reflector.js'
import { annotate, createNode, deleteNode, joined } from '../support/nodes.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { Watching } from '../support/watching.js'

const attributes: LeaseAttributes = { publicIp: '192.0.2.1', backendType: 'host-gw' }
const own = { '10.0.1.0-24': '192.0.2.1' }

let cluster: KubeCluster
let proxy: TcpProxy
const open: KubeSubnetManager[] = []
const watches: Watching[] = []

beforeAll(async () => {
  cluster = await KubeCluster.start()
})

afterAll(() => cluster.stop())

beforeEach(async () => {
  proxy = await TcpProxy.start(cluster.url)
  await createNode(cluster, 'worker-1', { podCidr: '10.0.1.0/24' })
})

afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.stop()
  for (const manager of open.splice(0)) await manager[Symbol.asyncDispose]()
  await proxy.stop()
  await cluster.removeNodes()
})

function connect(options: Partial<KubeSubnetManagerOptions> = {}): KubeSubnetManager {
  const manager = new KubeSubnetManager({
    access: { apiUrl: proxy.url, caFile: cluster.authority.certFile, tokenFile: cluster.tokenFile },
    node: 'worker-1',
    networkConfig: { Network: '10.0.0.0/8' },
    ...options,
  })
  open.push(manager)
  return manager
}

async function join(options: Partial<KubeSubnetManagerOptions> = {}) {
  const manager = connect(options)
  const lease = await manager.acquireLease({ attributes })
  const watching = new Watching(manager)
  watches.push(watching)
  await watching.until('its own lease', () => watching.leases.size === 1)
  return { manager, lease, watching }
}

const peer = (n: number) =>
  createNode(cluster, `peer-${n}`, { podCidr: podCidr(n), annotations: joined(address(n)) })
const podCidr = (n: number) => `10.${1 + (n >> 8)}.${n & 255}.0/24`
const address = (n: number) => `198.18.${n >> 8}.${n & 255}`

const shows = (watching: Watching, addresses: Record<string, string>) =>
  watching.until(
    JSON.stringify(addresses),
    () => JSON.stringify(watching.addresses) === JSON.stringify(addresses),
    60_000,
  )

test('an API server is killed and started again: leases stay, errors are reported, no event is missed', async () => {
  const { manager, lease, watching } = await join()
  await peer(2)
  await shows(watching, { ...own, '10.1.2.0-24': address(2) })
  await cluster.stopApiServer()
  await watching.until('an error', () => watching.errors.length > 0)
  expect(watching.errors.every((error) => isOverlayError(error, 'STORE_UNAVAILABLE'))).toBe(true)
  expect(watching.addresses).toEqual({ ...own, '10.1.2.0-24': address(2) })
  await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(manager.status.error).toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await cluster.startApiServer()
  await peer(3)
  await deleteNode(cluster, 'peer-2')
  await shows(watching, { ...own, '10.1.3.0-24': address(3) })
  await manager.renewLease(lease)
  expect(manager.status.error).toBeUndefined()
})

test('a connection breaks: the watch continues where it was, without another list', async () => {
  const { manager, watching } = await join()
  const { lists, watches } = manager.status
  proxy.cut()
  await peer(2)
  await peer(3)
  await deleteNode(cluster, 'peer-2')
  await watching.until('an error', () => watching.errors.length > 0)
  proxy.restore()
  await shows(watching, { ...own, '10.1.3.0-24': address(3) })
  expect(manager.status.lists).toBe(lists)
  expect(manager.status.watches).toBeGreaterThan(watches)
  expect(watching.snapshots).toBe(1)
})

test('a watch without events after an outage reports that it has recovered', async () => {
  const { manager, watching } = await join()
  proxy.cut()
  await watching.until('an error', () => watching.errors.length > 0)
  proxy.restore()
  await watching.until('a recovery', () => watching.recoveries === 1)
  expect([watching.snapshots, manager.status.error]).toEqual([1, undefined])
})

test('the history is compacted during an outage: 410, then one list', async () => {
  const { manager, watching } = await join()
  await peer(2)
  await peer(3)
  await watching.until('two peers', () => watching.leases.size === 3)
  const { lists } = manager.status
  proxy.cut()
  await annotate(cluster, 'peer-2', { 'public-ip': '198.18.9.9' })
  await deleteNode(cluster, 'peer-3')
  await peer(4)
  await cluster.compact()
  // Its memory of the history goes with it.
  await cluster.stopApiServer()
  await cluster.startApiServer()
  proxy.restore()
  await shows(watching, { ...own, '10.1.2.0-24': '198.18.9.9', '10.1.4.0-24': address(4) })
  expect(watching.snapshots).toBe(2)
  expect(manager.status.lists).toBe(lists + 1)
})

test('etcd is wiped: another history, in which nodes are missing, and which is followed at once', async () => {
  const { watching } = await join()
  await peer(2)
  await peer(3)
  await watching.until('two peers', () => watching.leases.size === 3)
  // A new etcd takes a while to come to a version that was seen before.
  await Promise.all(
    Array.from({ length: 300 }, (_, n) => annotate(cluster, 'peer-2', { 'public-ip': address(n) })),
  )
  await cluster.wipe()
  await createNode(cluster, 'worker-1', { podCidr: '10.0.1.0/24', annotations: joined('192.0.2.1') })
  await watching.until('another history', () => watching.resets === 1, 60_000)
  await peer(4)
  await shows(watching, { ...own, '10.1.4.0-24': address(4) })
})

test('a silent watch, or one whose connection alone is dead, is restarted without a failure', async () => {
  const { manager, watching } = await join({ watchTimeoutMs: 1_500 })
  const { lists, watches } = manager.status
  await watching.until('a new watch', () => manager.status.watches > watches)
  const { asOf = 0 } = manager.status
  await watching.until('its start', () => (manager.status.asOf ?? 0) > asOf)
  proxy.freeze()
  await peer(2)
  proxy.restore()
  await shows(watching, { ...own, '10.1.2.0-24': address(2) })
  expect([manager.status.lists, watching.snapshots, watching.errors]).toEqual([lists, 1, []])
})

test('a balancer cuts idle watches: each is restarted at once, and no peer is late', async () => {
  proxy.closeIdleAfter(1_500)
  const cuts: Error[] = []
  const { manager, watching } = await join({ onWatchCut: (error) => cuts.push(error) })
  const { lists } = manager.status
  for (let n = 2; n <= 5; n += 1) {
    await watching.until('another cut', () => cuts.length === n - 1)
    await peer(n)
    await watching.until(`peer ${n}`, () => watching.leases.size === n, 1_000)
  }
  expect([manager.status.lists, watching.snapshots, watching.errors]).toEqual([lists, 1, []])
  expect(manager.status.error).toBeUndefined()
})

test('a watch starts from the last bookmark', async () => {
  const connector = connectorFor({
    apiUrl: cluster.url,
    caFile: cluster.authority.certFile,
    tokenFile: cluster.tokenFile,
  })
  const api = new KubeApi(connector)
  const positions: number[] = []
  let heard = 0
  const abort = new AbortController()
  const reflecting = reflectNodes({
    api: {
      read: (request, reader) => api.read(request, reader),
      stream: (request, reader) => {
        positions.push(Number(/resourceVersion=(\d+)/.exec(request.path)?.[1]))
        return api.stream(request, reader)
      },
    },
    decoder: new NodeDecoder('flannel.alpha.coreos.com/'),
    clock: systemClock,
    // Watches of 6 s rather than 5 to 10 minutes: an API server of 1.20 sends a bookmark 2 s before their end.
    random: () => -0.98,
    signal: abort.signal,
    only: 'worker-1',
    firstList: { type: 'quorum' },
    requestTimeoutMs: 10_000,
    watchIdleTimeoutMs: 90_000,
    observer: {
      heard: () => heard++,
      requested() {},
      cut() {},
      failed: (error) => expect.unreachable(error.message),
    },
  })
  expect(await reflecting.next()).toMatchObject({ value: { type: 'list', nodes: [{ name: 'worker-1' }] } })
  const rest = reflecting.next()
  await expect.poll(() => heard, { message: 'the list, and the start of the watch' }).toBe(2)
  const { metadata } = await peer(2)
  await expect.poll(() => positions.length, { timeout: 30_000 }).toBe(2)
  expect(positions[1]).toBeGreaterThanOrEqual(Number(metadata.resourceVersion))
  abort.abort()
  expect((await rest).done).toBe(true)
  api.close()
})

test('a link goes silent: a timeout finds it', async () => {
  const { manager, watching } = await join({ watchTimeoutMs: 2_000, requestTimeoutMs: 1_000 })
  proxy.freeze()
  await watching.until('an error', () =>
    watching.errors.some(({ message }) => message.includes('no answer for 1 s')),
  )
  const before = performance.now()
  await expect(manager.acquireLease({ attributes })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(performance.now() - before).toBeLessThan(5_000)
  await peer(2)
  proxy.restore()
  await shows(watching, { ...own, '10.1.2.0-24': address(2) })
})

test('an API server hangs: a timeout finds it, and SIGCONT is enough', async () => {
  const { watching } = await join({ watchTimeoutMs: 2_000, requestTimeoutMs: 1_000 })
  cluster.signalApiServer('SIGSTOP')
  try {
    await watching.until('an error', () => watching.errors.length > 0)
  } finally {
    cluster.signalApiServer('SIGCONT')
  }
  await peer(2)
  await shows(watching, { ...own, '10.1.2.0-24': address(2) })
})

test('an API server is away at the start: calls fail soon, and a watch waits for it', async () => {
  proxy.cut()
  const manager = connect()
  const before = performance.now()
  await expect(manager.acquireLease({ attributes })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(performance.now() - before).toBeLessThan(2_000)
  expect((await manager.getNetworkConfig()).ipv4?.network).toBe('10.0.0.0/8')
  const watching = new Watching(manager)
  watches.push(watching)
  await watching.until('errors', () => watching.errors.length >= 2)
  proxy.restore()
  await manager.acquireLease({ attributes })
  await shows(watching, own)
})

test('2,000 nodes register in a burst: one watch yields all, without another list', async () => {
  const { manager, watching } = await join()
  const { lists } = manager.status
  let next = 2
  const register = async () => {
    for (let n = next++; n <= 2_001; n = next++) await peer(n)
  }
  await Promise.all(Array.from({ length: 16 }, register))
  await watching.until('2,001 leases', () => watching.leases.size === 2_001, 60_000)
  expect(watching.addresses[`${podCidr(2_001).replace('/', '-')}`]).toBe(address(2_001))
  expect([manager.status.lists, watching.snapshots, watching.errors]).toEqual([lists, 1, []])

  const reader = connect({ node: 'observer', firstList: 'quorum' })
  const paged = new Watching(reader)
  watches.push(paged)
  await paged.until('a snapshot', () => paged.snapshots === 1)
  expect(paged.addresses).toEqual(watching.addresses)
  expect(reader.status.lists).toBe(Math.ceil(2_001 / 500))
})

test('a slow consumer misses none of 500 changes', async () => {
  const { manager } = await join()
  const abort = new AbortController()
  const seen = new Set<string>()
  const events = manager.watchLeases({ signal: abort.signal })
  await events.next()
  await Promise.all(Array.from({ length: 500 }, (_, index) => peer(index + 2)))
  for await (const event of events) {
    const leases = event.type === 'snapshot' ? event.leases : [event.lease]
    for (const lease of leases) seen.add(String(lease.attributes.publicIp))
    if (seen.size >= 500 && seen.has(address(501))) break
  }
  expect([...Array(500).keys()].every((index) => seen.has(address(index + 2)))).toBe(true)
  abort.abort()
})

test('a hundred calls at once: Node.js warns of no leak', async () => {
  const { manager, lease } = await join()
  const calls = () => Promise.all(Array.from({ length: 100 }, () => manager.renewLease(lease)))
  expect(await leakWarnings(calls)).toEqual([])
})
