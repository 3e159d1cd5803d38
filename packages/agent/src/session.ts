import {
  createOverlay,
  type Driver,
  type Overlay,
  type PreviousNode,
  type PublicAddresses,
} from '@selvedge/core'
import type { Firewall } from '@selvedge/firewall'
import { SubnetEnvFile } from '@selvedge/node-state'
import type { AgentState } from './agent-state.js'
import type { AgentSettings } from './command-line/settings.js'
import { logOverlay } from './log-overlay.js'
import { NetworkCondition } from './network-condition.js'
import { NodeAddresses } from './node-addresses.js'
import { nodeParts } from './node-parts.js'
import type { LazyMetrics } from './observe/lazy-metrics.js'
import { PeerProbes } from './probe/peer-probes.js'
import { secretsOf } from './secrets.js'
import type { AgentServices } from './services.js'
import { openSessionStore, type SessionStore } from './session-store.js'

export interface SessionContext {
  readonly settings: AgentSettings
  readonly services: AgentServices
  readonly state: AgentState
  readonly metrics: LazyMetrics | undefined
}

/** A stop does not wait longer than this for the store to take the lease back. */
const RELEASE_TIMEOUT_MS = 1_000

/**
 * One overlay, from opening the store to stopping. Resolves when the signal aborts, or earlier if the overlay has to
 * restart with another network config or address. Rejects for what takes a new process.
 */
export async function runSession(context: SessionContext, signal: AbortSignal): Promise<void> {
  const restarting = new AbortController()
  const restart = () => restarting.abort()
  const { services, state } = context
  const onNodeAddresses = (assigned: PublicAddresses) => addresses.observe(assigned)
  const store = await openSessionStore({ ...context, restart, onNodeAddresses })
  const addresses = new NodeAddresses({ read: store.nodeAddresses, log: services.log, restart })
  const settings = await addresses.applyTo(context.settings, signal)
  const drivers = await services.openDrivers(settings)
  state.firewall = drivers.find(isFirewall)
  const session = new Session({ ...context, settings }, { store, addresses, drivers })
  try {
    await session.run(AbortSignal.any([signal, restarting.signal]))
  } finally {
    state.overlay = undefined
    state.firewall = undefined
    state.probes = undefined
    await session.stop({ release: settings.releaseLease && signal.aborted })
  }
}

/** What a session is made of. */
interface SessionParts {
  readonly store: SessionStore
  readonly addresses: NodeAddresses
  readonly drivers: readonly Driver[]
}

class Session {
  readonly #context: SessionContext
  readonly #parts: SessionParts
  readonly #subnetFile: SubnetEnvFile
  /** Disposes of the store and the drivers. */
  #overlay: Overlay | undefined

