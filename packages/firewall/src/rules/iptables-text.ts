import type { AddressMatch, TrafficRule, TrafficRules } from './rule.js'

/** A chain of ours, and the chain of the kernel that jumps to it: the names are flannel's. */
export interface IptablesChain {
  readonly table: 'nat' | 'filter'
  readonly name: string
  readonly parent: string
  readonly comment: string
}

/**
 * The chains of a ruleset, in the order of its text: flannel's own, or those of a named one beside them.
 */
export function iptablesChains(name?: string): readonly [masquerade: IptablesChain, forward: IptablesChain] {
  const suffix = name === undefined ? '' : `-${name}`
  const comment = name === undefined ? '' : ` ${name}`
  return [
    {
      table: 'nat',
      name: `FLANNEL-POSTRTG${suffix}`,
      parent: 'POSTROUTING',
      comment: `flanneld masq${comment}`,
    },
    {
      table: 'filter',
      name: `FLANNEL-FWD${suffix}`,
      parent: 'FORWARD',
      comment: `flanneld forward${comment}`,
    },
  ]
}

/**
 * The rules as `iptables-save` prints them and flannel writes them, tables and chains of others left out: for
 * `iptables-restore --noflush` on a host that has none of them. Empty if there are no rules.
 */
export function iptablesText(rules: TrafficRules, name?: string): string {
  const [nat, filter] = iptablesChains(name)
  return [...tableLines(nat, rules.masquerade, rules), ...tableLines(filter, rules.forward, rules)]
    .map((line) => `${line}\n`)
    .join('')
}

function tableLines(
  chain: IptablesChain,
  rules: readonly TrafficRule[],
  { randomFully }: TrafficRules,
): readonly string[] {
  if (rules.length === 0) return []
  return [
    `*${chain.table}`,
    `:${chain.name} - [0:0]`,
    jumpOf(chain),
    ...rules.map((rule) => `-A ${chain.name} ${ruleText(rule, chain, randomFully)}`),
    'COMMIT',
  ]
}

/** The rule that leads to a chain of ours. */
export const jumpOf = ({ parent, name, comment }: IptablesChain): string =>
  `-A ${parent} -m comment --comment "${comment}" -j ${name}`

function ruleText(rule: TrafficRule, { comment }: IptablesChain, randomFully: boolean): string {
  const mark = rule.markBits === undefined ? undefined : `0x${rule.markBits.toString(16)}`
  return [
    ...matchText('-s', rule.source),
    ...matchText('-d', rule.destination),
    ...(mark === undefined ? [] : [`-m mark --mark ${mark}/${mark}`]),
    `-m comment --comment "${comment}"`,
    `-j ${rule.verdict.toUpperCase()}`,
    ...(rule.verdict === 'masquerade' && randomFully ? [RANDOM_FULLY] : []),
  ].join(' ')
}

export const RANDOM_FULLY = '--random-fully'

const matchText = (flag: string, match: AddressMatch | undefined): readonly string[] =>
  match === undefined ? [] : [`${match.not ? '! ' : ''}${flag} ${match.cidr}`]
