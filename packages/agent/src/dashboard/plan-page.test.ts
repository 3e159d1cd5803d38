import { type Operation, parseNetworkConfig } from '@selvedge/core'
import { link, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import { type PlanSources, planPage } from './plan-page.js'

const CONFIG = {
  Network: '10.244.0.0/16',
  Backend: { Type: 'wireguard', PSK: 'planted-in-force', MTU: 1400 },
}
const page = (parts: Partial<PlanSources>) =>
  planPage({
    operations: [],
    config: parseNetworkConfig(CONFIG),
    storedConfig: undefined,
    at: 7,
    lastChange: () => undefined,
    sanitize: (text) => text,
    ...parts,
  })
const vxlan = (mtu: number) => link({ name: 'flannel.1', type: 'vxlan', mtu, settings: { vni: 1 } })
const routeTo = (n: number, device = 'flannel.1') =>
  route({ destination: `10.${n >> 8}.${n & 255}.0/24`, device })

test('nothing to do is nothing', () => {
  expect(page({})).toEqual({ at: 7, counts: [], changes: [], config: [] })
})

test('what is missing, wrong and stale is told apart, with what is there and what would be, and who changed it', () => {
  const { counts, changes } = page({
    operations: [
      { type: 'put', resource: routeTo(1) },
      { type: 'put', resource: vxlan(1450), actual: vxlan(1300) },
      { type: 'delete', resource: routeTo(2) },
    ],
    lastChange: (key) =>
      key.includes('flannel.1') && key.startsWith('link') ? { at: 1, by: { pid: 7, name: 'ip' } } : undefined,
  })
  expect(counts).toEqual([
    { type: 'add', kind: 'route', count: 1 },
    { type: 'change', kind: 'link', count: 1 },
    { type: 'delete', kind: 'route', count: 1 },
  ])
  expect(changes).toEqual([
    { type: 'add', kind: 'route', text: '10.0.1.0/24 dev flannel.1', fields: [], lines: [] },
    {
      type: 'change',
      kind: 'link',
      text: 'flannel.1',
      fields: [{ field: 'mtu', before: '1300', after: '1450' }],
      lines: [],
      by: { pid: 7, name: 'ip' },
    },
    { type: 'delete', kind: 'route', text: '10.0.2.0/24 dev flannel.1', fields: [], lines: [] },
  ])
})

test('of thousands all are counted, and few of each kind described, however many kinds there are', () => {
  const operations: Operation[] = Array.from({ length: 5_000 }, (_, n) => ({
    type: 'put',
    resource: routeTo(n),
  }))
  const others: Operation[] = Array.from({ length: 1_000 }, (_, n) => ({
    type: 'put',
    resource: { kind: `kind-${n}`, key: `kind-${n} x` },
  }))
  const { counts, changes } = page({ operations: [...operations, ...others] })
  expect(counts[0]).toEqual({ type: 'add', kind: 'route', count: 5_000 })
  expect(changes).toHaveLength(200)
  expect(changes.filter(({ kind }) => kind === 'route')).toHaveLength(20)
})

test('one object with a huge text is bounded too', () => {
  const ruleset = (line: string, count: number) => ({
    kind: 'ruleset',
    key: 'ruleset x',
    text: `${line}\n`.repeat(count),
  })
  const [change] = page({
    operations: [{ type: 'put', resource: ruleset('a'.repeat(10_000), 3_000), actual: ruleset('b', 1) }],
  }).changes
  expect(change?.unshown).toBeGreaterThan(2_900)
  expect(JSON.stringify(change).length).toBeLessThan(60_000)
})

test('the config in the store is compared field by field; a secret that has changed is named, and not shown', () => {
  const stored = parseNetworkConfig({
    Network: '10.244.0.0/16',
    IPv6Network: 'fd00::/48',
    EnableIPv6: true,
    Backend: { Type: 'wireguard', PSK: 'planted-in-store', MTU: 1380 },
  })
  const { config } = page({ storedConfig: stored })
  expect(config).toContainEqual({ field: 'Backend.MTU', before: '1400', after: '1380' })
  expect(config).toContainEqual({ field: 'Backend.PSK', before: '[redacted]', after: '[redacted]' })
  expect(config).toContainEqual({ field: 'IPv6Network', before: undefined, after: 'fd00::/48' })
  expect(JSON.stringify(config)).not.toContain('planted')
})

test('no secret of a resource is in it, in a changed field or in an added object', () => {
  const peer = (psk: string) => ({
    kind: 'wireguard-peer',
    key: 'wireguard-peer wg0 abc',
    presharedKey: psk,
    connection: { psk },
  })
  const text = JSON.stringify(
    page({
      operations: [
        { type: 'put', resource: peer('planted-1') },
        { type: 'put', resource: peer('planted-2'), actual: peer('planted-3') },
        { type: 'delete', resource: { ...peer('planted-4'), key: 'wireguard-peer wg0 other' } },
      ],
    }),
  )
  expect(text).not.toContain('planted')
  expect(text).toContain('presharedKey')
})
