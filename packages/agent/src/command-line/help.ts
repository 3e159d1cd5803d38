import type { Flag, FlagTable } from './flag-set.js'

/** The text of `--help`, one flag after the other in the manner of Go's `flag` package. */
export function helpText(table: FlagTable, program: string): string {
  const entries = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = entries.map(([name, flag]) => `  -${name}${kind(flag)}\n    \t${flag.usage}${fallback(flag)}`)
  return [
    `Usage: ${program} [-flag[=value]]...`,
    '',
    'The agent of an overlay network on this host, with the flags of flanneld.',
    'Each flag can also be given in the environment: FLANNELD_ETCD_PREFIX for -etcd-prefix.',
    '',
    ...lines,
    '',
  ].join('\n')
}

function kind({ type }: Flag<unknown>): string {
  if (type === 'bool') return ''
  return type === 'list' ? ' string (repeatable)' : ` ${type}`
}

function fallback({ type, fallback }: Flag<unknown>): string {
  if (type === 'list' || fallback === '' || fallback === false || fallback === 0) return ''
  if (type === 'duration') return ` (default ${Number(fallback) / 3_600_000}h)`
  return ` (default ${typeof fallback === 'string' ? JSON.stringify(fallback) : fallback})`
}
