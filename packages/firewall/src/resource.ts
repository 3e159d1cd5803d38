import { OverlayError, type Resource } from '@selvedge/core'
import { type Family, quote, whyNoRulesetName } from '@selvedge/core/kit'

/** By which of the kernel's two interfaces rules are held. */
export type RulesetMode = 'iptables' | 'nftables'

/**
 * All traffic rules of one family: plain data, and text, since text is what iptables and nftables take and give. It is in
 * the form in which `iptables-save` and `nft list table` print it, without other programs' rules and without counts, so
 * that equality of texts is equality of rules.
 */
export interface RulesetResource extends Resource {
  readonly kind: 'ruleset'
  /** By which interface the rules are held. */
  readonly mode: RulesetMode
  /** Of the packets that they meet. */
  readonly family: Family
  /** What tells it from the rulesets of other overlays on the host; absent for flannel's own names. */
  readonly name?: string | undefined
  /** What the tool of this mode prints for them. Nothing else of a ruleset is compared. */
  readonly text: string
}

/** A host has one ruleset for each mode, family and name: their chains and tables have fixed names. */
export const rulesetKey = (mode: RulesetMode, family: Family, name?: string): string =>
  `ruleset ${mode} ipv${family}${name === undefined ? '' : ` ${name}`}`

/** Makes a ruleset. `text` is in the form in which the tool of its mode prints it. */
export const ruleset = (
  mode: RulesetMode,
  family: Family,
  text: string,
  name?: string | undefined,
): RulesetResource => ({
  kind: 'ruleset',
  key: rulesetKey(mode, family, name),
  mode,
  family,
  ...(name === undefined ? {} : { name }),
  text,
})

/** @throws OverlayError `INVALID_CONFIG` for a name that no chain can have */
export function requireRulesetName(name: string | undefined): string | undefined {
  const problem = name === undefined ? undefined : whyNoRulesetName(name)
  if (problem === undefined) return name
  throw new OverlayError('INVALID_CONFIG', `a ruleset cannot have the name ${quote(name)}: it ${problem}`)
}
