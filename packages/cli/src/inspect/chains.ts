/** One chain of rules, of iptables or nftables. */
export interface RuleChain {
  /** Of iptables' implementations, the one that the host calls `iptables` has that name. */
  readonly holder: 'iptables' | 'iptables-nft' | 'iptables-legacy' | 'nftables'
  /** As nft names it; of iptables, `ip` or `ip6`. */
  readonly family: string
  readonly table: string
  readonly name: string
  /** Where the kernel enters it, such as `postrouting`; undefined for one that is only jumped to. */
  readonly hook?: string | undefined
  readonly policy?: string | undefined
  readonly rules: readonly ChainRule[]
}

export interface ChainRule {
  /** As the tool prints it, without counts. */
  readonly text: string
  /** The chain that it jumps or goes to, or its verdict in lower case; undefined for one that has none. */
  readonly target?: string | undefined
}

/** The chains in the output of `iptables-save` or `ip6tables-save`. */
export function parseIptablesSave(
  text: string,
  family: 'ip' | 'ip6',
  holder: RuleChain['holder'] = 'iptables',
): readonly RuleChain[] {
  const chains: { -readonly [K in keyof RuleChain]: RuleChain[K] }[] = []
  const byName = new Map<string, ChainRule[]>()
  let table = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = line.slice(1).trim()
      byName.clear()
      continue
    }
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? []
    if (declared !== undefined) {
      const isBuiltIn = /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/.test(declared)
      const rules: ChainRule[] = []
      byName.set(declared, rules)
      const hook = isBuiltIn ? declared.toLowerCase() : undefined
      chains.push({ holder, family, table, name: declared, hook, rules })
      if (policy !== undefined && policy !== '-') Object.assign(chains.at(-1) ?? {}, { policy })
      continue
    }
    const [, chain, rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? []
    if (chain === undefined || rule === undefined) continue
    let rules = byName.get(chain)
    if (rules === undefined) {
      // A part of a ruleset: the chain is declared elsewhere.
      rules = []
      byName.set(chain, rules)
      chains.push({ holder, family, table, name: chain, rules })
    }
    const [, target] = / (?:-j|-g) (\S+)/.exec(` ${rule}`) ?? []
    const isVerdict = target !== undefined && VERDICTS.has(target.toLowerCase())
    rules.push({ text: rule, target: isVerdict ? target.toLowerCase() : target })
  }
  return chains
}

const VERDICTS = new Set('accept drop return masquerade reject snat dnat queue redirect'.split(' '))

/** The chains in the output of `nft list ruleset` or `nft list table`; tables that iptables' nft variant made are left out. */
export function parseNftRuleset(text: string): readonly RuleChain[] {
  const chains = parseNftTables(text)
  return chains.filter((each) => !isOfIptables(each, chains))
}

/** The same with those. */
export function parseNftTables(text: string): readonly RuleChain[] {
  const chains: RuleChain[] = []
  let at: { family: string; table: string } | undefined
  let chain: { name: string; hook?: string; policy?: string; rules: ChainRule[] } | undefined
  let depth = 0
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    const bare = line.replaceAll(/"[^"]*"/g, '""')
    const opened = bare.split('{').length - 1
    const closed = bare.split('}').length - 1
    if (depth === 0) {
      const [, family, table] = /^table (\S+) (\S+) \{/.exec(line) ?? []
      at = family === undefined || table === undefined ? undefined : { family, table }
    } else if (depth === 1 && at !== undefined) {
      const [, name] = /^chain (\S+) \{/.exec(line) ?? []
      chain = name === undefined ? undefined : { name, rules: [] }
    } else if (depth === 2 && chain !== undefined && line !== '}') {
      const [, hook] = /^type \S+ hook (\S+)/.exec(line) ?? []
      if (hook === undefined) chain.rules.push(nftRule(line))
      else {
        chain.hook = hook
        const [, policy] = /policy (\w+);/.exec(line) ?? []
        if (policy !== undefined) chain.policy = policy
      }
    }
    depth = Math.max(0, depth + opened - closed)
    if (depth === 1 && chain !== undefined && at !== undefined) {
      chains.push({ holder: 'nftables', ...at, ...chain })
      chain = undefined
    }
  }
  return chains
}

function nftRule(line: string): ChainRule {
  const text = line.replaceAll(/counter packets \d+ bytes \d+/g, 'counter')
  const words = text.replaceAll(/"[^"]*"/g, '""')
  const [, chain] = /\b(?:jump|goto) (\S+)/.exec(words) ?? []
  const verdict = words.split(' ').find((word) => VERDICTS.has(word))
  return { text, target: chain ?? verdict }
}

const IPTABLES_TABLES = ['raw', 'mangle', 'nat', 'filter', 'security']
const BUILT_IN = /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/

/** Its names are of iptables: lower-case tables, upper-case base chains. */
const isOfIptables = ({ family, table }: RuleChain, chains: readonly RuleChain[]): boolean =>
  /^ip6?$/.test(family) &&
  IPTABLES_TABLES.includes(table) &&
  chains.some((each) => each.family === family && each.table === table && BUILT_IN.test(each.name))

/** The chain as messages name it: `iptables ip nat FLANNEL-POSTRTG`. */
export const chainName = ({ holder, family, table, name }: RuleChain): string =>
  `${holder} ${family} ${table} ${name}`

/** All rules of chains, a line each, with the chain before it. */
export const ruleLines = (chains: readonly RuleChain[]): readonly string[] =>
  chains.flatMap((chain) => chain.rules.map(({ text }) => `${chainName(chain)}: ${text}`))
