import type { Family } from '@selvedge/core/kit'
import { FakeKernelError } from './errors.js'
import type { FakeRuleset } from './types.js'

/** A rule of another program. */
interface ForeignRule {
  readonly family: Family
  readonly table: string
  /** `-A POSTROUTING …` */
  readonly rule: string
  /** Whether it came after ours, and so stands behind them. */
  readonly isLater: boolean
}

/** The chains that iptables' tables have by themselves. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
}

/** The rulesets of a host: ours, kept as they were put, and rules of others beside them. */
export class Rulesets {
  readonly #own = new Map<string, FakeRuleset>()
  #foreign: ForeignRule[] = []
  /** Called when a ruleset of ours changes, or a rule of others. */
  onChange: () => void = () => {}

  get own(): readonly FakeRuleset[] {
    return [...this.#own.values()]
  }

  put(ruleset: FakeRuleset): void {
    if (this.#own.get(ruleset.key)?.text === ruleset.text) return
    this.#own.set(ruleset.key, ruleset)
    this.onChange()
  }

  delete({ key }: Pick<FakeRuleset, 'key'>): void {
    if (!this.#own.delete(key)) throw new FakeKernelError('ENOENT', `there is no ${key}`)
    this.onChange()
  }

  /** As `iptables -t TABLE -A CHAIN …`. */
  append(family: Family, table: string, rule: string): void {
    this.#foreign.push({
      family,
      table,
      rule: `-A ${rule}`,
      isLater: this.#findAll(family).length > 0,
    })
    this.onChange()
  }

  /** As `iptables -t TABLE -D CHAIN …`, of ours or of others. */
  remove(family: Family, table: string, rule: string): void {
    const line = `-A ${rule}`
    const at = this.#foreign.findIndex(
      (one) => one.family === family && one.table === table && one.rule === line,
    )
    if (at >= 0) this.#foreign = this.#foreign.toSpliced(at, 1)
    else if (!this.#change(family, (inTable, one) => inTable === table && one === line)) {
      throw new FakeKernelError('ENOENT', `the table ${table} has no rule '${line}'`)
    }
    this.onChange()
  }

  /** As `iptables -t TABLE -F CHAIN`. */
  flush(family: Family, table: string, chain: string): void {
    const isOfChain = (rule: string): boolean => rule.startsWith(`-A ${chain} `)
    this.#foreign = this.#foreign.filter(
      (one) => one.family !== family || one.table !== table || !isOfChain(one.rule),
    )
    this.#change(family, (inTable, rule) => inTable === table && isOfChain(rule))
    this.onChange()
  }

  /** As `nft delete table NAME`, such as `ip flannel-ipv4`. */
  deleteTable(name: string): void {
    const found = this.own.find(({ mode, text }) => mode === 'nftables' && text.includes(`table ${name} {`))
    if (found === undefined) throw new FakeKernelError('ENOENT', `there is no table ${name}`)
    this.delete(found)
  }

  /** What `iptables-save` prints, or `ip6tables-save`, without its comments and counts. */
  iptablesSave(family: Family): string {
    const own = tablesOf(
      this.#findAll(family)
        .map(({ text }) => text)
        .join(''),
    )
    return Object.entries(BUILT_IN)
      .map(([table, builtIn]) => {
        const of = (isLater: boolean): readonly string[] =>
          this.#foreign
            .filter((one) => one.family === family && one.table === table && one.isLater === isLater)
            .map(({ rule }) => rule)
        const { chains, rules } = own.get(table) ?? { chains: [], rules: [] }
        return tableText(
          table,
          [...builtIn.map((name) => `:${name} ACCEPT [0:0]`), ...chains],
          [...of(false), ...rules, ...of(true)],
        )
      })
      .join('')
  }

  /** What `nft list ruleset` prints, without counts. What iptables-nft holds is not repeated. */
  nftListRuleset(): string {
    return this.own
      .filter(({ mode }) => mode === 'nftables')
      .map(({ text }) => text)
      .join('')
  }

  /** Those of iptables: one for each overlay on the host. */
  #findAll(family: Family): readonly FakeRuleset[] {
    return this.own.filter((one) => one.mode === 'iptables' && one.family === family)
  }

  /** Takes rules out of ours. Returns whether there were any. */
  #change(family: Family, isGone: (table: string, rule: string) => boolean): boolean {
    const changed = this.#findAll(family).filter((held) => {
      let table = ''
      const lines = held.text.split('\n').filter((line) => {
        if (line.startsWith('*')) table = line.slice(1)
        return !isGone(table, line)
      })
      const text = lines.join('\n')
      this.#own.set(held.key, { ...held, text })
      return text !== held.text
    })
    return changed.length > 0
  }
}

interface Table {
  readonly chains: string[]
  readonly rules: string[]
}

function tablesOf(text: string): ReadonlyMap<string, Table> {
  const tables = new Map<string, Table>()
  let table: Table = { chains: [], rules: [] }
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = tables.get(line.slice(1)) ?? { chains: [], rules: [] }
      tables.set(line.slice(1), table)
    } else if (line.startsWith(':')) table.chains.push(line)
    else if (line.startsWith('-A ')) table.rules.push(line)
  }
  return tables
}

/** The rules of each chain together, in the order of the chains. */
function tableText(name: string, chains: readonly string[], rules: readonly string[]): string {
  const sorted = chains.flatMap((chain) => {
    const [, chainName = ''] = /^:(\S+)/.exec(chain) ?? []
    return rules.filter((rule) => rule.startsWith(`-A ${chainName} `))
  })
  return [`*${name}`, ...chains, ...sorted, 'COMMIT'].map((line) => `${line}\n`).join('')
}
