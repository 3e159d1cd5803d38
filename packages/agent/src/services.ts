import type { Backend, Clock, Driver, NetworkConfig, Random } from '@selvedge/core'
import type { AgentSettings, StoreSettings } from './command-line/settings.js'
import type { Logger } from './logging/logger.js'
import type { Redactor } from './logging/redactor.js'
import type { OpenStore, StoreEvents } from './stores/store.js'
import type { ServiceManager } from './systemd/service-manager.js'

/** What an agent is made of besides its settings. `main.ts` gives the real ones, a test those it likes. */
export interface AgentServices {
  readonly openStore: (settings: StoreSettings, events: StoreEvents) => Promise<OpenStore>
  /** The settings are those in force: what the store says of this node outranks some of what was given. */
  readonly openDrivers: (settings: AgentSettings) => Promise<readonly Driver[]>
  /** Rejects with `INVALID_CONFIG` for a backend that there is not. */
  readonly loadBackend: (config: NetworkConfig) => Promise<Backend>
  readonly log: Logger
  /** Learns the secrets that a network config holds. */
  readonly redactor: Redactor
  readonly serviceManager: ServiceManager
  readonly version: string
  readonly clock: Clock
  readonly random: Random
}
