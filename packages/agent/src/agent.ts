import { hostname } from 'node:os'
import { AgentState } from './agent-state.js'
import type { AgentSettings } from './command-line/settings.js'
import type { Dashboard } from './dashboard/dashboard.js'
import { ControlSocket } from './observe/control-socket.js'
import { serveHealth } from './observe/http-server.js'
import { LazyMetrics } from './observe/lazy-metrics.js'
import { placeOf } from './observe/rival.js'
import type { AgentServices } from './services.js'
import { runSession } from './session.js'

/**
 * Runs the agent until the signal aborts, then stops it; what the kernel holds stays, and traffic flows on.
 *
 * It waits for the store, the network config and the interface, retries what fails, and reports it. It rejects only for
 * what takes a new process: another agent that does its work, a health port in use, missing rights or kernel features.
 */
export async function runAgent(
  settings: AgentSettings,
  services: AgentServices,
  signal: AbortSignal,
): Promise<void> {
  const { log, serviceManager } = services
  const refused = new AbortController()
  const end = AbortSignal.any([signal, refused.signal])
  const state = new AgentState(services)
  const metrics = settings.health === undefined ? undefined : lazyMetrics(state, settings, services)
  for (const warning of settings.warnings) log('warn', warning)
  const place = placeOf(settings)
  const control =
    settings.controlSocket === undefined
      ? undefined
      : new ControlSocket({
          path: settings.controlSocket,
          served: {
            whyNotReady: () => state.whyNoPods(),
            status: async () => ({ ...(await state.statusPage()), place }),
            resources: () => state.resourcesPage(settings),
          },
          place,
          signal: end,
          onRival: (error) => refused.abort(error),
          log,
          clock: services.clock,
        })
  let health: AsyncDisposable | undefined
  let dashboard: Dashboard | undefined
  try {
    await control?.attempted
    const page = settings.dashboard ? await openDashboard(state, services) : undefined
    dashboard = page
    if (settings.health !== undefined && metrics !== undefined) {
      const server = await serveHealth(settings.health, {
        whyNotReady: () => state.whyNotReady(),
        metrics: async () => {
          const made = await metrics.get()
          return { text: await made.text(), contentType: made.contentType }
        },
        ...(page && { dashboard: (path, headers) => page.answer(path, headers) }),
      })
      health = server
      log('info', 'serving /healthz, /readyz and /metrics', { ...settings.health, port: server.port })
      if (page !== undefined) log('info', 'serving /dashboard', { ...settings.health, port: server.port })
    }
    end.addEventListener('abort', () => serviceManager.stopping(), { once: true })
    serviceManager.startWatchdog()
    while (!end.aborted) await runSession({ settings, services, state, metrics }, end)
    refused.signal.throwIfAborted()
  } finally {
    serviceManager.stopWatchdog()
    dashboard?.[Symbol.dispose]()
    await control?.[Symbol.asyncDispose]()
    await health?.[Symbol.asyncDispose]()
  }
}

function lazyMetrics(state: AgentState, { store }: AgentSettings, { version }: AgentServices): LazyMetrics {
  return new LazyMetrics(async () => {
    const { Metrics } = await import('./observe/metrics.js')
    return new Metrics(
      () => state.snapshot(),
      () => state.ruleCounts(),
      { version, store: store.type },
    )
  })
}

/** Loaded only if it is asked for. An agent does its work without it: what stands in the way is logged. */
async function openDashboard(state: AgentState, services: AgentServices): Promise<Dashboard | undefined> {
  const { clock, log } = services
  try {
    const { Dashboard } = await import('./dashboard/dashboard.js')
    const page = () => state.statusPage()
    const plan = () => state.planPage()
    const matrix = (filter: string) => state.matrixPage(filter)
    return await Dashboard.open({ page, plan, matrix, recent: state.recent, host: hostname(), clock })
  } catch (error) {
    log('error', 'the dashboard cannot be served', { error })
    return undefined
  }
}
