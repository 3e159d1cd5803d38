import { access } from 'node:fs/promises'
import {
  type AbortOptions,
  type Clock,
  type ErrorCode,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
  type SubnetAdministration,
  type SubnetManager,
} from '@selvedge/core'
import type { LocalSettings } from '../command-line/local-settings.js'
import type { StoreSettings } from '../command-line/settings.js'
import { readNetworkConfigFile } from '../stores/network-config-file.js'
import { openStore } from '../stores/open-store.js'
import type { OpenStore, Prerequisite } from '../stores/store.js'
import { PlannedStore } from './planned-store.js'

/** A store as a plan looks at it. */
export interface OpenPlannedStore extends Omit<OpenStore, 'subnets' | 'reportNetwork'> {
  readonly subnets: PlannedStore
  /** Aborts with what an agent would wait for, if the store lacks it. */
  readonly lacking: AbortSignal
  readonly close: () => Promise<void>
}

/** Codes of what an agent waits for; a plan cannot wait. */
const CODES: Partial<Record<Prerequisite, ErrorCode>> = { 'network-config': 'CONFIG_NOT_FOUND' }

/** Opens a store to look at. A local one is not created. */
export async function openPlannedStore(
  settings: StoreSettings,
  { clock, onWarning }: { readonly clock: Clock; readonly onWarning: (text: string) => void },
): Promise<OpenPlannedStore> {
  if (settings.type === 'local' && !(await exists(settings.path))) return missingStore(settings, clock)
  const lacking = new AbortController()
  const opened = await openStore(
    settings.type === 'local' ? { ...settings, networkConfigFile: undefined } : settings,
    {
      onWaiting(why) {
        if (why === undefined) return
        // A kubeconfig's plugin ends by itself.
        if (why.for === 'credentials') return onWarning(why.message)
        const code = why.code ?? CODES[why.for] ?? 'UNSUPPORTED'
        lacking.abort(new OverlayError(code, `there is nothing to plan yet, an agent waits: ${why.message}`))
      },
      onNodeAddresses: () => {},
      onSecrets: () => {},
      onWarning,
      onDetail: () => {},
    },
  )
  const { subnets: store, identity, nodeAddresses, reportPending } = opened
  const config =
    settings.type === 'local'
      ? (options: AbortOptions) => localConfig(store, settings, options)
      : (options: AbortOptions) => store.getNetworkConfig(options)
  return {
    subnets: new PlannedStore({ store, name: store.name, config, clock }),
    identity,
    nodeAddresses,
    reportPending,
    lacking: lacking.signal,
    close: async () => store[Symbol.asyncDispose](),
  }
}

/** One that an agent would make, and write the config into. */
function missingStore(settings: LocalSettings, clock: Clock): OpenPlannedStore {
  const config = () => fileConfig(settings)
  return {
    subnets: new PlannedStore({ store: undefined, name: 'local', config, clock }),
    identity: `local ${settings.path}`,
    lacking: new AbortController().signal,
    close: async () => {},
  }
}

async function localConfig(
  store: SubnetManager & Partial<SubnetAdministration>,
  settings: LocalSettings,
  options: AbortOptions,
): Promise<NetworkConfig> {
  const stored = await store.networkConfigText?.(options)
  return stored === undefined ? fileConfig(settings) : parseNetworkConfig(stored)
}

async function fileConfig({ path, networkConfigFile }: LocalSettings): Promise<NetworkConfig> {
  if (networkConfigFile !== undefined)
    return parseNetworkConfig(await readNetworkConfigFile(networkConfigFile))
  throw new OverlayError(
    'CONFIG_NOT_FOUND',
    `there is nothing to plan yet, an agent waits: the local store ${path} holds no network config; name a file with one by ` +
      '--net-config-path',
  )
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    ({ code }) => code !== 'ENOENT',
  )
