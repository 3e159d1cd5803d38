import type { AbortOptions, Driver } from '@selvedge/core'
import { firewall } from './firewall.js'
import type { IptablesVariant } from './iptables/iptables.js'
import { otherIptables } from './iptables/other-variant.js'
import type { RulesetResource } from './resource.js'
import { rulesetNames } from './ruleset-names.js'

/** A ruleset of the implementation of iptables that the system does not call `iptables`, which it names. */
export interface LeftRulesetResource extends RulesetResource {
  /** That implementation; undefined for one of the system's own `iptables`, and of nftables. */
  readonly variant?: IptablesVariant | undefined
}

/** What `firewallLeftovers` is called with. */
export interface LeftRulesetsOptions extends AbortOptions {
  /** The network namespace to look in, by path; the process's own by default. */
  readonly namespace?: string | undefined
  /** A name that is looked for even if no chain of it is found. Default: none. */
  readonly name?: string | undefined
}

/**
 * The drivers of all rulesets on a host, flannel's own and those of each name: by nftables, by iptables, and by the other
 * implementation of iptables, which a host may have had before. For a removal. Rejects with an OverlayError
 * `INVALID_CONFIG` for a `name` that no chain can have.
 */
export async function firewallLeftovers({
  namespace,
  name,
  signal,
}: LeftRulesetsOptions = {}): Promise<readonly Driver<LeftRulesetResource>[]> {
  const names = [...new Set([undefined, name, ...(await rulesetNames({ namespace, signal }))])]
  const other = await otherIptables({ namespace })
  return names.flatMap((each) => [
    firewall({ namespace, name: each }),
    ...(other === undefined
      ? []
      : [named(firewall({ namespace, name: each, iptables: other, modes: ['iptables'] }), other)]),
  ])
}

/** The same driver, whose resources bear the name of the implementation. */
const named = (driver: Driver<RulesetResource>, variant: IptablesVariant): Driver<LeftRulesetResource> => ({
  name: `${driver.name} ${variant}`,
  kinds: driver.kinds,
  snapshot: async (...args) => (await driver.snapshot(...args)).map((resource) => ({ ...resource, variant })),
  apply: (...args) => driver.apply(...args),
  [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
})
