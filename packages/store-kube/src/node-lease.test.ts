import { isOverlayError, parseNetworkConfig } from '@selvedge/core'
import { enabledFamilies } from '@selvedge/core/kit'
import { describe, expect, test } from 'vitest'
import { PUBLISHED, VTEP } from '../tests/support/annotations.js'
import type { Annotations } from './annotations.js'
import type { NodeRecord } from './client/node-record.js'
import { leaseOfNode, withAddresses } from './node-lease.js'
import { checkPodCidrs } from './pod-cidrs.js'

const networkConfig = (keys: object) => parseNetworkConfig({ Network: '10.244.0.0/16', ...keys })
const ipv4Config = networkConfig({})
const dualConfig = networkConfig({ EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' })
const ipv6Config = networkConfig({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' })
const [ipv4, dual, ipv6] = [ipv4Config, dualConfig, ipv6Config].map(enabledFamilies)

function node(annotations: Annotations, podCidrs = ['10.244.1.0/24', 'fd00:10:244:1::/64']): NodeRecord {
  return { name: 'worker-1', uid: 'u', resourceVersion: '1', created: 1700000000, podCidrs, annotations }
}

describe('the lease of a node', () => {
  test('has no IPv6 part in an IPv4 network', () => {
    expect(leaseOfNode(node(PUBLISHED), ipv4 ?? [])).toEqual({
      subnet: '10.244.1.0/24',
      created: 1700000000,
      attributes: {
        backendType: 'vxlan',
        publicIp: '192.0.2.1',
        backendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' },
      },
    })
  })

  test('has both parts in a dual-stack network', () => {
    expect(leaseOfNode(node(PUBLISHED), dual ?? [])).toEqual({
      subnet: '10.244.1.0/24',
      ipv6Subnet: 'fd00:10:244:1::/64',
      created: 1700000000,
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
    expect(leaseOfNode(node(PUBLISHED), ipv6 ?? [])).toEqual({
      ipv6Subnet: 'fd00:10:244:1::/64',
      created: 1700000000,
      attributes: {
        backendType: 'vxlan',
        publicIpv6: '2001:db8::1',
        backendV6Data: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:66' },
      },
    })
  })

  test('has one part if the node has one PodCIDR in a dual-stack network', () => {
    const one = node(PUBLISHED, ['10.244.1.0/24'])
    expect(leaseOfNode(one, dual ?? [])).toEqual(leaseOfNode(one, ipv4 ?? []))
  })

  test('has canonical addresses and subnets', () => {
    const spelled = { ...PUBLISHED, 'public-ipv6': '2001:DB8:0::1' }
    expect(leaseOfNode(node(spelled, ['10.244.1.7/24', 'FD00:10:244:1:0::/64']), dual ?? [])).toMatchObject({
      subnet: '10.244.1.0/24',
      ipv6Subnet: 'fd00:10:244:1::/64',
      created: 1700000000,
      attributes: { publicIpv6: '2001:db8::1' },
    })
  })

  test.each([
    ['has no annotations', {}],
    ['another program annotated', { 'public-ip': '192.0.2.1', 'backend-type': 'vxlan' }],
    ['has left the network', { ...PUBLISHED, 'kube-subnet-manager': 'false' }],
  ])('does not exist if the node %s', (_, annotations) => {
    expect(leaseOfNode(node(annotations), dual ?? [])).toBeUndefined()
  })

  test.each(['null', ''])('has no data if the backend wrote %o', (text) => {
    const lease = leaseOfNode(node({ ...PUBLISHED, 'backend-data': text }), ipv4 ?? [])
    expect(lease?.attributes.backendData).toBeUndefined()
  })

  test.each([
    ['public-ipv6', 'nonsense', "its annotation public-ipv6 is 'nonsense', which is not an IPv6 address"],
    ['backend-v6-data', '{', 'its annotation backend-v6-data cannot be read'],
  ])('has the other part if %s is %s, and says what is wrong', (annotation, text, problem) => {
    const lease = leaseOfNode(node({ ...PUBLISHED, [annotation]: text }), dual ?? [])
    expect(lease?.attributes).toEqual({
      backendType: 'vxlan',
      publicIp: '192.0.2.1',
      backendData: JSON.parse(VTEP),
      invalidAddresses: { publicIp: undefined, publicIpv6: expect.stringContaining(problem) },
    })
    expect(
      leaseOfNode(node({ ...PUBLISHED, [annotation]: text }), ipv4 ?? [])?.attributes,
    ).not.toHaveProperty('invalidAddresses')
  })

  test('is read with other addresses, even in place of one that is too long', () => {
    const record = { ...node({ ...PUBLISHED, 'public-ip': undefined }), oversized: ['public-ip' as const] }
    expect(() => leaseOfNode(record, ipv4 ?? [])).toThrow('longer than 65536 bytes')
    const replaced = withAddresses(record, { publicIp: '192.0.2.7' })
    expect(leaseOfNode(replaced, ipv4 ?? [])?.attributes.publicIp).toBe('192.0.2.7')
  })

  test.each([
    ['no PodCIDR', node(PUBLISHED, []), 'no PodCIDR'],
    ['a PodCIDR of the other family', node(PUBLISHED, ['fd00:10:244:1::/64']), 'fd00:10:244:1::/64'],
    ['no address', node({ ...PUBLISHED, 'public-ip': undefined }), 'public-ip'],
    ['an invalid address', node({ ...PUBLISHED, 'public-ip': '192.0.2.300' }), "'192.0.2.300'"],
    ['an address of the other family', node({ ...PUBLISHED, 'public-ip': '2001:db8::1' }), "'2001:db8::1'"],
    ['data that is not JSON', node({ ...PUBLISHED, 'backend-data': '{"VNI":' }), 'backend-data'],
    [
      'data that is too deep',
      node({ ...PUBLISHED, 'backend-data': '['.repeat(20_000) + ']'.repeat(20_000) }),
      'too deep',
    ],
    [
      'data that is too long',
      { ...node(PUBLISHED), oversized: ['backend-data' as const] },
      'longer than 65536 bytes',
    ],
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
