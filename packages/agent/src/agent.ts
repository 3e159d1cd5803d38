import { AgentState } from './agent-state.js'
import type { AgentSettings } from './command-line/settings.js'
import { type HealthServer, serveHealth } from './observe/http-server.js'
import { LateMetrics } from './observe/lazy-metrics.js'
import type { AgentServices } from './services.js'
import { runSession } from './session.js'

/**
 * Runs the agent until the signal aborts, then stops it; what the kernel holds stays, and traffic flows on.
 *
 * Whatever happens to the store, the network config or the interfaces is waited for, retried and told. It rejects only
 * for what nothing but a new start can mend: a health port that is taken, rights or kernel features that are missing.
 */
export async function runAgent(
  settings: AgentSettings,
  services: AgentServices,
  signal: AbortSignal,
): Promise<void> {
  const { log, serviceManager } = services
  const state = new AgentState(services)
  const metrics = settings.health === undefined ? undefined : lateMetrics(state, settings, services)
  for (const warning of settings.warnings) log('warn', warning)
  let health: HealthServer | undefined
  if (settings.health !== undefined && metrics !== undefined) {
    health = await serveHealth(settings.health, {
      notReady: () => state.notReady,
      metrics: async () => {
        const made = await metrics.ready()
        return { text: await made.text(), contentType: made.contentType }
      },
    })
    log('info', 'serving /healthz, /readyz and /metrics', { ...settings.health, port: health.port })
  }
  signal.addEventListener('abort', () => serviceManager.stopping(), { once: true })
  serviceManager.startWatchdog()
  try {
    while (!signal.aborted) await runSession({ settings, services, state, metrics }, signal)
  } finally {
    serviceManager.stopWatchdog()
    await health?.[Symbol.asyncDispose]()
  }
}

function lateMetrics(state: AgentState, { store }: AgentSettings, { version }: AgentServices): LateMetrics {
  return new LateMetrics(async () => {
    const { Metrics } = await import('./observe/metrics.js')
    return new Metrics(() => state.snapshot(), { version, store: store.type })
  })
}
