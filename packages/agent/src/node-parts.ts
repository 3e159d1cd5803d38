import { blackholeRoute, type Part } from '@selvedge/core'
import type { AgentSettings } from './command-line/settings.js'

/** What the flags have this node hold besides its backend. */
export function nodeParts(settings: AgentSettings): readonly Part[] {
  return settings.blackholeRoute ? [blackholeRoute()] : []
}
