import { OverlayError } from '@selvedge/core'
import type { RuleCount } from '@selvedge/firewall'
import { expect, test } from 'vitest'
import { LazyMetrics } from './lazy-metrics.js'
import { Metrics, type Snapshot } from './metrics.js'

const now: { -readonly [K in keyof Snapshot]: Snapshot[K] } = {
  status: {
    state: 'running',
    leases: 3,
    leasesAsOf: 0,
    storeError: undefined,
    configError: undefined,
    configAsOf: 0,
    waitingFor: undefined,
    awaitsUplink: undefined,
    inSync: false,
    desired: 8,
    actual: 7,
    failures: [{ key: 'route', error: new OverlayError('DRIVER_REFUSED', 'no'), attempts: 1 }],
  },
  peers: 2,
  probes: undefined,
  isReady: true,
  leaseExpiresAt: 1_700_000_000_000,
  isStoreConnected: false,
  stalenessMs: 1500,
  isFromCache: true,
  awaited: 'pod-cidr',
  traffic: [
    {
      driver: 'udp',
      sent: { packets: 5, bytes: 420 },
      received: { packets: 3, bytes: 252 },
      dropped: { no_route: 2, malformed: 0 },
    },
  ],
}

const COUNTS: readonly RuleCount[] = [
  {
    mode: 'nftables',
    family: 4,
    chain: 'postrtg',
    number: 6,
    rule: 'ip saddr 10.244.0.0/16 counter masquerade',
    packets: 7,
    bytes: 588,
  },
]

const make = () =>
  new Metrics(
    () => now,
    async () => COUNTS,
    { version: '1.2.3', store: 'etcd' },
  )

/** The samples of selvedge's own metrics, less their buckets. */
async function samples(metrics: Metrics): Promise<string[]> {
  const lines = (await metrics.text()).split('\n')
  return lines.filter((line) => line.startsWith('selvedge_') && !line.includes('_bucket'))
}

test('gauges are read when they are gathered, counters begin at 0', async () => {
  expect(await samples(make())).toEqual([
    'selvedge_build_info{version="1.2.3",store="etcd"} 1',
    'selvedge_ready 1',
    'selvedge_waiting{for="network-config"} 0',
    'selvedge_waiting{for="node"} 0',
    'selvedge_waiting{for="pod-cidr"} 1',
    'selvedge_waiting{for="credentials"} 0',
    'selvedge_leases 3',
    'selvedge_peers 2',
    'selvedge_in_sync 0',
    'selvedge_resources{state="desired"} 8',
    'selvedge_resources{state="actual"} 7',
    'selvedge_resources{state="failed"} 1',
    'selvedge_store_up 0',
    'selvedge_leases_from_cache 1',
    'selvedge_leases_stale_seconds 1.5',
    'selvedge_lease_expiry_timestamp_seconds 1700000000',
    'selvedge_rule_packets_total{mode="nftables",family="ipv4",chain="postrtg",number="6",rule="ip saddr 10.244.0.0/16 counter masquerade"} 7',
    'selvedge_driver_packets_total{driver="udp",direction="sent"} 5',
    'selvedge_driver_packets_total{driver="udp",direction="received"} 3',
    'selvedge_driver_bytes_total{driver="udp",direction="sent"} 420',
    'selvedge_driver_bytes_total{driver="udp",direction="received"} 252',
    'selvedge_driver_dropped_packets_total{driver="udp",reason="no_route"} 2',
    'selvedge_driver_dropped_packets_total{driver="udp",reason="malformed"} 0',
    'selvedge_reconcile_duration_seconds_sum 0',
    'selvedge_reconcile_duration_seconds_count 0',
    'selvedge_writes_total{result="put"} 0',
    'selvedge_writes_total{result="deleted"} 0',
    'selvedge_writes_total{result="failed"} 0',
    'selvedge_drift_total{was="missing"} 0',
    'selvedge_drift_total{was="changed"} 0',
    'selvedge_drift_total{was="unexpected"} 0',
    'selvedge_lease_events_total{type="acquired"} 0',
    'selvedge_lease_events_total{type="renewed"} 0',
    'selvedge_lease_events_total{type="changed"} 0',
    'selvedge_lease_events_total{type="lost"} 0',
  ])
})

test('what happens is counted', async () => {
  const metrics = make()
  metrics.sync({ put: 4, deleted: 2, failed: 1, durationMs: 20 })
  metrics.drift([
    { key: 'a', was: 'missing' },
    { key: 'b', was: 'missing' },
  ])
  metrics.lease({ type: 'renewed', lease: { attributes: {} } })
  metrics.error(new OverlayError('DRIVER_REFUSED', 'no'))
  const text = await metrics.text()
  expect(text).toContain('selvedge_writes_total{result="put"} 4\n')
  expect(text).toContain('selvedge_writes_total{result="deleted"} 2\n')
  expect(text).toContain('selvedge_writes_total{result="failed"} 1\n')
  expect(text).toContain('selvedge_reconcile_duration_seconds_sum 0.02\n')
  expect(text).toContain('selvedge_reconcile_duration_seconds_bucket{le="0.025"} 1\n')
  expect(text).toContain('selvedge_reconcile_duration_seconds_bucket{le="0.01"} 0\n')
  expect(text).toContain('selvedge_drift_total{was="missing"} 2\n')
  expect(text).toContain('selvedge_lease_events_total{type="renewed"} 1\n')
  expect(text).toContain('selvedge_errors_total{code="DRIVER_REFUSED"} 1\n')
})

test('a lease that never expires has no expiry, nor has one that does not exist', async () => {
  const reserved = new Metrics(
    () => ({ ...now, leaseExpiresAt: undefined, status: undefined }),
    async () => [],
    {
      version: '',
      store: '',
    },
  )
  expect(await reserved.text()).not.toMatch(/^selvedge_lease_expiry/m)
})

test('this process itself is measured', async () => {
  expect(await make().text()).toMatch(/^process_resident_memory_bytes \d+/m)
})

test('metrics that are made late count what happened before', async () => {
  let made = 0
  const late = new LazyMetrics(async () => {
    made += 1
    return make()
  })
  const drift = () => late.observe((metrics) => metrics.drift([{ key: 'a', was: 'changed' }]))
  drift()
  drift()
  expect(made).toBe(0)
  const [metrics] = await Promise.all([late.get(), late.get()])
  drift()
  expect(made).toBe(1)
  expect(await metrics.text()).toContain('selvedge_drift_total{was="changed"} 3\n')
})
