import { blackholeRoute, type Part } from '@selvedge/core'
import type { AgentSettings } from './command-line/settings.js'
import { hasTrafficRules } from './traffic-rules.js'

/** What the flags have this node hold besides its backend. */
export async function nodeParts(settings: AgentSettings): Promise<readonly Part[]> {
  const parts: Part[] = []
  if (hasTrafficRules(settings)) {
    const { trafficRules } = await import('@selvedge/firewall')
    const { ipMasq, forwardRules, randomFully, masqExceptions, keepAddress, rulesName } = settings
    parts.push(
      trafficRules({
        masquerade: ipMasq,
        forward: forwardRules,
        randomFully,
        exceptions: masqExceptions,
        keepAddress,
        name: rulesName,
      }),
    )
  }
  if (settings.blackholeRoute) parts.push(blackholeRoute())
  return parts
}
