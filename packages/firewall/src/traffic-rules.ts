import { OverlayError, type Part } from '@selvedge/core'
import {
  canonicalCidr,
  checkOptions,
  enabledFamilies,
  flag,
  listOf,
  parseCidr,
  text,
} from '@selvedge/core/kit'
import { type RulesetResource, requireRulesetName, ruleset } from './resource.js'
import { iptablesText } from './rules/iptables-text.js'
import { nftablesText } from './rules/nftables-text.js'
import { type RuleChoices, rulesOf } from './rules/rule.js'

/** Which packets are masqueraded, and which may pass. */
export interface TrafficRulesOptions {
  /** Whether what pods send outside the network bears the node's address. Default: true. */
  readonly masquerade?: boolean | undefined
  /**
   * Whether masquerading takes source ports at random, which keeps two flows at once from taking one. Default: true; a
   * tool that cannot is found out, and does without.
   */
  readonly randomFully?: boolean | undefined
  /** Whether packets from and to the network may pass, whatever the policy of iptables' FORWARD. Default: true. */
  readonly forward?: boolean | undefined
  /** Networks (CIDR) outside that pods reach with their own address, of either family. Default: none. */
  readonly exceptions?: readonly string[] | undefined
  /**
   * For a host with several overlays: what is added to the names of this one's chains and tables, the same as its
   * `firewall()` has. 1 to 12 letters, digits and hyphens. Default: flannel's own names.
   */
  readonly name?: string | undefined
  /** Networks (CIDR) of pods that always keep their own address, of either family. Default: none. */
  readonly keepAddress?: readonly string[] | undefined
}

/**
 * The traffic rules of flanneld for this node: by iptables, or by nftables if the network config says `EnableNFTables`.
 * Held by the driver `firewall()`.
 *
 * @throws OverlayError `INVALID_CONFIG` for a network that is no CIDR, or an impossible name
 */
export function trafficRules(options: TrafficRulesOptions = {}): Part {
  checkOptions<TrafficRulesOptions>('trafficRules()', options, {
    masquerade: flag,
    randomFully: flag,
    forward: flag,
    exceptions: listOf(text),
    name: text,
    keepAddress: listOf(text),
  })
  const { masquerade = true, randomFully = true, forward = true } = options
  const name = requireRulesetName(options.name)
  const exceptions = networksOf('exceptions', options.exceptions)
  const keepAddress = networksOf('keepAddress', options.keepAddress)
  return {
    name: 'traffic rules',
    local: ({ config, lease }) =>
      enabledFamilies(config).flatMap((parts): readonly RulesetResource[] => {
        const { family } = parts
        const network = config[parts.network]?.network
        const subnet = lease[parts.subnet]
        if (network === undefined || subnet === undefined) return []
        const ofFamily = (cidrs: readonly string[]): readonly string[] =>
          cidrs.filter((cidr) => parseCidr(cidr)?.family === family)
        const choices: RuleChoices = {
          masquerade,
          randomFully,
          forward,
          exceptions: ofFamily(exceptions),
          keepAddress: ofFamily(keepAddress),
        }
        const rules = rulesOf({ family, network, subnet }, choices)
        const mode = config.enableNFTables ? 'nftables' : 'iptables'
        const text = mode === 'nftables' ? nftablesText(rules, name) : iptablesText(rules, name)
        return text === '' ? [] : [ruleset(mode, family, text, name)]
      }),
  }
}

function networksOf(name: string, cidrs: readonly string[] = []): readonly string[] {
  return cidrs.map((text) => {
    if (parseCidr(text) !== undefined) return canonicalCidr(text)
    throw new OverlayError(
      'INVALID_CONFIG',
      `the option ${name} of trafficRules names '${text}', which is no network: write it as 10.0.0.0/8`,
    )
  })
}
