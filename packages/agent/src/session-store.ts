import type { AbortOptions, PreviousNode, PublicAddresses, SubnetManager } from '@selvedge/core'
import { CachedNodeAddresses, CachedSubnetManager, LeaseFile } from '@selvedge/node-state'
import type { AgentState } from './agent-state.js'
import type { AgentSettings } from './command-line/settings.js'
import type { AgentServices } from './services.js'
import type { OpenStore, StoreEvents } from './stores/store.js'
import { TrackedStore } from './stores/tracked-store.js'

export interface SessionStoreContext {
  readonly settings: AgentSettings
  readonly services: AgentServices
  readonly state: AgentState
  /** Called if the overlay started with something that the store now says is different. */
  readonly restart: () => void
  readonly onNodeAddresses: StoreEvents['onNodeAddresses']
}

/** The store that a session works with. */
export interface SessionStore {
  /** Tracked and, unless the lease cache is off, cached. */
  readonly subnets: SubnetManager
  readonly tracked: TrackedStore
  readonly nodeAddresses: ((options: AbortOptions) => Promise<PublicAddresses>) | undefined
  readonly reportNetwork: OpenStore['reportNetwork']
  /** What this node was when an agent ran last, as far as the lease cache knows. */
  readonly previousNode: () => Promise<Partial<PreviousNode>>
}

/** Opens the store of the settings, logs what becomes of it, and puts the lease cache around it. */
export async function openSessionStore(context: SessionStoreContext): Promise<SessionStore> {
  const { settings, services, state, onNodeAddresses } = context
  const { log, clock } = services
  const opened = await services.openStore(settings.store, {
    onWaiting: (why) => {
      state.awaited = undefined
      if (why === undefined) return
      state.waitFor(why.message, why.for)
      log('warn', why.message, { code: why.code })
    },
    onNodeAddresses,
    onSecrets: (secrets) => services.sanitizer.setSecrets('store', secrets),
    onWarning: (message) => log('warn', message),
    onDetail: (message) => log('debug', message),
  })
  const { nodeAddresses, reportNetwork } = opened
  const { name } = opened.subnets
  const tracked = new TrackedStore(opened.subnets, clock, {
    onDisconnected: (error) => {
      log('error', `${name} is unavailable; traffic flows on by what is known`, { error })
      state.reportStatus()
    },
    onReconnected: (afterMs) => {
      log('info', `${name} is back`, { afterMs: Math.round(afterMs) })
      state.reportStatus()
    },
  })
  state.store = tracked
  if (settings.leaseCache === undefined) {
    return { subnets: tracked, tracked, nodeAddresses, reportNetwork, previousNode: async () => ({}) }
  }
  const cache = new LeaseFile({
    path: settings.leaseCache,
    store: opened.identity,
    externalInterface: () => state.overlay?.externalInterface,
    onWarning: (text) => log('warn', text),
  })
  const subnets = cached(tracked, cache, context)
  state.cache = subnets
  const addresses =
    nodeAddresses &&
    new CachedNodeAddresses({
      read: nodeAddresses,
      cache,
      onUnavailable: (error) => subnets.storeUnavailable(error),
    })
  return {
    subnets,
    tracked,
    nodeAddresses: addresses && ((options) => addresses.read(options)),
    reportNetwork,
    previousNode: () => cache.loadNode(),
  }
}

function cached(
  store: TrackedStore,
  cache: LeaseFile,
  { services: { log, clock }, restart }: SessionStoreContext,
): CachedSubnetManager {
  return new CachedSubnetManager({
    subnets: store,
    cache,
    clock,
    observer: {
      onCacheUsed: ({ asOf, leases }, error) =>
        log('warn', `${store.name} is unavailable: starting from the lease cache`, {
          asOf: new Date(asOf).toISOString(),
          leases: leases.size,
          error,
        }),
      onStoreAnswered: () => log('info', `${store.name} answers: the lease cache is no longer used`),
      onConfigChanged: () => {
        log('warn', 'the network config differs from the one in the lease cache: restarting')
        restart()
      },
      onSaveFailed: ({ message, code }) => log('warn', message, { code }),
    },
  })
}
