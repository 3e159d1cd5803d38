import { outputOf } from './run.js'

/** A chain that the kernel enters by itself. */
export interface BaseChain {
  /** `ip`, `ip6` or `inet`. */
  readonly family: string
  readonly table: string
  readonly chain: string
  readonly hook: string
  readonly policy: string
}

export interface RulesetFacts {
  readonly chains: readonly BaseChain[]
  /** The text of `nft list ruleset`: iptables-nft's rules are among it. */
  readonly text: string
  /** `iptables-legacy-save`, if it has rules. */
  readonly legacy: string
}

/** Undefined without `nft`. */
export async function rulesetFacts(): Promise<RulesetFacts | undefined> {
  const [text, legacy] = await Promise.all([
    outputOf('nft', ['--stateless', 'list', 'ruleset']),
    legacyRules(),
  ])
  return text === undefined ? undefined : { chains: baseChains(text), text, legacy }
}

/** Its kernel modules are loaded by looking, so it is asked only if they are there. */
async function legacyRules(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const tables = await readFile('/proc/net/ip_tables_names', 'utf8').catch(() => '')
  if (tables.trim() === '') return ''
  const saved = (await outputOf('iptables-legacy-save', [])) ?? ''
  return saved
    .split('\n')
    .filter((line) => line.startsWith('-A') || /^:\S+ DROP/.test(line))
    .join('\n')
}

export function baseChains(text: string): readonly BaseChain[] {
  const chains: BaseChain[] = []
  let [family, table, chain] = ['', '', '']
  for (const line of text.split('\n')) {
    const words = line.trim().split(/[\s;]+/)
    if (words[0] === 'table') [, family = '', table = ''] = words
    else if (words[0] === 'chain') chain = words[1] ?? ''
    else if (words[0] === 'type') {
      const [hook, policy] = ['hook', 'policy'].map((name) => words[words.indexOf(name) + 1] ?? '')
      if (hook !== undefined && policy !== undefined && words.includes('hook')) {
        chains.push({ family, table, chain, hook, policy: words.includes('policy') ? policy : 'accept' })
      }
    }
  }
  return chains
}

/** The lines of a chain. */
export function linesOf(
  text: string,
  { family, table, chain }: Omit<BaseChain, 'hook' | 'policy'>,
): string[] {
  const start = text.indexOf(`table ${family} ${table} {`)
  if (start === -1) return []
  const end = text.indexOf('\n}', start)
  const inside = text.slice(start, end === -1 ? undefined : end)
  const from = inside.indexOf(`chain ${chain} {`)
  if (from === -1) return []
  const to = inside.indexOf('\n\t}', from)
  return inside
    .slice(from, to === -1 ? undefined : to)
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
}
