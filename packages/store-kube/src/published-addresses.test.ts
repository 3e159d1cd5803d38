import { FakeClock } from '@selvedge/conformance'
import { OverlayError, parseNetworkConfig } from '@selvedge/core'
import { enabledFamilies } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import type { NodeRecord } from './client/node-record.js'
import { OwnAddresses } from './published-addresses.js'

function keeper(mend: (node: NodeRecord) => Promise<boolean>) {
  const clock = new FakeClock()
  const errors: string[] = []
  const told: unknown[] = []
  const addresses = new OwnAddresses({
    mend,
    families: enabledFamilies(parseNetworkConfig({ Network: '10.244.0.0/16' })),
    onNodeAddresses: (nodeAddresses) => told.push(nodeAddresses),
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
  return { clock, addresses, errors, told, stop }
}

const record = (resourceVersion: string, annotations = {}): NodeRecord => ({
  name: 'worker-1',
  uid: 'u',
  resourceVersion,
  created: 0,
  podCidrs: [],
  annotations,
})

test('looks at each record that it is told of, the latest alone', async () => {
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

test('writes at most once a second, whoever writes against it', async () => {
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

test('retries what failed, ever more slowly, and tells why', async () => {
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

test('tells once of an address that people set and that is none', async () => {
  const { clock, addresses, errors, stop } = keeper(async () => false)
  const wrong = { 'public-ip-overwrite': 'nonsense' }
  addresses.observe(record('1', wrong))
  addresses.observe(record('2', wrong))
  await clock.settle()
  expect(errors).toEqual([expect.stringContaining("annotation public-ip-overwrite is 'nonsense'")])
  await stop()
})

test('tells the addresses of the node at first, and when people change them', async () => {
  const { addresses, told, stop } = keeper(async () => false)
  addresses.observe(record('1'))
  addresses.observe(record('2', { 'public-ip-overwrite': '203.0.113.7' }))
  addresses.observe(record('3', { 'node-public-ip': '203.0.113.8', 'node-public-ipv6': 'fd77::8' }))
  addresses.observe(record('4', { 'node-public-ip': '203.0.113.8', 'node-public-ipv6': 'fd77:0::8' }))
  addresses.observe(record('5', { 'node-public-ip': 'nonsense' }))
  expect(told).toEqual([{}, { publicIp: '203.0.113.8', publicIpv6: 'fd77::8' }, {}])
  await stop()
})
