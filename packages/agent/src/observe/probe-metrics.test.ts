import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import type { PathReport } from '../probe/path-state.js'
import { addProbes, type ProbeFindings } from './probe-metrics.js'

async function linesOf(findings: ProbeFindings | undefined): Promise<readonly string[]> {
  const registry = new Registry()
  addProbes([registry], () => findings)
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('peers are counted by state and direction, their round trips summed up, and unused datagrams counted', async () => {
  const times: PathReport[] = [3, 1, 2].map((rttMs) => ({ state: 'reachable', rttMs }))
  const lines = await linesOf({
    reports: [
      ...times,
      { state: 'unknown' },
      { state: 'unreachable', direction: 'outbound' },
      { state: 'unreachable', direction: 'unknown' },
    ],
    dropped: { 'unknown-source': 4, unexpected: 0, 'too-many': 2, malformed: 1 },
  })
  expect(lines).toEqual([
    'selvedge_probed_peers{state="reachable"} 3',
    'selvedge_probed_peers{state="unknown"} 1',
    'selvedge_probed_peers{state="outbound"} 1',
    'selvedge_probed_peers{state="inbound"} 0',
    'selvedge_probed_peers{state="direction-unknown"} 1',
    'selvedge_probe_rtt_seconds{quantile="0.5"} 0.002',
    'selvedge_probe_rtt_seconds{quantile="0.99"} 0.003',
    'selvedge_probe_rtt_seconds{quantile="1"} 0.003',
    'selvedge_probe_dropped_datagrams_total{reason="unknown-source"} 4',
    'selvedge_probe_dropped_datagrams_total{reason="unexpected"} 0',
    'selvedge_probe_dropped_datagrams_total{reason="too-many"} 2',
    'selvedge_probe_dropped_datagrams_total{reason="malformed"} 1',
  ])
})

test('an agent that does not probe has no such series', async () => {
  expect(await linesOf(undefined)).toEqual([])
})
