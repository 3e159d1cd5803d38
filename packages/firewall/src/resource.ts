import type { Resource } from '@selvedge/core'
import type { Family } from '@selvedge/core/kit'

/** By which of the kernel's two interfaces rules are held. */
export type RulesetMode = 'iptables' | 'nftables'

/**
 * All traffic rules of one family: plain data, and text, since text is what iptables and nftables take and give. It is in
 * the form in which `iptables-save` and `nft list table` print it, without other programs' rules and without counts, so
 * that equality of texts is equality of rules.
 */
export interface RulesetResource extends Resource {
  readonly kind: 'ruleset'
  readonly mode: RulesetMode
  readonly family: Family
  readonly text: string
}

/** A host has one ruleset for each mode and family: their chains and tables have fixed names. */
export const rulesetKey = (mode: RulesetMode, family: Family): string => `ruleset ${mode} ipv${family}`

export const ruleset = (mode: RulesetMode, family: Family, text: string): RulesetResource => ({
  kind: 'ruleset',
  key: rulesetKey(mode, family),
  mode,
  family,
  text,
})
