import type { Flag, FlagTable } from './flag-set.js'

/** The text of `--help`, in the manner of Go's `flag` package: flanneld's flags, then those that it does not have. */
export function helpText(table: FlagTable, ownFlags: readonly string[], program: string): string {
  const entries = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1))
  const [flanneld, own] = [false, true].map((isOwn) =>
    entries.filter(([name]) => ownFlags.includes(name) === isOwn).map(([name, flag]) => entryOf(name, flag)),
  )
  return [
    `Usage: ${program} [-flag[=value]]...`,
    '',
    'The agent of an overlay network on this host, with the flags of flanneld.',
    'Each flag can also be set in the environment: -etcd-prefix by FLANNELD_ETCD_PREFIX.',
    '',
    ...(flanneld ?? []),
    '',
    'Flags that flanneld does not have:',
    '',
    ...(own ?? []),
    '',
  ].join('\n')
}

const entryOf = (name: string, flag: Flag<unknown>): string =>
  `  -${name}${kind(flag)}\n    \t${flag.usage}${fallback(flag)}`

function kind({ type }: Flag<unknown>): string {
  if (type === 'bool') return ''
  return type === 'list' ? ' string (repeatable)' : ` ${type}`
}

function fallback({ type, fallback }: Flag<unknown>): string {
  if (type === 'list' || fallback === '' || fallback === false || fallback === 0) return ''
  if (type === 'duration') return ` (default ${Number(fallback) / 3_600_000}h)`
  return ` (default ${typeof fallback === 'string' ? JSON.stringify(fallback) : fallback})`
}
