import type { EntryReport } from '../probe/row-datagram.js'
import type { PeerRow } from './browser/feed.js'

/** What probes have found about a peer, for people. */
export type Measured = Pick<PeerRow, 'rttMs' | 'loss' | 'fault' | 'silent'>

/** Of several families, the worse; one that has never answered is not measured. */
export function measured(reports: readonly EntryReport[]): Measured {
  return worstOf(
    reports.map(({ state, direction, rttMs, loss }): Measured => {
      if (state === 'unknown') return { silent: loss === undefined ? undefined : true }
      return {
        // Finer, it would change with each probe.
        rttMs: rttMs === undefined ? undefined : Number(rttMs.toPrecision(2)),
        loss,
        fault: state === 'unreachable' ? (direction ?? 'unknown') : undefined,
      }
    }),
  )
}

export function worstOf(all: readonly Measured[]): Measured {
  return {
    rttMs: most(all.map(({ rttMs }) => rttMs)),
    loss: most(all.map(({ loss }) => loss)),
    fault: all.find(({ fault }) => fault !== undefined)?.fault,
    silent: all.some(({ silent }) => silent === true) || undefined,
  }
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}
