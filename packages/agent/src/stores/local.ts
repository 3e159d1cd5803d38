import { LocalSubnetManager } from '@selvedge/store-local'
import type { LocalSettings } from '../command-line/local-settings.js'
import { readNetworkConfigFile } from './network-config-file.js'
import type { OpenStore } from './store.js'

/** Rejects with `INVALID_CONFIG` if the file with the network config cannot be read, or breaks a rule. */
export async function openLocal({ path, networkConfigFile }: LocalSettings): Promise<OpenStore> {
  const config = networkConfigFile === undefined ? undefined : await readNetworkConfigFile(networkConfigFile)
  return { subnets: new LocalSubnetManager({ path, config }), identity: `local ${path}` }
}
