import { Gauge, type Registry } from 'prom-client'
import type { PathReport } from '../probe/path-state.js'

const QUANTILES = [0.5, 0.99, 1]

/** Adds what probes have found, of all peers together: a series for each of thousands of peers would be too many. */
export function addProbes(registers: Registry[], look: () => readonly PathReport[] | undefined): void {
  new Gauge({
    name: 'selvedge_probed_peers',
    help: 'Peers that are probed, one for each family: reachable, unknown, unreachable by direction.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset()
      const reports = look()
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
      const times = (look() ?? []).flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs]))
      times.sort((a, b) => a - b)
      for (const quantile of QUANTILES) {
        const ms = times[Math.ceil(times.length * quantile) - 1]
        if (ms !== undefined) this.set({ quantile }, ms / 1000)
      }
    },
  })
}
