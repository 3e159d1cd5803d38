import { planAgent, type ResourcesPage, resourcesPage } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { isOverlayError, OverlayError } from '@selvedge/core'
import type { CliIo } from '../io.js'
import { planServices } from '../plan/services.js'
import { askResources } from '../status/agent-client.js'
import { withTimeLimit } from '../tools/time-limit.js'

/** Who says what is desired on this host, and what it says. */
export interface Desired {
  /** An agent that runs, or a plan of the flags; `none` if neither can. */
  readonly source: 'agent' | 'plan' | 'none'
  /** Why not, if none. */
  readonly why?: string | undefined
  readonly page?: ResourcesPage | undefined
}

/** A plan of 5,000 peers takes under 2 s; a store that does not answer must not keep the rest from being shown. */
const PLAN_TIMEOUT_MS = 10_000
const LATE = new OverlayError(
  'STORE_UNAVAILABLE',
  `planning: it took longer than ${PLAN_TIMEOUT_MS / 1000} s; see whether the store can be reached from here`,
)

/** Asks the agent; without one, plans. */
export async function findDesired(io: CliIo, settings: AgentSettings, socket: string): Promise<Desired> {
  const page = await askResources(socket, io.signal)
  if (page !== undefined) return { source: 'agent', page }
  try {
    const limits = { limitMs: PLAN_TIMEOUT_MS, signal: io.signal, late: LATE }
    return {
      source: 'plan',
      page: await withTimeLimit(limits, (signal) => plannedPage({ ...io, signal }, settings)),
    }
  } catch (error) {
    io.signal.throwIfAborted()
    if (!isOverlayError(error)) throw error
    return { source: 'none', why: `no agent answers at ${socket}, and ${error.message}` }
  }
}

/** What an agent with these flags would answer. */
export async function plannedPage(io: CliIo, settings: AgentSettings): Promise<ResourcesPage> {
  const services = planServices(io, (text) => io.stderr(`selvedge: ${text}\n`))
  const plan = await planAgent(settings, services, io.signal)
  return resourcesPage({
    ...plan,
    subnetFile: { path: settings.subnetFile, text: plan.subnetEnv({ ipMasq: settings.ipMasq }) },
    lastChange: () => undefined,
  })
}
