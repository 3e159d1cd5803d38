import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import type { PathReport } from '../probe/path-state.js'
import { addProbes } from './probe-metrics.js'

async function linesOf(reports: readonly PathReport[] | undefined): Promise<readonly string[]> {
  const registry = new Registry()
  addProbes([registry], () => reports)
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('peers are counted by state and direction, and their round trips are summed up', async () => {
  const times: PathReport[] = [3, 1, 2].map((rttMs) => ({ state: 'reachable', rttMs }))
  const lines = await linesOf([
    ...times,
    { state: 'unknown' },
    { state: 'unreachable', direction: 'outbound' },
    { state: 'unreachable', direction: 'unknown' },
  ])
  expect(lines).toEqual([
    'selvedge_probed_peers{state="reachable"} 3',
    'selvedge_probed_peers{state="unknown"} 1',
    'selvedge_probed_peers{state="outbound"} 1',
    'selvedge_probed_peers{state="inbound"} 0',
    'selvedge_probed_peers{state="direction-unknown"} 1',
    'selvedge_probe_rtt_seconds{quantile="0.5"} 0.002',
    'selvedge_probe_rtt_seconds{quantile="0.99"} 0.003',
    'selvedge_probe_rtt_seconds{quantile="1"} 0.003',
  ])
})

test('an agent that does not probe has no such series', async () => {
  expect(await linesOf(undefined)).toEqual([])
})
