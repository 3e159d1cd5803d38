import type { Operation, Resource } from '@selvedge/core'

const PLURALS: Readonly<Record<string, string>> = {
  address: 'addresses',
  'fdb entry': 'fdb entries',
  route: 'routes',
  neighbour: 'neighbours',
}

/** What is removed, a line each; what goes with a link is counted in its line. */
export function removalLines(operations: readonly Operation[]): readonly string[] {
  const resources = operations.map(({ resource }) => resource as Resource & Readonly<Record<string, unknown>>)
  const links = resources.filter(({ kind }) => kind === 'link')
  const names = new Set(links.map(({ name }) => name))
  const onLinks = new Map<unknown, Map<string, number>>()
  const lines: string[] = []
  for (const resource of resources) {
    const { kind, link, device } = resource
    const on = kind === 'route' ? device : link
    if (kind === 'link') continue
    if (!names.has(on)) {
      lines.push(lineOf(resource))
      continue
    }
    const counts = onLinks.get(on) ?? new Map<string, number>()
    onLinks.set(on, counts)
    const word = kind === 'fdb' ? 'fdb entry' : kind
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  for (const { name, type } of links) {
    const counts = [...(onLinks.get(name) ?? [])].map(
      ([word, count]) => `${count} ${count === 1 ? word : (PLURALS[word] ?? word)}`,
    )
    lines.push(`link ${name}, ${type}${counts.length === 0 ? '' : `, with ${counts.join(', ')}`}`)
  }
  return lines
}

/** `route 10.244.5.0/24 via 192.0.2.7 dev eth0`; of what no other program names, its key. */
function lineOf({ kind, key, ...fields }: Resource & Readonly<Record<string, unknown>>): string {
  switch (kind) {
    case 'route':
      return [
        `route ${fields.type === 'blackhole' ? 'blackhole ' : ''}${fields.destination}`,
        fields.gateway === undefined ? '' : `via ${fields.gateway}`,
        fields.device === undefined ? '' : `dev ${fields.device}`,
        fields.table === MAIN ? '' : `table ${fields.table}`,
      ]
        .filter((word) => word !== '')
        .join(' ')
    case 'ruleset': {
      const words = key.replace('ruleset ', '')
      const { variant } = fields
      return `traffic rules by ${variant === undefined ? words : words.replace('iptables', `iptables-${variant}`)}`
    }
    case 'ike-daemon':
      return 'process charon, which an agent started'
    case 'xfrm-states':
      return `xfrm states, with the keys of ipsec: ${fields.count}`
    case 'command':
      return `${key}: its command that undoes it is run`
    default:
      return key
  }
}

/** RT_TABLE_MAIN */
const MAIN = 254
