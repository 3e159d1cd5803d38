import {
  type AbortOptions,
  createOverlay,
  type Driver,
  isOverlayError,
  type NetworkConfig,
  type Overlay,
  type OverlayError,
  type SubnetEnv,
  type SubnetManager,
} from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import { CachedNodeAddresses, CachedSubnetManager, LeaseFile, SubnetEnvFile } from '@selvedge/node-state'
import type { AgentState } from './agent-state.js'
import { withBackendType } from './backends.js'
import type { AgentSettings } from './command-line/settings.js'
import { NodeAddresses } from './node-addresses.js'
import type { LateMetrics } from './observe/lazy-metrics.js'
import { reportOverlay } from './log-overlay.js'
import { secretsOf } from './secrets.js'
import type { AgentServices } from './services.js'
import { FixedConfig } from './stores/fixed-config.js'
import { HeardStore } from './stores/tracked-store.js'
import type { OpenStore, StoreEvents } from './stores/store.js'

export interface SessionContext {
  readonly settings: AgentSettings
  readonly services: AgentServices
  readonly state: AgentState
  readonly metrics: LateMetrics | undefined
}

/** A start that fails is repeated after one to 30 s. */
const START_BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/** A lease is given back in this time, in ms, or not at all: a stop must not wait for a store that is away. */
const RELEASE_TIMEOUT = 1_000

/**
 * One overlay, from opening the store to stopping. Resolves when the signal aborts, and before that where the overlay
 * has to be started anew, with another network config or address. Rejects for what nothing but a new process can mend.
 */
export async function runSession(context: SessionContext, signal: AbortSignal): Promise<void> {
  const anew = new AbortController()
  const startAnew = () => anew.abort()
  const { services, state } = context
  const stores = await openStore(context, { startAnew, onNodeAddresses: (told) => addresses.observe(told) })
  const addresses = new NodeAddresses({ read: stores.nodeAddresses, log: services.log, startAnew })
  const settings = await addresses.applyTo(context.settings, signal)
  const drivers = await services.openDrivers(settings)
  const session = new Session({ ...context, settings }, { ...stores, addresses, drivers })
  try {
    await session.run(AbortSignal.any([signal, anew.signal]))
  } finally {
    state.overlay = undefined
    await session.stop({ release: settings.releaseLease && signal.aborted })
  }
}

interface StoreChanges {
  readonly startAnew: () => void
  readonly onNodeAddresses: StoreEvents['onNodeAddresses']
}

async function openStore(
  { settings, services, state }: SessionContext,
  { startAnew, onNodeAddresses }: StoreChanges,
) {
  const { log, clock } = services
  const opened = await services.openStore(settings.store, {
    onWaiting: (why) => {
      state.awaited = undefined
      if (why === undefined) return
      state.waitFor(why.message, why.for)
      log('warn', why.message, { code: why.code })
    },
    onNodeAddresses,
  })
  const store = new HeardStore(opened.subnets, clock, {
    onLost: (error) => {
      log('error', `${opened.subnets.name} is lost; traffic flows on by what is known`, { error })
      state.tell()
    },
    onHeard: (after) => {
      log('info', `${opened.subnets.name} is back`, { afterMs: Math.round(after) })
      state.tell()
    },
  })
  state.store = store
  const { nodeAddresses } = opened
  if (settings.leaseCache === undefined) return { opened, store, subnets: store, nodeAddresses }
  const cache = new LeaseFile({
    path: settings.leaseCache,
    store: opened.identity,
    onWarning: (text) => log('warn', text),
  })
  const subnets = new CachedSubnetManager({
    subnets: store,
    cache,
    clock,
    observer: {
      onCacheUsed: ({ asOf, leases }, why) =>
        log('warn', `${store.name} is away: starting from what was known`, {
          asOf: new Date(asOf).toISOString(),
          leases: leases.size,
          error: why,
        }),
      onStoreAnswered: () => log('info', `${store.name} answers: what was known counts no more`),
      onConfigChanged: () => {
        log('warn', 'the network config is another than the one known: starting anew')
        startAnew()
      },
      onSaveFailed: (error) => log('warn', error.message, { code: error.code }),
    },
  })
  state.cache = subnets
  if (nodeAddresses === undefined) return { opened, store, subnets, nodeAddresses }
  const addresses = new CachedNodeAddresses({
    read: nodeAddresses,
    cache,
    onUnavailable: (error) => subnets.storeUnavailable(error),
  })
  return { opened, store, subnets, nodeAddresses: (options: AbortOptions) => addresses.read(options) }
}

/** What a session is made of. */
interface SessionParts {
  readonly opened: OpenStore
  /** The same, heard, and remembered. */
  readonly store: HeardStore
  readonly subnets: SubnetManager
  readonly addresses: NodeAddresses
  readonly drivers: readonly Driver[]
}

