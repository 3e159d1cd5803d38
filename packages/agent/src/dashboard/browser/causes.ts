/** Who changed what. */
import type { DriftRow } from './feed.js'

export interface Cause {
  readonly program: string
  readonly count: number
  readonly lastAt: number
}

export function programText(by: DriftRow['by']): string {
  if (by === undefined) return 'not known'
  return by.name === undefined ? `ended (${by.pid})` : `${by.name} (${by.pid})`
}

/** By program, whichever its process: the one that changed most first. */
export function causesOf(drifts: readonly DriftRow[]): readonly Cause[] {
  const causes = new Map<string, { count: number; lastAt: number }>()
  for (const { by, at } of drifts) {
    const program = by === undefined ? 'not known' : (by.name ?? 'programs that have ended')
    const cause = causes.get(program) ?? { count: 0, lastAt: at }
    cause.count += 1
    cause.lastAt = Math.max(cause.lastAt, at)
    causes.set(program, cause)
  }
  return [...causes]
    .map(([program, cause]) => ({ program, ...cause }))
    .sort((a, b) => b.count - a.count || b.lastAt - a.lastAt)
}

export function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
