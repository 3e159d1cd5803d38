import { IPV4_PARTS, IPV6_PARTS } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import type { Annotations } from './annotations.js'
import type { NodeRecord } from './client/index.js'
import { addressSetByOperator, nodeAddresses } from './operator-addresses.js'

const node = (annotations: Annotations): NodeRecord => ({
  name: 'worker-1',
  uid: 'u',
  resourceVersion: '1',
  created: 1700000000,
  podCidrs: [],
  annotations,
})

test.each([
  ['192.0.2.999', 'not an IPv4 address'],
  ['2001:db8::1', 'not an IPv4 address'],
  ['0.0.0.0', 'an unspecified address'],
  ['127.0.0.1', 'a loopback address'],
  ['224.0.0.1', 'a multicast address'],
  ['255.255.255.255', 'the broadcast address'],
])('an IPv4 address that is %s is ignored, and reported with its name and value', (text, why) => {
  const reported: string[] = []
  const set = node({ 'public-ip-overwrite': text, 'node-public-ip': '203.0.113.8' })
  expect(addressSetByOperator(set, IPV4_PARTS, ({ message }) => reported.push(message))).toBe('203.0.113.8')
  expect(reported).toEqual([
    `node worker-1: annotation public-ip-overwrite is '${text}', which is ${why}: ignored`,
  ])
  expect(nodeAddresses(node({ 'node-public-ip': text }))).toEqual({})
})

test('an IPv6 address that is unspecified is ignored', () => {
  expect(addressSetByOperator(node({ 'public-ipv6-overwrite': '::' }), IPV6_PARTS)).toBeUndefined()
  expect(nodeAddresses(node({ 'node-public-ipv6': '0:0::0' }))).toEqual({})
})

test('what is no address cannot harm a log', () => {
  const reported: string[] = []
  const set = node({ 'public-ip-overwrite': `\x1b[2J\nlevel=info ${'x'.repeat(60_000)}` })
  addressSetByOperator(set, IPV4_PARTS, ({ message }) => reported.push(message))
  expect(reported[0]).toMatch(/is '\\u001b\[2J\\u000alevel=info x+…', which/)
  expect(reported[0]?.length).toBeLessThan(400)
})
