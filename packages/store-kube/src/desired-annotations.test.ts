import { parseNetworkConfig } from '@selvedge/core'
import { enabledFamilies } from '@selvedge/core/kit'
import { describe, expect, test } from 'vitest'
import { PUBLISHED, VTEP } from '../tests/support/annotations.js'
import type { Annotations } from './annotations.js'
import type { NodeRecord } from './client/index.js'
import { annotationChanges, annotationsFor, NO_ANNOTATIONS } from './desired-annotations.js'

const ipv4 = enabledFamilies(parseNetworkConfig({ Network: '10.244.0.0/16' }))
const dual = enabledFamilies(
  parseNetworkConfig({ Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }),
)

const node = (annotations: Annotations, oversized?: NodeRecord['oversized']): NodeRecord => ({
  name: 'worker-1',
  uid: 'u',
  resourceVersion: '1',
  created: 1700000000,
  podCidrs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
  annotations,
  oversized,
})

describe('the annotations of a node', () => {
  const attributes = { publicIp: '192.0.2.1', backendType: 'vxlan', backendData: JSON.parse(VTEP) }

  test('are what flannel writes', () => {
    expect(annotationsFor(attributes, node({}), ipv4)).toEqual({
      'kube-subnet-manager': 'true',
      'backend-type': 'vxlan',
      'backend-data': VTEP,
      'backend-v6-data': null,
      'public-ip': '192.0.2.1',
      'public-ipv6': null,
    })
  })

  test('say null for a backend without data, and an empty type for one without a type', () => {
    expect(annotationsFor({ publicIp: '192.0.2.1' }, node({}), dual)).toMatchObject({
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
    expect(annotationsFor(attributes, node(set), ipv4)['public-ip']).toBe(address)
  })

  test('are written only if they differ', () => {
    const desired = annotationsFor(attributes, node({}), ipv4)
    expect(annotationChanges(node({}), desired)).toEqual({
      'kube-subnet-manager': 'true',
      'backend-type': 'vxlan',
      'backend-data': VTEP,
      'public-ip': '192.0.2.1',
    })
    const actual: Annotations = {
      ...desired,
      'backend-v6-data': undefined,
      'public-ipv6': undefined,
    } as Annotations
    expect(annotationChanges(node(actual), desired)).toEqual({})
    expect(
      annotationChanges(node({ ...actual, 'backend-data': VTEP.replaceAll(',', ' , ') }), desired),
    ).toEqual({})
    expect(annotationChanges(node({ ...actual, 'backend-data': '{"VNI":2}' }), desired)).toEqual({
      'backend-data': VTEP,
    })
    expect(annotationChanges(node({ ...actual, 'public-ipv6': '2001:db8::1' }), desired)).toEqual({
      'public-ipv6': null,
    })
  })

  test('are removed from a node that leaves, except for those of operators', () => {
    expect(
      annotationChanges(node({ ...PUBLISHED, 'public-ip-overwrite': '203.0.113.7' }), NO_ANNOTATIONS),
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

  test('are written if the current ones are too long to be read, or too deep', () => {
    const desired = annotationsFor(attributes, node({}), ipv4)
    const { 'backend-data': _, 'backend-v6-data': __, 'public-ipv6': ___, ...others } = desired
    expect(annotationChanges(node(others as Annotations, ['backend-data']), desired)).toEqual({
      'backend-data': VTEP,
    })
    const deep = { ...others, 'backend-data': '['.repeat(20_000) + ']'.repeat(20_000) } as Annotations
    expect(annotationChanges(node(deep), desired)).toEqual({ 'backend-data': VTEP })
  })
})
