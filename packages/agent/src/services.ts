import type { Backend, BackendLoader, Clock, Driver, Random } from '@selvedge/core'
import type { AgentSettings, StoreSettings } from './command-line/settings.js'
import type { Logger } from './logging/logger.js'
import type { Sanitizer } from './logging/sanitizer.js'
import type { OpenStore, StoreEvents } from './stores/store.js'
import type { ServiceManager } from './systemd/service-manager.js'

/** What an agent uses besides its settings. A program hands in the real ones, a test its own. */
export interface AgentServices {
  /** Opens the store that the settings name. The agent disposes of it. */
  readonly openStore: (settings: StoreSettings, events: StoreEvents) => Promise<OpenStore>
  /** Called with the settings in force: the addresses that the store assigns to this node outrank the given ones. */
  readonly openDrivers: (settings: AgentSettings) => Promise<readonly Driver[]>
  /** Those that a network config may name. */
  readonly backends: readonly (Backend | BackendLoader)[]
  /** Takes every event of the agent. */
  readonly log: Logger
  /** Learns the secrets that a network config holds, too. */
  readonly sanitizer: Sanitizer
  /** Is notified of the agent's state. */
  readonly serviceManager: ServiceManager
  /** For the log, the metrics and the status page. */
  readonly version: string
  /** For waits, timers and the ends of leases. */
  readonly clock: Clock
  /** Jitters timers and retries. */
  readonly random: Random
}
