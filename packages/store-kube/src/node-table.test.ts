import { type LeaseEvent, leaseKey, parseNetworkConfig } from '@selvedge/core'
import { enabledFamilies } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import type { NodeRecord } from './client/node-record.js'
import { leaseOfNode } from './node-lease.js'
import { NodeTable } from './node-table.js'

const families = enabledFamilies(parseNetworkConfig({ Network: '10.244.0.0/16' }))

function table() {
  const faults: string[] = []
  const nodes = new NodeTable({
    leaseOf: (node) => leaseOfNode(node, families),
    onInvalid: ({ message }) => faults.push(message),
  })
  const put = (node: NodeRecord) => nodes.take({ type: 'put', node }).map(shown)
  const remove = (node: NodeRecord) => nodes.take({ type: 'delete', node }).map(shown)
  const list = (...all: NodeRecord[]) => nodes.take({ type: 'list', nodes: all }).map(shown)
  return { nodes, faults, put, remove, list }
}

const shown = (event: LeaseEvent): string =>
  event.type === 'snapshot'
    ? `snapshot ${event.leases.map((lease) => `${leaseKey(lease)} ${lease.attributes.publicIp}`).join(', ')}`.trim()
    : `${event.type} ${leaseKey(event.lease)} ${event.lease.attributes.publicIp}`

/** Node n, of the PodCIDR 10.244.n.0/24 by default. */
function node(n: number, { subnet = n, ip = `192.0.2.${n}`, managed = 'true' } = {}): NodeRecord {
  return {
    name: `node-${n}`,
    uid: `${n}`,
    resourceVersion: '1',
    created: n,
    podCidrs: [`10.244.${subnet}.0/24`],
    annotations: { 'kube-subnet-manager': managed, 'backend-type': 'host-gw', 'public-ip': ip },
  }
}

test('yields events for changed leases, and none for a kubelet that updates its Node', () => {
  const { put, remove, list } = table()
  expect(list(node(1), node(2))).toEqual(['snapshot 10.244.1.0-24 192.0.2.1, 10.244.2.0-24 192.0.2.2'])
  expect(put({ ...node(1), resourceVersion: '2' })).toEqual([])
  expect(put(node(3))).toEqual(['put 10.244.3.0-24 192.0.2.3'])
  expect(put(node(3, { ip: '192.0.2.33' }))).toEqual(['put 10.244.3.0-24 192.0.2.33'])
  expect(remove(node(3))).toEqual(['delete 10.244.3.0-24 192.0.2.33'])
  expect(remove(node(3))).toEqual([])
})

test('deletes the lease of a node that leaves the network or loses its annotations, until it is back', () => {
  const { put } = table()
  put(node(1))
  expect(put(node(1, { managed: 'false' }))).toEqual(['delete 10.244.1.0-24 192.0.2.1'])
  expect(put({ ...node(1), annotations: {} })).toEqual([])
  expect(put(node(1))).toEqual(['put 10.244.1.0-24 192.0.2.1'])
})

test('deletes the old lease of a node that was created again with another PodCIDR', () => {
  const { put } = table()
  put(node(1))
  expect(put(node(1, { subnet: 9 }))).toEqual([
    'delete 10.244.1.0-24 192.0.2.1',
    'put 10.244.9.0-24 192.0.2.1',
  ])
})

test('yields a snapshot for a list after a gap', () => {
  const { put, list } = table()
  list(node(1), node(2))
  put(node(3))
  expect(list(node(2, { ip: '192.0.2.22' }), node(3))).toEqual([
    'snapshot 10.244.2.0-24 192.0.2.22, 10.244.3.0-24 192.0.2.3',
  ])
  expect(list()).toEqual(['snapshot'])
})

test('reports an invalid lease once for each fault', () => {
  const { put, list, remove, faults } = table()
  const bad = node(1, { ip: 'nonsense' })
  expect(list(bad, node(2))).toEqual(['snapshot 10.244.2.0-24 192.0.2.2'])
  put(bad)
  list(bad, node(2))
  expect(faults).toHaveLength(1)
  put(node(1, { ip: 'more nonsense' }))
  expect(faults).toHaveLength(2)
  expect(put(node(1))).toEqual(['put 10.244.1.0-24 192.0.2.1'])
  expect(put(bad)).toEqual(['delete 10.244.1.0-24 192.0.2.1'])
  expect(faults).toHaveLength(3)
  remove(bad)
  put(bad)
  expect(faults).toHaveLength(4)
})

