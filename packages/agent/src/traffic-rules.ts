import type { Firewall } from '@selvedge/firewall'
import type { AgentSettings } from './command-line/settings.js'

/** Whether the flags have this node hold traffic rules. */
export const hasTrafficRules = ({ ipMasq, forwardRules }: AgentSettings): boolean => ipMasq || forwardRules

/** Rulesets are found by their names, whatever the network. */
const ANY = { aliases: [], links: [], networks: [] }

/**
 * The driver of traffic rules, if there are any to hold, or any of an earlier start to remove: without either no
 * program of iptables' or nftables' is needed, and none is run after this.
 */
export async function openFirewall(settings: AgentSettings): Promise<readonly Firewall[]> {
  const { firewall } = await import('@selvedge/firewall')
  const driver = firewall({ resyncIntervalMs: settings.rulesResyncMs, name: settings.rulesName })
  if (hasTrafficRules(settings)) return [driver]
  // What cannot be read cannot be removed either, and nothing was asked for.
  const left = await driver.snapshot(ANY).catch(() => [])
  if (left.length > 0) return [driver]
  await driver[Symbol.asyncDispose]()
  return []
}