  constructor(context: SessionContext, parts: SessionParts) {
    this.#context = context
    this.#parts = parts
    const { settings, services, state } = context
    this.#subnetFile = new SubnetEnvFile({
      path: settings.subnetFile,
      clock: services.clock,
      random: services.random,
      onWritten: (text) => {
        services.log('info', 'subnet.env is written', { file: settings.subnetFile, ...variablesOf(text) })
        state.subnetEnvWritten()
      },
      onDrift: (was) => {
        const why = `another program ${was === 'missing' ? 'deleted' : 'changed'} ${settings.subnetFile}: writing it again`
        state.becomeUnready(why)
        services.log('warn', why)
      },
      onError: (error) => {
        state.waitFor(`writing ${settings.subnetFile} fails`)
        services.log('error', `writing ${settings.subnetFile} fails, and is retried`, { error })
      },
    })
    state.subnetFile = this.#subnetFile
  }

  async run(signal: AbortSignal): Promise<void> {
    const { settings, services, state, metrics } = this.#context
    try {
      await this.#parts.addresses.check(signal)
      const overlay = await this.#createOverlay(signal)
      this.#overlay = overlay
      await overlay.start({ signal, retry: true })
      if (settings.probePort !== undefined) {
        state.probes = new PeerProbes(overlay, { ...services, port: settings.probePort }, signal)
      }
      state.started()
      await overlay.whenInSync({ signal })
      services.log('info', 'in sync: the kernel holds what all leases require', {
        leases: overlay.leases.size,
      })
      state.reportStatus()
      this.#reportNetwork(overlay, signal)
      void metrics?.get().catch((error) => services.log('error', 'metrics cannot be made', { error }))
      await aborted(signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async stop({ release }: { release: boolean }): Promise<void> {
    const { log } = this.#context.services
    const { drivers, store } = this.#parts
    const disposables = this.#overlay === undefined ? [...drivers, store.subnets] : []
    const ends = [
      this.#overlay?.stop({ release, signal: AbortSignal.timeout(RELEASE_TIMEOUT_MS) }),
      this.#subnetFile[Symbol.asyncDispose](),
      ...disposables.map((disposable) => disposable[Symbol.asyncDispose]()),
    ]
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === 'rejected') log('error', 'stopping was not clean', { error: end.reason })
    }
  }

  async #createOverlay(signal: AbortSignal): Promise<Overlay> {
    const { settings, services, state, metrics } = this.#context
    const { addresses, drivers, store } = this.#parts
    const overlay = createOverlay({
      subnets: store.subnets,
      backends: services.backends,
      parts: await nodeParts(settings),
      drivers,
      publicIp: settings.publicIp,
      publicIpv6: settings.publicIpv6,
      previous: await this.#previous(),
      renewMarginMs: settings.renewMarginMs,
      clock: services.clock,
      random: services.random,
    })
    if (settings.controlSocket !== undefined || settings.dashboard) state.history.follow(overlay)
    if (settings.dashboard) state.recent.follow(overlay)
    overlay.on('config', ({ config, differences }) => {
      state.configDifferences = differences
      state.storedConfig = differences.length === 0 ? undefined : config
      for (const secret of secretsOf(config)) services.sanitizer.addSecret(secret)
    })
    // Why the store does not answer, the store has said itself.
    overlay.on('waiting', (step, why) => {
      if (why === undefined) state.startWaitsFor(step)
    })
    overlay.on('retry', ({ error }) => {
      state.startFailed(error.message)
      void metrics?.get().catch(() => undefined)
      // They may be why it failed.
      void addresses.check(signal).catch(() => undefined)
    })
    logOverlay(overlay, {
      ...this.#context,
      signal,
      store: store.tracked,
      publish: () => {
        state.overlay = overlay
        this.#publish(overlay)
      },
    })
    return overlay
  }

  /** What this node held when an agent last wrote subnet.env, whichever it was, and what it was when one of ours ran. */
  async #previous(): Promise<PreviousNode> {
    const { settings, services } = this.#context
    const node = await this.#parts.store.previousNode()
    try {
      return { ...(await this.#subnetFile.read()), ...node }
    } catch (error) {
      services.log('warn', `the previous subnet is unknown: ${settings.subnetFile} cannot be read`, {
        error,
      })
      return node
    }
  }

  /** From now on the store knows whether pods of this node have a network. */
  #reportNetwork(overlay: Overlay, signal: AbortSignal): void {
    const { services, state } = this.#context
    const { probes } = state
    const { reportNetwork } = this.#parts.store
    if (reportNetwork === undefined) return
    const whyIsolated = probes && (() => probes.whyIsolated)
    const condition = new NetworkCondition({ ...services, report: reportNetwork, whyIsolated })
    overlay.on('lease', ({ type }) => {
      if (type === 'acquired' || type === 'changed') condition.again()
    })
    void condition.run(signal)
  }

  #publish(overlay: Overlay): void {
    this.#subnetFile.publish(overlay.subnetEnv({ ipMasq: this.#context.settings.ipMasq }))
  }
}

const isFirewall = (driver: Driver): driver is Firewall => 'counts' in driver

/** Rejects with the signal's reason once it aborts. */
async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }
  throw signal.reason
}

/** The lines of a subnet.env, as fields to log. */
function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('=', 2) as [string, string]),
  )
}
