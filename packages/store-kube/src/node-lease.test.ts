import { isOverlayError, parseNetworkConfig } from '@selvedge/core'
import { enabledFamilies } from '@selvedge/core/kit'
import { describe, expect, test } from 'vitest'
import type { Annotations } from './annotations.js'
import type { NodeRecord } from './client/node-record.js'
import {
  addressSetByOperator,
  annotationChanges,
  annotationsFor,
  leaseOfNode,
  NO_ANNOTATIONS,
} from './node-lease.js'
import { checkPodCidrs } from './pod-cidrs.js'

const networkConfig = (keys: object) => parseNetworkConfig({ Network: '10.244.0.0/16', ...keys })
const ipv4Config = networkConfig({})
const dualConfig = networkConfig({ EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' })
const ipv6Config = networkConfig({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' })
const [ipv4, dual, ipv6] = [ipv4Config, dualConfig, ipv6Config].map(enabledFamilies)

const vtep = '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}'
const published: Annotations = {
  'kube-subnet-manager': 'true',
  'backend-type': 'vxlan',
  'backend-data': vtep,
  'backend-v6-data': '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:66"}',
  'public-ip': '192.0.2.1',
  'public-ipv6': '2001:db8::1',
}

function node(annotations: Annotations, podCidrs = ['10.244.1.0/24', 'fd00:10:244:1::/64']): NodeRecord {
  return { name: 'worker-1', uid: 'u', resourceVersion: '1', created: 1700000000, podCidrs, annotations }
}

describe('the lease of a node', () => {
  test('has no IPv6 part in an IPv4 network', () => {
    expect(leaseOfNode(node(published), ipv4 ?? [])).toEqual({
      subnet: '10.244.1.0/24',
      attributes: {
        backendType: 'vxlan',
        publicIp: '192.0.2.1',
        backendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' },
      },
    })
  })

  test('has both parts in a dual-stack network', () => {
    expect(leaseOfNode(node(published), dual ?? [])).toEqual({
      subnet: '10.244.1.0/24',
      ipv6Subnet: 'fd00:10:244:1::/64',
      attributes: {
        backendType: 'vxlan',
        publicIp: '192.0.2.1',
        publicIpv6: '2001:db8::1',
        backendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' },
        backendV6Data: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:66' },
      },
    })
  })

  test('has no IPv4 part in an IPv6 network', () => {
    expect(leaseOfNode(node(published), ipv6 ?? [])).toEqual({
      ipv6Subnet: 'fd00:10:244:1::/64',
      attributes: {
        backendType: 'vxlan',
        publicIpv6: '2001:db8::1',
        backendV6Data: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:66' },
      },
    })
  })

  test('has one part if the node has one PodCIDR in a dual-stack network', () => {
    const one = node(published, ['10.244.1.0/24'])
    expect(leaseOfNode(one, dual ?? [])).toEqual(leaseOfNode(one, ipv4 ?? []))
  })

  test('has canonical addresses and subnets', () => {
    const spelled = { ...published, 'public-ipv6': '2001:DB8:0::1' }
    expect(leaseOfNode(node(spelled, ['10.244.1.7/24', 'FD00:10:244:1:0::/64']), dual ?? [])).toMatchObject({
      subnet: '10.244.1.0/24',
      ipv6Subnet: 'fd00:10:244:1::/64',
      attributes: { publicIpv6: '2001:db8::1' },
    })
  })

  test.each([
    ['has no annotations', {}],
    ['another program annotated', { 'public-ip': '192.0.2.1', 'backend-type': 'vxlan' }],
    ['has left the network', { ...published, 'kube-subnet-manager': 'false' }],
  ])('does not exist if the node %s', (_, annotations) => {
    expect(leaseOfNode(node(annotations), dual ?? [])).toBeUndefined()
  })

  test.each(['null', ''])('has no data if the backend wrote %o', (text) => {
    const lease = leaseOfNode(node({ ...published, 'backend-data': text }), ipv4 ?? [])
    expect(lease?.attributes.backendData).toBeUndefined()
  })

  test.each([
    ['no PodCIDR', node(published, []), 'no PodCIDR'],
    ['a PodCIDR of the other family', node(published, ['fd00:10:244:1::/64']), 'fd00:10:244:1::/64'],
    ['no address', node({ ...published, 'public-ip': undefined }), 'public-ip'],
    ['an invalid address', node({ ...published, 'public-ip': '192.0.2.300' }), "'192.0.2.300'"],
    ['an address of the other family', node({ ...published, 'public-ip': '2001:db8::1' }), "'2001:db8::1'"],
    ['data that is not JSON', node({ ...published, 'backend-data': '{"VNI":' }), 'backend-data'],
  ])('is an error that names the node and its value if it has %s', (_, record, named) => {
    try {
      leaseOfNode(record, ipv4 ?? [])
      expect.unreachable()
    } catch (error) {
      expect(isOverlayError(error, 'INVALID_LEASE')).toBe(true)
      expect(String(error)).toContain('node worker-1')
      expect(String(error)).toContain(named)
    }
  })
})

describe('the annotations of a node', () => {
  const attributes = { publicIp: '192.0.2.1', backendType: 'vxlan', backendData: JSON.parse(vtep) }

  test('are what flannel writes', () => {
    expect(annotationsFor(attributes, node({}), ipv4 ?? [])).toEqual({
      'kube-subnet-manager': 'true',
      'backend-type': 'vxlan',
      'backend-data': vtep,
      'backend-v6-data': null,
      'public-ip': '192.0.2.1',
      'public-ipv6': null,
    })
  })

  test('say null for a backend without data, and an empty type for one without a type', () => {
    expect(annotationsFor({ publicIp: '192.0.2.1' }, node({}), dual ?? [])).toMatchObject({
      'backend-type': '',
      'backend-data': 'null',
      'backend-v6-data': 'null',
    })
  })

  test.each([
    [{ 'public-ip-overwrite': '203.0.113.7' }, '203.0.113.7'],
    [{ 'node-public-ip': '203.0.113.8' }, '203.0.113.8'],
    [{ 'public-ip-overwrite': '203.0.113.7', 'node-public-ip': '203.0.113.8' }, '203.0.113.7'],
    [{ 'public-ip-overwrite': ' ', 'node-public-ip': '203.0.113.8' }, '203.0.113.8'],
    [{ 'public-ip-overwrite': 'nonsense' }, '192.0.2.1'],
    [{ 'public-ip-overwrite': '2001:db8::7' }, '192.0.2.1'],
  ])('with %o set by an operator publish %s', (set, address) => {
    expect(annotationsFor(attributes, node(set), ipv4 ?? [])['public-ip']).toBe(address)
  })

  test('report an invalid address of an operator by its name and value', () => {
    const reported: string[] = []
    const [parts] = ipv4 ?? []
    if (parts === undefined) return expect.unreachable()
    const found = addressSetByOperator(node({ 'node-public-ip': '192.0.2.999' }), parts, ({ message }) =>
      reported.push(message),
    )
    expect(found).toBeUndefined()
    expect(reported).toEqual([
      "node worker-1: annotation node-public-ip is '192.0.2.999', which is not an IPv4 address: ignored",
    ])
  })

  test('are written only if they differ', () => {
    const desired = annotationsFor(attributes, node({}), ipv4 ?? [])
    expect(annotationChanges(node({}), desired)).toEqual({
      'kube-subnet-manager': 'true',
      'backend-type': 'vxlan',
      'backend-data': vtep,
      'public-ip': '192.0.2.1',
    })
    const actual: Annotations = {
      ...desired,
      'backend-v6-data': undefined,
      'public-ipv6': undefined,
    } as Annotations
    expect(annotationChanges(node(actual), desired)).toEqual({})
    expect(
      annotationChanges(node({ ...actual, 'backend-data': vtep.replaceAll(',', ' , ') }), desired),
    ).toEqual({})
    expect(annotationChanges(node({ ...actual, 'backend-data': '{"VNI":2}' }), desired)).toEqual({
      'backend-data': vtep,
    })
    expect(annotationChanges(node({ ...actual, 'public-ipv6': '2001:db8::1' }), desired)).toEqual({
      'public-ipv6': null,
    })
  })

  test('are removed from a node that leaves, except for those of operators', () => {
    expect(
      annotationChanges(node({ ...published, 'public-ip-overwrite': '203.0.113.7' }), NO_ANNOTATIONS),
    ).toEqual({
      'kube-subnet-manager': null,
      'backend-type': null,
      'backend-data': null,
      'backend-v6-data': null,
      'public-ip': null,
      'public-ipv6': null,
    })
    expect(annotationChanges(node({ 'public-ip-overwrite': '203.0.113.7' }), NO_ANNOTATIONS)).toEqual({})
  })
})

describe('PodCIDRs', () => {
  test('inside the network are accepted', () => {
    expect(() => checkPodCidrs(node({}), dualConfig)).not.toThrow()
    expect(() => checkPodCidrs(node({}), ipv4Config)).not.toThrow()
    expect(() => checkPodCidrs(node({}), ipv6Config)).not.toThrow()
  })

  test.each([
    ['outside the network', ['10.245.1.0/24'], ipv4Config, ['10.245.1.0/24', '10.244.0.0/16', 'worker-1']],
    ['larger than the network', ['10.0.0.0/8'], ipv4Config, ['10.0.0.0/8', '10.244.0.0/16']],
    ['of IPv4 only', ['10.244.1.0/24'], dualConfig, ['10.244.1.0/24', 'fd00:10:244::/48', 'IPv6']],
    ['outside in IPv6', ['10.244.1.0/24', 'fd00:20::/64'], dualConfig, ['fd00:20::/64', 'fd00:10:244::/48']],
  ])('%s are refused, and the error names both', (_, podCidrs, config, named) => {
    try {
      checkPodCidrs(node({}, podCidrs), config)
      expect.unreachable()
    } catch (error) {
      expect(isOverlayError(error, 'INVALID_CONFIG')).toBe(true)
      for (const part of named) expect(String(error)).toContain(part)
    }
  })
})
