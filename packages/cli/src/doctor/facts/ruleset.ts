import { parseIptablesSave, parseNftRuleset, parseNftTables, type RuleChain } from '../../inspect/chains.js'
import { hasLegacyTables } from '../../tools/legacy-tables.js'
import { outputOf } from './run.js'

/** A chain, and the program that lists and changes it: `iptables`, `ip6tables-legacy`, `nft`. */
export interface FirewallChain extends Omit<RuleChain, 'rules'> {
  readonly tool: string
  readonly rules: readonly FirewallRule[]
}

export interface FirewallRule {
  /** As the tool prints it. */
  readonly text: string
  /** The chain that it jumps or goes to, or its verdict in lower case. */
  readonly target?: string | undefined
  /** Of nftables: what a deletion names it by. */
  readonly handle?: string | undefined
}

export interface RulesetFacts {
  readonly chains: readonly FirewallChain[]
  /** Rules of legacy iptables, and of the variant on nftables. */
  readonly legacyRules: readonly string[]
  readonly nftRules: readonly string[]
  /** As nft lists everything: for its maps. */
  readonly nft: string
}

/** Undefined without any of the tools. */
export async function rulesetFacts(): Promise<RulesetFacts | undefined> {
  const [nft, nft4, nft6, legacy4, legacy6] = await Promise.all([
    outputOf('nft', ['--stateless', '-a', 'list', 'ruleset']),
    saved('iptables'),
    saved('ip6tables'),
    legacyRules('iptables', 'ip'),
    legacyRules('ip6tables', 'ip6'),
  ])
  if (nft === undefined && nft4 === undefined && legacy4 === '') return undefined
  return rulesetOf({ nft, nft4, nft6, legacy4, legacy6 })
}

export interface SavedRulesets {
  /** `nft -a list ruleset`. */
  readonly nft?: string | undefined
  /** `iptables-save` of the variant on nftables, and `ip6tables-save`; undefined if they are not installed. */
  readonly nft4?: string | undefined
  readonly nft6?: string | undefined
  /** Those of the legacy variant. */
  readonly legacy4?: string
  readonly legacy6?: string
}

export function rulesetOf({ nft = '', nft4, nft6, legacy4 = '', legacy6 = '' }: SavedRulesets): RulesetFacts {
  // Without iptables its rules are seen as nft shows them.
  const tables = nft4 === undefined ? parseNftTables(nft) : parseNftRuleset(nft)
  return {
    chains: [
      ...tables.map((chain) => ({ ...chain, tool: 'nft', rules: chain.rules.map(withHandle) })),
      ...parseIptablesSave(nft4 ?? '', 'ip').map((chain) => ({ ...chain, tool: 'iptables' })),
      ...parseIptablesSave(nft6 ?? '', 'ip6').map((chain) => ({ ...chain, tool: 'ip6tables' })),
      ...parseIptablesSave(legacy4, 'ip').map((chain) => ({ ...chain, tool: 'iptables-legacy' })),
      ...parseIptablesSave(legacy6, 'ip6').map((chain) => ({ ...chain, tool: 'ip6tables-legacy' })),
    ],
    legacyRules: rulesIn(legacy4 + legacy6),
    nftRules: rulesIn((nft4 ?? '') + (nft6 ?? '')),
    nft,
  }
}

const withHandle = ({ text, target }: FirewallRule): FirewallRule => {
  const [, rule = text, handle] = /^(.*?) # handle (\d+)$/.exec(text) ?? []
  return { text: rule, target, handle }
}

const rulesIn = (text: string): readonly string[] => text.split('\n').filter((line) => line.startsWith('-A'))

/** Of the variant on nftables: its own name if it has one, else what the host's default is. */
async function saved(program: 'iptables' | 'ip6tables'): Promise<string | undefined> {
  return (await outputOf(`${program}-nft-save`, [])) ?? (await outputOf(`${program}-save`, []))
}

async function legacyRules(program: 'iptables' | 'ip6tables', family: 'ip' | 'ip6'): Promise<string> {
  return (await hasLegacyTables(family)) ? ((await outputOf(`${program}-legacy-save`, [])) ?? '') : ''
}
