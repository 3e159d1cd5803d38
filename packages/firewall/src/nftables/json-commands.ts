import { OverlayError } from '@selvedge/core'
import { quote } from '@selvedge/core/kit'

type Json = string | number | null | readonly Json[] | { readonly [key: string]: Json }

/** The priorities that ruleset texts name (linux/netfilter_ipv4.h: NF_IP_PRI_NAT_SRC, NF_IP_PRI_FILTER). */
const PRIORITIES: Readonly<Record<string, number>> = { srcnat: 100, filter: 0 }

/**
 * One transaction, as `nft -j` takes it (libnftables-json(5)), that puts a table in place of what there is of it, or
 * removes it if the text is empty. The table is added first, so that deleting it cannot fail.
 *
 * @param table such as `ip flannel-ipv4`
 * @param text a ruleset resource's: of nft's language, what such a text has
 * @throws OverlayError `INTERNAL` for a line of any other kind
 */
export function replacingCommands(table: string, text: string): string {
  const [family = '', name = ''] = table.split(' ')
  const commands: Json[] = [
    { add: { table: { family, name } } },
    { delete: { table: { family, name } } },
    ...(text === '' ? [] : [{ add: { table: { family, name } } }]),
  ]
  let chain = ''
  for (const line of text.split('\n').map((line) => line.trim())) {
    const [, started] = /^chain (\S+) \{$/.exec(line) ?? []
    const [, type, hook, priority] = /^type (\w+) hook (\w+) priority (\w+); policy accept;$/.exec(line) ?? []
    if (started !== undefined) chain = started
    else if (type !== undefined && hook !== undefined && priority !== undefined) {
      const prio = PRIORITIES[priority] ?? unknown(line)
      commands.push({
        add: { chain: { family, table: name, name: chain, type, hook, prio, policy: 'accept' } },
      })
    } else if (line !== '' && line !== '}' && line !== `table ${table} {`) {
      commands.push({ add: { rule: { family, table: name, chain, expr: expressions(line) } } })
    }
  }
  return JSON.stringify({ nftables: commands })
}

/** What one rule is made of, with the pattern of its text. */
const EXPRESSIONS: readonly (readonly [RegExp, (...groups: string[]) => Json])[] = [
  [
    /^meta mark & (\S+) == (\S+)/,
    (mask, mark) => match('==', { '&': [{ meta: { key: 'mark' } }, Number(mask)] }, Number(mark)),
  ],
  [
    /^(ip6?) ([sd]addr) (!= )?(\S+)/,
    (protocol = '', field = '', not, cidr = '') =>
      match(not === undefined ? '==' : '!=', { payload: { protocol, field } }, addresses(cidr)),
  ],
  [/^counter/, () => ({ counter: null })],
  [/^masquerade fully-random/, () => ({ masquerade: { flags: 'fully-random' } })],
  [/^masquerade/, () => ({ masquerade: null })],
  [/^return/, () => ({ return: null })],
  [/^accept/, () => ({ accept: null })],
]

function expressions(rule: string): readonly Json[] {
  const found: Json[] = []
  for (let rest = rule; rest !== ''; ) {
    const next = EXPRESSIONS.map(([pattern, make]) => [pattern.exec(rest), make] as const).find(
      ([hit]) => hit,
    )
    const [hit, make] = next ?? unknown(rule)
    const [text = '', ...groups] = hit ?? unknown(rule)
    found.push(make(...groups))
    rest = rest.slice(text.length).trimStart()
  }
  return found
}

const match = (op: string, left: Json, right: Json): Json => ({ match: { op, left, right } })

/** nft writes a single address without its length. */
function addresses(cidr: string): Json {
  const [addr = '', length] = cidr.split('/')
  return length === undefined ? addr : { prefix: { addr, len: Number(length) } }
}

function unknown(line: string): never {
  throw new OverlayError('INTERNAL', `no ruleset of nftables has the line ${quote(line)}`)
}