test('gives a PodCIDR that two nodes have to the older one, in whatever order they come, and then to the younger', () => {
  const { put, remove, faults, nodes } = table()
  expect(put(node(2, { subnet: 1 }))).toEqual(['put 10.244.1.0-24 192.0.2.2'])
  expect(put(node(1))).toEqual(['put 10.244.1.0-24 192.0.2.1'])
  expect(faults).toEqual([
    expect.stringContaining('node node-2: its PodCIDR 10.244.1.0-24 is also that of the older node node-1'),
  ])
  expect(nodes.leases.map((lease) => lease.attributes.publicIp)).toEqual(['192.0.2.1'])
  put(node(2, { subnet: 1, ip: '192.0.2.22' }))
  expect(faults).toHaveLength(1)
  expect(remove(node(1))).toEqual(['put 10.244.1.0-24 192.0.2.22'])
  expect(remove(node(2))).toEqual(['delete 10.244.1.0-24 192.0.2.22'])
})

test('does not give a PodCIDR to a node that no longer waits for it', () => {
  const { put, remove } = table()
  put(node(1))
  put(node(2, { subnet: 1 }))
  expect(put(node(2))).toEqual(['put 10.244.2.0-24 192.0.2.2'])
  expect(remove(node(1))).toEqual(['delete 10.244.1.0-24 192.0.2.1'])
})

test('reports nodes that publish one address, once, by their names, and again if it comes back', () => {
  const { put, remove, list, faults } = table()
  const ip = '10.0.2.15'
  const named = (names: string) => expect.stringContaining(`nodes ${names} publish one address, ${ip}:`)
  list(node(1, { ip }), node(2))
  put(node(3, { ip }))
  put(node(4, { ip }))
  put({ ...node(3, { ip }), resourceVersion: '2' })
  expect(faults).toEqual([named('node-1 and node-3')])
  list(node(1, { ip }), node(2), node(3, { ip }))
  expect(faults).toHaveLength(1)
  put(node(3))
  put(node(3, { ip }))
  expect(faults).toHaveLength(2)
  remove(node(1))
  list(...[3, 5, 6, 7, 8].map((n) => node(n, { ip })), node(2))
  expect(faults.slice(2)).toEqual([named('node-3, node-5, node-6 and 2 more')])
})

test('a node that publishes another address in one of its updates shares none', () => {
  const { put, remove, faults } = table()
  put(node(1))
  put(node(1, { ip: '192.0.2.2' }))
  put(node(2, { ip: '192.0.2.1' }))
  remove(node(1))
  put(node(3, { ip: '192.0.2.2' }))
  expect(faults).toEqual([])
})

test('says that nodes are missing from a list of another history, not that they left', () => {
  const { nodes } = table()
  const list = (historyWasLost: boolean) => nodes.take({ type: 'list', nodes: [node(1)], historyWasLost })
  expect(list(true)).toMatchObject([{ type: 'snapshot', storeWasReset: true }])
  expect(list(false)[0]).not.toHaveProperty('storeWasReset')
})

test('a list without any known node is another history, however new, unless it keeps one of them', () => {
  const { nodes } = table()
  const list = (...all: NodeRecord[]) => nodes.take({ type: 'list', nodes: all })[0]
  const registeredAgain = { ...node(1), uid: 'another' }
  expect(list(node(1), node(2))).not.toHaveProperty('storeWasReset')
  expect(list(node(1))).not.toHaveProperty('storeWasReset')
  expect(list(registeredAgain, node(3))).toMatchObject({ storeWasReset: true })
  expect(list(registeredAgain)).not.toHaveProperty('storeWasReset')
  expect(list()).toMatchObject({ storeWasReset: true })
  expect(list(node(1))).not.toHaveProperty('storeWasReset')
})
