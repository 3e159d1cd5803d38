import type { IptablesChain } from '../rules/iptables-text.js'
import { uncommentedRules } from './uncommented-rules.js'

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

/** Everything of these chains in the output of `iptables-save`, other programs' left out. */
export function parseSaved(saved: string, chains: readonly IptablesChain[]): readonly SavedChain[] {
  const found = chains.map((chain) => ({
    chain,
    exists: false,
    parentRules: [] as string[],
    rules: [] as string[],
  }))
  const uncommented = chains.some(isFlannels) ? uncommentedRules(saved) : undefined
  let table = ''
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1)
    for (const entry of found) {
      const { chain } = entry
      if (chain.table !== table) continue
      if (line.startsWith(`:${chain.name} `)) entry.exists = true
      else if (line.startsWith(`-A ${chain.name} `)) entry.rules.push(line)
      else if (
        line.startsWith(`-A ${chain.parent} `) &&
        (isOurs(line, chain) || uncommented?.has(line) === true)
      )
        entry.parentRules.push(line)
    }
  }
  return found
}

/** Whether it bears flannel's own name, so that what flannel leaves is replaced by it. */
const isFlannels = ({ comment }: IptablesChain): boolean => /^flanneld \w+$/.test(comment)

/** One rule of v0.16 has this comment. */
const MISSPELT = '--comment "flannel masq"'

/** flannel marks its rules with a comment; its jump may be there without one, made by hand. */
const isOurs = (line: string, chain: IptablesChain): boolean =>
  line.includes(`--comment "${chain.comment}"`) ||
  line.endsWith(` -j ${chain.name}`) ||
  (isFlannels(chain) && line.includes(MISSPELT))

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
