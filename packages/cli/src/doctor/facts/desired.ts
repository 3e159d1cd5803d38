import type { ResourcesPage } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { plannedPage } from '../../inspect/desired.js'
import type { CliIo } from '../../io.js'
import { askResources } from '../../status/agent-client.js'
import { withTimeLimit } from '../../tools/time-limit.js'
import type { AgentFact, StoreFact } from './answers.js'

/** What this host's kernel is to hold, and what it holds of it. */
export type DesiredFact =
  | { readonly source: 'agent' | 'plan'; readonly page: ResourcesPage }
  /** Neither an agent nor a plan says. */
  | { readonly source: 'none'; readonly why: string }

/** An agent that has just got an event writes what it requires within this time. */
const SETTLE_MS = 400
const LIMIT_MS = 2_000
const LATE = new Error(`no answer in ${LIMIT_MS / 1000} s`)

/** The agent's answer; of one that does not answer, what one with these flags would write. */
export async function desiredFact(
  io: CliIo,
  settings: AgentSettings,
  socket: string,
  { agent, store: reading }: { readonly agent: AgentFact; readonly store: Promise<StoreFact> },
): Promise<DesiredFact> {
  try {
    if (agent.state === 'answers') return await ofAgent(io, socket)
    const store = await reading
    if (store.state !== 'answers') return { source: 'none', why: store.why }
    if (store.config === undefined || store.configProblem !== undefined)
      return { source: 'none', why: store.configProblem ?? 'there is no network config' }
    const limits = { limitMs: LIMIT_MS, signal: io.signal, late: LATE }
    const page = await withTimeLimit(limits, (signal) =>
      plannedPage({ ...io, signal, stderr: () => {} }, settings),
    )
    // What it would take for a host to join is no fault.
    return store.leases.some(({ key }) => key === page.own)
      ? { source: 'plan', page }
      : { source: 'none', why: 'this host has no lease' }
  } catch (error) {
    io.signal.throwIfAborted()
    return { source: 'none', why: error instanceof Error ? error.message : String(error) }
  }
}

/** What is missing is asked for twice: it may be about to be written. */
async function ofAgent({ clock, signal }: CliIo, socket: string): Promise<DesiredFact> {
  const page = await askResources(socket, signal, LIMIT_MS)
  if (page === undefined) return { source: 'none', why: 'the agent has no lease yet' }
  const before = troubledKeys(page)
  if (before.size === 0) return { source: 'agent', page }
  await clock.sleep(SETTLE_MS, { signal })
  const again = await askResources(socket, signal, LIMIT_MS)
  if (again === undefined) return { source: 'none', why: 'the agent has no lease any more' }
  const entries = again.entries.filter(({ state, resource }) => state === 'held' || before.has(resource.key))
  return { source: 'agent', page: { ...again, entries } }
}

const troubledKeys = ({ entries }: ResourcesPage): ReadonlySet<string> =>
  new Set(entries.flatMap(({ state, resource }) => (state === 'held' ? [] : [resource.key])))
