import { IPTABLES_CHAINS, type IptablesChain } from '../rules/iptables-text.js'

/** What `iptables-save` says of one chain of ours. */
export interface SavedChain {
  readonly chain: IptablesChain
  /** Whether the chain is there. */
  readonly exists: boolean
  /** In the chain that should jump to it: the jump, and what flannel of before v0.20 put there. */
  readonly parentRules: readonly string[]
  /** In the chain itself. */
  readonly rules: readonly string[]
}

/** Everything of ours in the output of `iptables-save`, other programs' left out. */
export function parseSaved(saved: string): readonly SavedChain[] {
  const found = IPTABLES_CHAINS.map((chain) => ({
    chain,
    exists: false,
    parentRules: [] as string[],
    rules: [] as string[],
  }))
  let table = ''
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    for (const entry of found) {
      const { chain } = entry
      if (chain.table !== table) continue
      if (line.startsWith(`:${chain.name} `)) entry.exists = true
      else if (line.startsWith(`-A ${chain.name} `)) entry.rules.push(line)
      else if (line.startsWith(`-A ${chain.parent} `) && isOurs(line, chain)) entry.parentRules.push(line)
    }
  }
  return found
}

/** flannel marks its rules with a comment; its jump may be there without one, made by hand. */
const isOurs = (line: string, { name, comment }: IptablesChain): boolean =>
  line.includes(`--comment "${comment}"`) || line.endsWith(` -j ${name}`)

/** The text of a ruleset resource. */
export function savedText(saved: readonly SavedChain[]): string {
  return saved
    .flatMap(({ chain, exists, parentRules, rules }) => {
      if (!exists && parentRules.length === 0) return []
      const declaration = exists ? [`:${chain.name} - [0:0]`] : []
      return [`*${chain.table}`, ...declaration, ...parentRules, ...rules, 'COMMIT']
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** What iptables-nft says of a table that rules of nft have made unreadable for it. */
const UNREADABLE = /^# Table `(\w+)' (?:is incompatible|contains incompatible base-chains)/gm

/** A table that `iptables-save` cannot print, and that a ruleset's text has rules for. */
export function unreadableTable(saved: string, text: string): string | undefined {
  const tables = [...saved.matchAll(UNREADABLE)].map(([, table = '']) => table)
  return tables.find((table) => text.includes(`*${table}\n`))
}
