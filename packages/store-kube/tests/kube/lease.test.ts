import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isOverlayError, type LeaseAttributes, type PublicAddresses } from '@selvedge/core'
import { KubeCluster } from '@selvedge/lab'
import { type KubeStatus, KubeSubnetManager, type KubeSubnetManagerOptions } from '@selvedge/store-kube'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  annotate,
  annotationsOf,
  createNode,
  deleteNode,
  getNode,
  joined,
  nodeManifest,
} from '../support/nodes.js'
import { Watching } from '../support/watching.js'

let cluster: KubeCluster
/** A cluster whose controller manager assigns PodCIDRs. */
let managed: KubeCluster
const open: AsyncDisposable[] = []
const watches: Watching[] = []

beforeAll(async () => {
  cluster = await KubeCluster.start()
  managed = await KubeCluster.start({ podCidrs: '10.244.0.0/16' })
})

afterAll(async () => {
  await cluster.stop()
  await managed.stop()
})

beforeEach(() => cluster.removeNodes())

afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.stop()
  for (const manager of open.splice(0)) await manager[Symbol.asyncDispose]()
})

const vtep = { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' }
const attributes: LeaseAttributes = { publicIp: '192.0.2.1', backendType: 'vxlan', backendData: vtep }

function connect(options: Partial<KubeSubnetManagerOptions> = {}, to = cluster): KubeSubnetManager {
  const manager = new KubeSubnetManager({
    access: { apiUrl: to.url, caFile: to.authority.certFile, tokenFile: to.tokenFile },
    node: 'worker-1',
    networkConfig: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } },
    ...options,
  })
  open.push(manager)
  return manager
}

async function watch(manager: KubeSubnetManager): Promise<Watching> {
  const watching = new Watching(manager)
  watches.push(watching)
  await watching.until('a first snapshot', () => watching.snapshots > 0)
  return watching
}

describe('what a node publishes', () => {
  test('is what flannel publishes, and is written once', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    const manager = connect()
    const lease = await manager.acquireLease({ attributes })
    expect(lease).toEqual({ subnet: '10.244.1.0/24', attributes, created: expect.any(Number) })
    expect(await annotationsOf(cluster, 'worker-1')).toEqual({
      'kube-subnet-manager': 'true',
      'backend-type': 'vxlan',
      'backend-data': '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}',
      'public-ip': '192.0.2.1',
    })
    const { metadata } = await getNode(cluster, 'worker-1')
    await manager.renewLease(lease)
    await connect().acquireLease({ attributes })
    expect((await getNode(cluster, 'worker-1')).metadata.resourceVersion).toBe(metadata.resourceVersion)
    expect(manager.status.patches).toBe(1)
  })

  test('goes under the given prefix, and nodes with another prefix are not peers', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    await createNode(cluster, 'worker-2', { podCidr: '10.244.2.0/24', annotations: joined('192.0.2.2') })
    const manager = connect({ annotationPrefix: 'example.com/blue' })
    await manager.acquireLease({ attributes })
    expect(await annotationsOf(cluster, 'worker-1', 'example.com/blue-')).toMatchObject({
      'public-ip': '192.0.2.1',
    })
    expect(await annotationsOf(cluster, 'worker-1')).toEqual({})
    expect((await watch(manager)).addresses).toEqual({ '10.244.1.0-24': '192.0.2.1' })
    const restarted = connect({ annotationPrefix: 'example.com/blue' })
    const { attributes: kept } = await restarted.acquireLease({
      attributes: { ...attributes, backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:01' } },
      adopt: (held) => ({ ...attributes, backendData: held.attributes.backendData }),
    })
    expect(kept.backendData).toEqual(vtep)
  })

  test('keeps the MAC that flannel has published', async () => {
    const annotations = {
      ...joined('192.0.2.1'),
      'backend-type': 'vxlan',
      'backend-data': JSON.stringify(vtep),
    }
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24', annotations })
    const manager = connect()
    const lease = await manager.acquireLease({
      attributes: { ...attributes, backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:01' } },
      adopt: (held) => ({ ...attributes, backendData: held.attributes.backendData }),
    })
    expect(lease.attributes.backendData).toEqual(vtep)
    expect(manager.status.patches).toBe(0)
  })

  test('is removed when the lease is released, except for what an operator has set', async () => {
    await createNode(cluster, 'worker-1', {
      podCidr: '10.244.1.0/24',
      annotations: { 'public-ip-overwrite': '203.0.113.7' },
    })
    const manager = connect()
    const lease = await manager.acquireLease({ attributes })
    await manager.releaseLease(lease)
    expect(await annotationsOf(cluster, 'worker-1')).toEqual({ 'public-ip-overwrite': '203.0.113.7' })
  })

  test('includes once that the network is available, in the words of flannel', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    const manager = connect()
    await manager.reportNetworkAvailable()
    const node = await getNode(cluster, 'worker-1')
    expect(node.status.conditions).toEqual([
      {
        type: 'NetworkUnavailable',
        status: 'False',
        reason: 'FlannelIsUp',
        message: 'Flannel is running on this node',
        lastHeartbeatTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        lastTransitionTime: expect.any(String),
      },
    ])
    await manager.reportNetworkAvailable()
    expect((await getNode(cluster, 'worker-1')).metadata.resourceVersion).toBe(node.metadata.resourceVersion)
  })

  test('includes that the network is unavailable, why, and that it is back', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    const manager = connect()
    await manager.reportNetworkAvailable()
    await manager.reportNetworkUnavailable('7 peers answer no probes')
    const node = await getNode(cluster, 'worker-1')
    expect(node.status.conditions).toEqual([
      expect.objectContaining({
        type: 'NetworkUnavailable',
        status: 'True',
        reason: 'NoPeerReachable',
        message: '7 peers answer no probes',
      }),
    ])
    await manager.reportNetworkUnavailable('8 peers answer no probes')
    expect((await getNode(cluster, 'worker-1')).metadata.resourceVersion).toBe(node.metadata.resourceVersion)
    await manager.reportNetworkAvailable()
    expect((await getNode(cluster, 'worker-1')).status.conditions).toEqual([
      expect.objectContaining({ type: 'NetworkUnavailable', status: 'False', reason: 'FlannelIsUp' }),
    ])
  })
})

