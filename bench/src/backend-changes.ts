import { changeBackend, type Stretch, whyNotOnKernel } from '@selvedge/lab'
import { median } from './median.js'

/** A change from one backend to another; medians, and of what was lost after the change the most. */
export interface MeasuredChange {
  readonly from: string
  readonly to: string
  /** Until the first agent is stopped. */
  readonly before: Stretch
  readonly mixed: Stretch
  /** From the moment that the last host is in sync until a second after both pods have reached each other. */
  readonly after: Stretch
}

/** Those that need no settings. */
const BACKENDS = ['vxlan', 'host-gw', 'ipip', 'udp', 'wireguard'] as const

/** Every change from one backend that this kernel has to another, each `rounds` times, in turn. */
export async function measureBackendChanges(
  rounds: number,
  signal: AbortSignal,
): Promise<readonly MeasuredChange[]> {
  const types: string[] = []
  for (const type of BACKENDS) {
    const problem = type === 'ipip' ? await whyNotOnKernel(type) : undefined
    if (problem === undefined) types.push(type)
    else process.stderr.write(`${type} is left out: ${problem}\n`)
  }
  const pairs = types.flatMap((from) => types.filter((to) => to !== from).map((to) => ({ from, to })))
  const runs = pairs.map((pair) => ({ pair, changes: [] as Omit<MeasuredChange, 'from' | 'to'>[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const { pair, changes } of runs) {
      const { from, to } = pair
      const { before, mixed, after, settled } = await changeBackend({
        from: { Type: from },
        to: { Type: to },
        signal,
      })
      changes.push({ before, mixed, after: sum(after, settled) })
    }
  }
  return runs.map(({ pair, changes }) => ({
    ...pair,
    before: mostLost(changes.map(({ before }) => before)),
    mixed: medianOf(changes.map(({ mixed }) => mixed)),
    after: mostLost(changes.map(({ after }) => after)),
  }))
}

const sum = (one: Stretch, other: Stretch): Stretch => ({
  sent: one.sent + other.sent,
  lost: one.lost + other.lost,
  durationMs: one.durationMs + other.durationMs,
})

const medianOf = (all: readonly Stretch[]): Stretch => ({
  sent: median(all.map(({ sent }) => sent)),
  lost: median(all.map(({ lost }) => lost)),
  durationMs: median(all.map(({ durationMs }) => durationMs)),
})

const mostLost = (all: readonly Stretch[]): Stretch =>
  all.reduce((most, one) => (one.lost > most.lost ? one : most))
