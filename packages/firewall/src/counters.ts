import type { Family } from '@selvedge/core/kit'
import { parseSaved } from './iptables/saved-rules.js'
import type { RulesetMode } from './resource.js'
import type { IptablesChain } from './rules/iptables-text.js'

/** What a rule has met since it was written. */
export interface RuleCount {
  /** By which interface the rule is held. */
  readonly mode: RulesetMode
  /** Of the packets that it meets. */
  readonly family: Family
  /** The chain's name in that mode, such as `FLANNEL-POSTRTG` or `postrtg`. */
  readonly chain: string
  /** The rule's place in its chain, from 1. */
  readonly number: number
  /** The rule as its tool prints it. */
  readonly rule: string
  /** Since the rule was written. */
  readonly packets: number
  /** Of these packets. */
  readonly bytes: number
}

const COUNTED = /^\[(\d+):(\d+)\] /

/** Of the output of `iptables-save -c`. */
export function iptablesCounts(
  family: Family,
  saved: string,
  chains: readonly IptablesChain[],
): readonly RuleCount[] {
  const numbers = new Map<string, { packets: number; bytes: number }[]>()
  const plain = saved.split('\n').map((line) => {
    const [, packets, bytes] = COUNTED.exec(line) ?? []
    const rule = line.replace(COUNTED, '')
    if (packets !== undefined) {
      const list = numbers.get(rule) ?? []
      list.push({ packets: Number(packets), bytes: Number(bytes) })
      numbers.set(rule, list)
    }
    return rule
  })
  return parseSaved(plain.join('\n'), chains).flatMap(({ chain, rules }) =>
    rules.map((rule, i) => {
      const { packets, bytes } = numbers.get(rule)?.shift() ?? { packets: 0, bytes: 0 }
      return { mode: 'iptables' as const, family, chain: chain.name, number: i + 1, rule, packets, bytes }
    }),
  )
}

/** Of the output of `nft list table`. */
export function nftablesCounts(family: Family, listed: string): readonly RuleCount[] {
  const counts: RuleCount[] = []
  let chain = ''
  let number = 0
  for (const line of listed.split('\n')) {
    const [, name] = /^\tchain (\S+) \{/.exec(line) ?? []
    if (name !== undefined) {
      chain = name
      number = 0
    }
    const [, packets, bytes] = /counter packets (\d+) bytes (\d+)/.exec(line) ?? []
    if (packets === undefined) continue
    number += 1
    const rule = line.trim().replace(/ counter packets \d+ bytes \d+/, '')
    counts.push({
      mode: 'nftables',
      family,
      chain,
      number,
      rule,
      packets: Number(packets),
      bytes: Number(bytes),
    })
  }
  return counts
}
