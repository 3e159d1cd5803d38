import type { Family } from '@selvedge/core/kit'
import type { AddressMatch, TrafficRule, TrafficRules } from './rule.js'

/** The tables that flannel has, one a family, or that of a named ruleset beside them. */
export const nftablesTable = (family: Family, name?: string): string =>
  `${family === 4 ? 'ip flannel-ipv4' : 'ip6 flannel-ipv6'}${name === undefined ? '' : `-${name}`}`

/**
 * The same rules, and so the same verdicts, as `nft list table` prints them with its counts left out: for `nft -f` on a
 * host that does not have the table. Empty if there are no rules.
 */
export function nftablesText(rules: TrafficRules, name?: string): string {
  const chains = [
    ...chainLines(
      'postrtg',
      'type nat hook postrouting priority srcnat; policy accept;',
      rules.masquerade,
      rules,
    ),
    ...chainLines(
      'forward',
      'type filter hook forward priority filter; policy accept;',
      rules.forward,
      rules,
    ),
  ]
  if (chains.length === 0) return ''
  return `table ${nftablesTable(rules.family, name)} {\n${chains.join('\n')}}\n`
}

function chainLines(
  name: string,
  hook: string,
  rules: readonly TrafficRule[],
  of: TrafficRules,
): readonly string[] {
  if (rules.length === 0) return []
  const lines = [hook, ...rules.map((rule) => ruleText(rule, of))]
  return [`\tchain ${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`]
}

function ruleText(rule: TrafficRule, { family, randomFully }: TrafficRules): string {
  const ip = family === 4 ? 'ip' : 'ip6'
  const { markBits } = rule
  const mark = markBits === undefined ? undefined : `0x${markBits.toString(16).padStart(8, '0')}`
  return [
    ...(mark === undefined ? [] : [`meta mark & ${mark} == ${mark}`]),
    ...matchText(`${ip} saddr`, rule.source),
    ...matchText(`${ip} daddr`, rule.destination),
    'counter',
    rule.verdict,
    ...(rule.verdict === 'masquerade' && randomFully ? [FULLY_RANDOM] : []),
  ].join(' ')
}

export const FULLY_RANDOM = 'fully-random'

/** nft prints a single address without its length. */
const matchText = (field: string, match: AddressMatch | undefined): readonly string[] =>
  match === undefined
    ? []
    : [`${field} ${match.not ? '!= ' : ''}${match.cidr.replace(/\/(32|128)$/, single)}`]

const single = (length: string, bits: string, at: number, cidr: string): string =>
  (bits === '128') === cidr.slice(0, at).includes(':') ? '' : length