class Session {
  readonly #context: SessionContext
  readonly #parts: SessionParts
  readonly #subnetFile: SubnetEnvFile
  /** The last one made, whether it has started or not: it disposes of the store and the drivers. */
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
        state.becomeReady()
      },
      onDrift: (was) => {
        services.log('warn', `${settings.subnetFile} is ${was}: another process did that; writing it again`)
      },
      onError: (error) => {
        state.waitFor(`writing ${settings.subnetFile} fails`)
        services.log('error', `writing ${settings.subnetFile} fails, and is tried again`, { error })
      },
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const { services, state, metrics } = this.#context
    try {
      const overlay = await this.#start(signal)
      state.overlay = overlay
      this.#publish(overlay)
      await overlay.whenInSync({ signal })
      services.log('info', 'in sync: the kernel holds what all leases call for', {
        leases: overlay.leases.size,
      })
      state.tell()
      void this.#reportUp(signal)
      overlay.on('lease', ({ type }) => {
        // It may be another node by now, under the same name.
        if (type === 'acquired' || type === 'changed') void this.#reportUp(signal)
      })
      void metrics?.ready().catch((error) => services.log('error', 'metrics cannot be made', { error }))
      await aborted(signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async stop({ release }: { release: boolean }): Promise<void> {
    const { log } = this.#context.services
    const { drivers, subnets } = this.#parts
    const disposables = this.#overlay === undefined ? [...drivers, subnets] : []
    const ends = [
      this.#overlay?.stop({ release, signal: AbortSignal.timeout(RELEASE_TIMEOUT) }),
      this.#subnetFile[Symbol.asyncDispose](),
      ...disposables.map((disposable) => disposable[Symbol.asyncDispose]()),
    ]
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === 'rejected') log('error', 'stopping was not clean', { error: end.reason })
    }
  }

  /** Starts an overlay, however long it takes. */
  async #start(signal: AbortSignal): Promise<Overlay> {
    const { services, state, metrics } = this.#context
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#tryToStart(signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!isOverlayError(error) || isFatal(error)) throw error
        const pause = backoffDelay(failures, START_BACKOFF, services.random)
        state.waitFor(error.message)
        services.log('error', error.message, { code: error.code, retryMs: Math.round(pause) })
        metrics?.observe((made) => made.error(error))
        void metrics?.ready().catch(() => undefined)
        await services.clock.sleep(pause, { signal })
      }
    }
  }

  async #tryToStart(signal: AbortSignal): Promise<Overlay> {
    const { settings, services, state } = this.#context
    const { addresses, subnets, drivers, store } = this.#parts
    await addresses.check(signal)
    state.waitFor(`waiting for ${subnets.name} to tell the network config`)
    const config = await subnets.getNetworkConfig({ signal })
    for (const secret of secretsOf(config)) services.redactor.add(secret)
    services.log('info', 'network config', describeConfig(config))
    const backend = await services.loadBackend(config)
    const previous = await this.#previous()
    const overlay = createOverlay({
      subnets: new FixedConfig(subnets, withBackendType(config)),
      backend,
      drivers,
      publicIp: settings.publicIp,
      publicIpv6: settings.publicIpv6,
      previous,
      renewMarginMs: settings.renewMargin,
      clock: services.clock,
      random: services.random,
    })
    this.#overlay = overlay
    reportOverlay(overlay, { ...this.#context, store, publish: () => this.#publish(overlay) })
    state.waitFor(`joining the network in ${subnets.name}`)
    await overlay.start({ signal })
    return overlay
  }

  /** What this node held when subnet.env was last written, by whichever agent. */
  async #previous(): Promise<Partial<SubnetEnv> | undefined> {
    const { settings, services } = this.#context
    try {
      return await this.#subnetFile.read()
    } catch (error) {
      services.log('warn', `the subnet held before is not known: ${settings.subnetFile} cannot be read`, {
        error,
      })
      return undefined
    }
  }

  /** Tells the store that pods of this node have a network, however long that takes. */
  async #reportUp(signal: AbortSignal): Promise<void> {
    const { reportUp } = this.#parts.opened
    const { log, clock, random } = this.#context.services
    for (let failures = 1; reportUp !== undefined && !signal.aborted; failures += 1) {
      try {
        return await reportUp({ signal })
      } catch (error) {
        if (signal.aborted) return
        log(
          failures === 1 ? 'warn' : 'debug',
          'reporting that the network is up failed, and is tried again',
          {
            error,
          },
        )
        await clock.sleep(backoffDelay(failures, START_BACKOFF, random), { signal }).catch(() => undefined)
      }
    }
  }

  #publish(overlay: Overlay): void {
    this.#subnetFile.publish(overlay.subnetEnv({ ipMasq: this.#context.settings.ipMasq }))
  }
}

/** Rejects with the signal's reason once it aborts. */
async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }
  throw signal.reason
}

/** The kernel lacks something, or this process lacks rights: nothing but an administrator can mend that. */
function isFatal({ code, errno }: OverlayError): boolean {
  return code === 'UNSUPPORTED' || (code === 'ACCESS_DENIED' && errno !== undefined)
}

function describeConfig({ ipv4, ipv6, backend }: NetworkConfig): Record<string, unknown> {
  return {
    ...(ipv4 !== undefined && { network: ipv4.network }),
    ...(ipv6 !== undefined && { ipv6Network: ipv6.network }),
    backend: backend?.type,
  }
}

/** The lines of a subnet.env as fields of a log line. */
function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('=', 2) as [string, string]),
  )
}