describe('addresses that an operator sets', () => {
  test('are published instead, and followed when they change; the node still recognises its own lease', async () => {
    await createNode(cluster, 'worker-1', {
      podCidr: '10.244.1.0/24',
      annotations: { 'node-public-ip': '203.0.113.8' },
    })
    const manager = connect()
    expect(await manager.nodeAddresses()).toEqual({ publicIp: '203.0.113.8' })
    const lease = await manager.acquireLease({ attributes })
    expect(lease.attributes.publicIp).toBe('192.0.2.1')
    const own = await watch(manager)
    const peer = await watch(connect({ node: 'worker-2' }))
    const published = async (address: string) => {
      await peer.until(address, () => peer.addresses['10.244.1.0-24'] === address)
      expect(own.addresses).toEqual({ '10.244.1.0-24': '192.0.2.1' })
      expect((await manager.renewLease(lease)).attributes.publicIp).toBe('192.0.2.1')
    }
    await published('203.0.113.8')
    await annotate(cluster, 'worker-1', { 'public-ip-overwrite': '203.0.113.7' })
    await published('203.0.113.7')
    await annotate(cluster, 'worker-1', { 'public-ip-overwrite': 'nonsense' })
    await published('203.0.113.8')
    await annotate(cluster, 'worker-1', { 'public-ip-overwrite': null, 'node-public-ip': null })
    await published('192.0.2.1')
    expect(own.errors.map(({ message }) => message)).toEqual([expect.stringContaining("'nonsense'")])
  })

  test('are followed in each family; the watch reports those to choose the interface by', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24', ipv6PodCidr: 'fd00:10:244:1::/64' })
    const networkConfig = { Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
    const reported: PublicAddresses[] = []
    const manager = connect({ networkConfig, onNodeAddresses: (addresses) => reported.push(addresses) })
    await manager.acquireLease({ attributes: { ...attributes, publicIpv6: '2001:db8::1' } })
    const own = await watch(manager)
    const publishes = (publicIp: string, publicIpv6: string) =>
      expect
        .poll(() => annotationsOf(cluster, 'worker-1'), { timeout: 10_000 })
        .toMatchObject({ 'public-ip': publicIp, 'public-ipv6': publicIpv6 })
    await publishes('192.0.2.1', '2001:db8::1')
    await annotate(cluster, 'worker-1', { 'node-public-ipv6': '2001:db8::8' })
    await publishes('192.0.2.1', '2001:db8::8')
    await annotate(cluster, 'worker-1', {
      'public-ipv6-overwrite': '2001:db8::7',
      'node-public-ip': '203.0.113.8',
    })
    await publishes('203.0.113.8', '2001:db8::7')
    await annotate(cluster, 'worker-1', { 'public-ipv6-overwrite': null, 'node-public-ipv6': null })
    await publishes('203.0.113.8', '2001:db8::1')
    expect(reported).toEqual([
      {},
      { publicIpv6: '2001:db8::8' },
      { publicIp: '203.0.113.8', publicIpv6: '2001:db8::8' },
      { publicIp: '203.0.113.8' },
    ])
    expect(await manager.nodeAddresses()).toEqual(reported.at(-1))
    expect([...own.leases.values()]).toMatchObject([{ attributes: { publicIpv6: '2001:db8::1' } }])
    expect(own.errors).toEqual([])
  })

  test('are refused if no peer can reach them', async () => {
    await createNode(cluster, 'worker-1', {
      podCidr: '10.244.1.0/24',
      annotations: { 'public-ip-overwrite': '0.0.0.0', 'node-public-ip': '127.0.0.1' },
    })
    const manager = connect()
    expect(await manager.nodeAddresses()).toEqual({})
    const lease = await manager.acquireLease({ attributes })
    expect(await annotationsOf(cluster, 'worker-1')).toMatchObject({ 'public-ip': '192.0.2.1' })
    const own = await watch(manager)
    await own.until('both faults', () => own.errors.length === 2)
    expect(own.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining("public-ip-overwrite is '0.0.0.0', which is an unspecified address: ignored"),
      expect.stringContaining("node-public-ip is '127.0.0.1', which is a loopback address: ignored"),
    ])
    expect((await manager.renewLease(lease)).attributes.publicIp).toBe('192.0.2.1')
  })

  test('in place of the published ones are overwritten', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    const manager = connect()
    await manager.acquireLease({ attributes })
    const own = await watch(manager)
    for (const address of ['198.51.100.1', 'nonsense', null]) {
      await annotate(cluster, 'worker-1', { 'public-ip': address })
      await expect
        .poll(async () => (await annotationsOf(cluster, 'worker-1'))['public-ip'], { timeout: 20_000 })
        .toBe('192.0.2.1')
    }
    expect(own.addresses).toEqual({ '10.244.1.0-24': '192.0.2.1' })
  })
})

