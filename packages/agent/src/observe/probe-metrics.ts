import { Counter, Gauge, type Registry } from 'prom-client'
import type { PathReport } from '../probe/path-state.js'
import type { DroppedProbes } from '../probe/prober.js'

/** What probes have found. */
export interface ProbeFindings {
  /** One for each path to a peer. */
  readonly reports: Iterable<PathReport>
  readonly dropped: DroppedProbes
}

const QUANTILES = [0.5, 0.99, 1]

/** Adds what probes have found, of all peers together: a series for each of thousands of peers would be too many. */
export function addProbes(registers: Registry[], look: () => ProbeFindings | undefined): void {
  new Gauge({
    name: 'selvedge_probed_peers',
    help: 'Peers that are probed, one for each family: reachable, unknown, unreachable by direction.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset()
      const reports = look()?.reports
      if (reports === undefined) return
      for (const state of ['reachable', 'unknown', 'outbound', 'inbound', 'direction-unknown']) {
        this.set({ state }, 0)
      }
      for (const { state, direction = 'unknown' } of reports) {
        const unreachable = direction === 'unknown' ? 'direction-unknown' : direction
        this.inc({ state: state === 'unreachable' ? unreachable : state })
      }
    },
  })
  new Gauge({
    name: 'selvedge_probe_rtt_seconds',
    help: 'Round trips of probes, smoothed for each peer: quantiles over the peers.',
    labelNames: ['quantile'],
    registers,
    collect() {
      this.reset()
      const times = [...(look()?.reports ?? [])].flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs]))
      times.sort((a, b) => a - b)
      for (const quantile of QUANTILES) {
        const ms = times[Math.ceil(times.length * quantile) - 1]
        if (ms !== undefined) this.set({ quantile }, ms / 1000)
      }
    },
  })
  new Counter({
    name: 'selvedge_probe_dropped_datagrams_total',
    help: 'Datagrams at the port of the probes that were not used: unknown-source, unexpected, too-many, malformed.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(look()?.dropped ?? {})) this.inc({ reason }, count)
    },
  })
}
