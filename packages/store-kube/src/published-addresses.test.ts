import { FakeClock } from '@selvedge/conformance'
import { OverlayError, parseNetworkConfig } from '@selvedge/core'
import { enabledFamilies } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import type { NodeRecord } from './client/node-record.js'
import { AddressPublisher } from './published-addresses.js'

function keeper(mend: (node: NodeRecord) => Promise<boolean>) {
  const clock = new FakeClock()
  const errors: string[] = []
  const reported: unknown[] = []
  const addresses = new AddressPublisher({
    publish: mend,
    families: enabledFamilies(parseNetworkConfig({ Network: '10.244.0.0/16' })),
    onNodeAddresses: (nodeAddresses) => reported.push(nodeAddresses),
    onError: ({ message }) => errors.push(message),
    clock,
    random: () => 0.5,
  })
  const abort = new AbortController()
  const running = addresses.run(abort.signal)
  const stop = async () => {
    abort.abort()
    await running
  }
  return { clock, addresses, errors, reported, stop }
}

const record = (resourceVersion: string, annotations = {}): NodeRecord => ({
  name: 'worker-1',
  uid: 'u',
  resourceVersion,
  created: 0,
  podCidrs: [],
  annotations,
})

test('checks the latest record that it has observed', async () => {
  const seen: string[] = []
  const { clock, addresses, stop } = keeper(async (node) => {
    seen.push(node.resourceVersion)
    return false
  })
  await clock.advance(3_600_000)
  expect(seen).toEqual([])
  addresses.observe(record('1'))
  addresses.observe(record('2'))
  await clock.settle()
  expect(seen).toEqual(['2'])
  await stop()
})

test('writes at most once a second while another writer interferes', async () => {
  let writes = 0
  const { clock, addresses, stop } = keeper(async () => {
    writes += 1
    addresses.observe(record(String(writes)))
    return true
  })
  addresses.observe(record('0'))
  await clock.advance(10_000)
  expect(writes).toBeGreaterThanOrEqual(10)
  expect(writes).toBeLessThanOrEqual(11)
  await stop()
})

test('retries a failed write with growing delays, and reports why', async () => {
  let tries = 0
  const { clock, addresses, errors, stop } = keeper(async () => {
    tries += 1
    if (tries < 3) throw new OverlayError('ACCESS_DENIED', 'nodes/status is forbidden')
    return true
  })
  addresses.observe(record('1'))
  await clock.advance(749)
  expect(tries).toBe(1)
  await clock.advance(1)
  expect(tries).toBe(2)
  await clock.advance(1_500)
  expect(tries).toBe(3)
  expect(errors).toEqual(['nodes/status is forbidden', 'nodes/status is forbidden'])
  await stop()
})

test('reports an invalid address of an operator once', async () => {
  const { clock, addresses, errors, stop } = keeper(async () => false)
  const wrong = { 'public-ip-overwrite': 'nonsense' }
  addresses.observe(record('1', wrong))
  addresses.observe(record('2', wrong))
  await clock.settle()
  expect(errors).toEqual([expect.stringContaining("annotation public-ip-overwrite is 'nonsense'")])
  await stop()
})

test('reports the addresses of the node at first, and when an operator changes them', async () => {
  const { addresses, reported, stop } = keeper(async () => false)
  addresses.observe(record('1'))
  addresses.observe(record('2', { 'public-ip-overwrite': '203.0.113.7' }))
  addresses.observe(record('3', { 'node-public-ip': '203.0.113.8', 'node-public-ipv6': 'fd77::8' }))
  addresses.observe(record('4', { 'node-public-ip': '203.0.113.8', 'node-public-ipv6': 'fd77:0::8' }))
  addresses.observe(record('5', { 'node-public-ip': 'nonsense' }))
  expect(reported).toEqual([{}, { publicIp: '203.0.113.8', publicIpv6: 'fd77::8' }, {}])
  await stop()
})