describe('the annotations of nodes', () => {
  test('are followed when edited by hand, and an invalid one disturbs no other node', async () => {
    for (const n of [1, 2, 3]) {
      await createNode(cluster, `worker-${n}`, {
        podCidr: `10.244.${n}.0/24`,
        annotations: joined(`192.0.2.${n}`),
      })
    }
    const watching = await watch(connect())
    const shows = (addresses: object) =>
      watching.until(
        JSON.stringify(addresses),
        () => JSON.stringify(watching.addresses) === JSON.stringify(addresses),
      )
    const all = { '10.244.1.0-24': '192.0.2.1', '10.244.2.0-24': '192.0.2.2', '10.244.3.0-24': '192.0.2.3' }
    await shows(all)
    const { '10.244.2.0-24': _, ...withoutTwo } = all
    await annotate(cluster, 'worker-2', { 'kube-subnet-manager': null })
    await shows(withoutTwo)
    await annotate(cluster, 'worker-2', { 'kube-subnet-manager': 'true', 'public-ip': '10.0.0' })
    await watching.until('an error', () => watching.errors.length === 1)
    expect(isOverlayError(watching.errors[0], 'INVALID_LEASE')).toBe(true)
    await annotate(cluster, 'worker-2', { 'public-ip': '192.0.2.22', 'backend-type': 'wireguard' })
    await watching.until(
      'another backend',
      () => watching.leases.get('10.244.2.0-24')?.attributes.backendType === 'wireguard',
    )
    await annotate(cluster, 'worker-3', { 'backend-data': '{"a":1}' })
    await watching.until(
      'new data',
      () => watching.leases.get('10.244.3.0-24')?.attributes.backendData !== undefined,
    )
    expect(watching.snapshots).toBe(1)
  })

  test.each([
    ['nested 20,000 deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'too deep'],
    ['longer than 64 KiB', JSON.stringify('x'.repeat(100_000)), 'longer than 65536 bytes'],
    ['not JSON, with an escape sequence', '{"VNI":\x1b[2J\nlevel=info \u202e', 'cannot be read'],
  ])('cost no other node its lease if they are %s', async (_, text, why) => {
    for (const n of [1, 2, 3]) {
      await createNode(cluster, `worker-${n}`, {
        podCidr: `10.244.${n}.0/24`,
        annotations: { ...joined(`192.0.2.${n}`), ...(n === 2 && { 'backend-data': text }) },
      })
    }
    const watching = await watch(connect())
    expect(watching.addresses).toEqual({ '10.244.1.0-24': '192.0.2.1', '10.244.3.0-24': '192.0.2.3' })
    // Written again, as by its kubelet.
    for (const value of [' ', '', ' ']) await annotate(cluster, 'worker-2', { 'backend-type': value })
    await annotate(cluster, 'worker-3', { 'public-ip': '192.0.2.33' })
    await watching.until('the peer', () => watching.addresses['10.244.3.0-24'] === '192.0.2.33')
    expect(watching.errors).toEqual([expect.objectContaining({ code: 'INVALID_LEASE' })])
    const [message = ''] = watching.errors.map((error) => error.message)
    expect(message).toContain(why)
    expect([...message].filter((character) => character < ' ' || character === '\u202e')).toEqual([])
    await annotate(cluster, 'worker-2', { 'backend-data': 'null' })
    await watching.until('its lease', () => watching.addresses['10.244.2.0-24'] === '192.0.2.2')
  })

  test('serve one family if those of the other are invalid', async () => {
    await createNode(cluster, 'worker-2', {
      podCidr: '10.244.2.0/24',
      ipv6PodCidr: 'fd00:10:244:2::/64',
      annotations: { ...joined('192.0.2.2'), 'public-ipv6': 'nonsense' },
    })
    const networkConfig = { Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
    const watching = await watch(connect({ networkConfig }))
    const shown = () => [...watching.leases.values()].map(({ attributes }) => attributes)
    expect(shown()).toMatchObject([
      { publicIp: '192.0.2.2', invalidAddresses: { publicIpv6: expect.stringContaining("'nonsense'") } },
    ])
    await annotate(cluster, 'worker-2', { 'public-ipv6': '2001:db8::2' })
    await watching.until('both', () => shown()[0]?.publicIpv6 === '2001:db8::2')
  })

  test('of two nodes with one PodCIDR are a conflict that names both, and the older one keeps it', async () => {
    await createNode(cluster, 'elder', { podCidr: '10.244.1.0/24', annotations: joined('192.0.2.1') })
    // Ages are compared by the second.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    await createNode(cluster, 'another', { podCidr: '10.244.1.0/24', annotations: joined('192.0.2.2') })
    const watching = await watch(connect({ node: 'worker-2' }))
    expect(watching.addresses).toEqual({ '10.244.1.0-24': '192.0.2.1' })
    expect(watching.errors).toMatchObject([
      { code: 'LEASE_CONFLICT', message: expect.stringMatching(/another.*elder/) },
    ])
    await deleteNode(cluster, 'elder')
    await watching.until('the younger', () => watching.addresses['10.244.1.0-24'] === '192.0.2.2')
  })

  test('are not a lease if there are none, or only those of another program', async () => {
    await cluster.admin.post('/api/v1/nodes', {
      metadata: { name: 'bare' },
      spec: { podCIDR: '10.244.9.0/24' },
    })
    await createNode(cluster, 'worker-1', {
      podCidr: '10.244.1.0/24',
      annotations: { 'public-ip': '192.0.2.1' },
    })
    const watching = await watch(connect())
    expect([watching.addresses, watching.errors]).toEqual([{}, []])
  })

  test('of a dual-stack node yield an event if only one family changes', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24', ipv6PodCidr: 'fd00:10:244:1::/64' })
    const networkConfig = { Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
    const manager = connect({ networkConfig })
    const both = {
      ...attributes,
      publicIpv6: '2001:db8::1',
      backendV6Data: { VNI: 1, VtepMAC: '02:00:00:00:00:06' },
    }
    const lease = await manager.acquireLease({ attributes: both })
    expect(lease.ipv6Subnet).toBe('fd00:10:244:1::/64')
    const peer = await watch(connect({ networkConfig, node: 'worker-2' }))
    await manager.renewLease({
      ...lease,
      attributes: { ...both, backendV6Data: { VNI: 1, VtepMAC: '02:00:00:00:00:07' } },
    })
    await peer.until('the new MAC', () =>
      JSON.stringify([...peer.leases.values()][0]?.attributes.backendV6Data).includes('00:07'),
    )
  })

  test('of a node that is deleted and created again are another lease', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    const manager = connect()
    const lease = await manager.acquireLease({ attributes })
    const watching = await watch(manager)
    await deleteNode(cluster, 'worker-1')
    await watching.until('the end of its lease', () => watching.leases.size === 0)
    await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await createNode(cluster, 'worker-1', { podCidr: '10.244.7.0/24' })
    await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect((await manager.acquireLease({ attributes })).subnet).toBe('10.244.7.0/24')
    await watching.until('the new lease', () => watching.addresses['10.244.7.0-24'] === '192.0.2.1')
  })
})

describe('a node that is replaced between reading and writing', () => {
  /** Returns a function that replaces the node by one with this PodCIDR and these annotations. */
  async function replacer(podCidr: string, annotations: Record<string, string>): Promise<() => void> {
    const file = join(cluster.folder, 'replacement.json')
    await writeFile(file, JSON.stringify(nodeManifest('worker-1', { podCidr, annotations })))
    const kubeconfig = await cluster.adminKubeconfig()
    return () => cluster.kubectlSync(kubeconfig, 'replace', '--force', '--filename', file)
  }

  beforeEach(() =>
    createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24', annotations: joined('192.0.2.1') }),
  )

  test('is read again: the lease has the new PodCIDR', async () => {
    const replace = await replacer('10.244.7.0/24', {})
    const manager = connect()
    const adopt = () => {
      replace()
      return attributes
    }
    expect((await manager.acquireLease({ attributes, adopt })).subnet).toBe('10.244.7.0/24')
    expect(await annotationsOf(cluster, 'worker-1')).toMatchObject({ 'public-ip': '192.0.2.1' })
    expect(manager.status.patches).toBe(2)
  })

  test('repeatedly is an error, and nothing is written to any of them', async () => {
    const replace = await replacer('10.244.7.0/24', joined('192.0.2.1'))
    const adopt = () => {
      replace()
      return attributes
    }
    await expect(connect().acquireLease({ attributes, adopt })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('deleted and created again 5 times'),
    })
    expect(await annotationsOf(cluster, 'worker-1')).toEqual(joined('192.0.2.1'))
  })
})

describe('a PodCIDR', () => {
  test('is the subnet, whatever the network config says of subnets: that is reported once', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
    const warnings: string[] = []
    const networkConfig = { Network: '10.244.0.0/16', SubnetLen: 12, SubnetMin: '192.0.2.0', SubnetMax: 7 }
    const manager = connect({ networkConfig, onWarning: (message) => warnings.push(message) })
    expect((await manager.acquireLease({ attributes })).subnet).toBe('10.244.1.0/24')
    expect(warnings).toEqual([expect.stringContaining('ignored, because on Kubernetes the subnets are')])
  })

  test('outside the network is an error that names both', async () => {
    await createNode(cluster, 'worker-1', { podCidr: '10.1.1.0/24' })
    const failure = expect(connect().acquireLease({ attributes })).rejects
    await failure.toMatchObject({ code: 'INVALID_CONFIG' })
    await failure.toThrow(/10\.1\.1\.0\/24.*10\.244\.0\.0\/16/)
    expect(await annotationsOf(cluster, 'worker-1')).toEqual({})
  })

  test('is waited for, as is the node, and the status says so meanwhile', async () => {
    const statuses: KubeStatus[] = []
    const manager = connect({ node: 'late', onStatus: (status) => statuses.push(status) }, managed)
    const lease = manager.acquireLease({ attributes })
    await expect.poll(() => manager.status.waitingFor?.type).toBe('node')
    expect(manager.status.waitingFor?.message).toContain('late')
    await createNode(managed, 'late')
    const { subnet } = await lease
    expect(subnet).toBe((await getNode(managed, 'late')).spec.podCIDR)
    expect(manager.status.waitingFor).toBeUndefined()
    expect(statuses[0]?.waitingFor?.type).toBe('node')
    expect(statuses.at(-1)?.waitingFor).toBeUndefined()
  })

  test('or the node is waited for, whichever is missing', async () => {
    const manager = connect({ node: 'late' })
    const waitsFor = (type: string) =>
      expect.poll(() => manager.status.waitingFor, { timeout: 10_000 }).toMatchObject({ type })
    const lease = manager.acquireLease({ attributes })
    await waitsFor('node')
    await createNode(cluster, 'late')
    await waitsFor('pod-cidr')
    await deleteNode(cluster, 'late')
    await waitsFor('node')
    await createNode(cluster, 'late', { podCidr: '10.244.3.0/24' })
    expect((await lease).subnet).toBe('10.244.3.0/24')
    expect(manager.status.waitingFor).toBeUndefined()
  })

  test('is waited for until the signal aborts or the manager is closed', async () => {
    await createNode(cluster, 'worker-1')
    const manager = connect()
    const abort = new AbortController()
    const lease = manager.acquireLease({ attributes }, { signal: abort.signal })
    await expect.poll(() => manager.status.waitingFor?.type).toBe('pod-cidr')
    abort.abort(new Error('no more time'))
    await expect(lease).rejects.toThrow('no more time')
    const closing = connect()
    const closed = closing.acquireLease({ attributes })
    await expect.poll(() => closing.status.waitingFor?.type).toBe('pod-cidr')
    await closing[Symbol.asyncDispose]()
    await expect(closed).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
