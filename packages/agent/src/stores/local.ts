import { OverlayError } from '@selvedge/core'
import { CONFIG_LIMITS } from '@selvedge/core/kit'
import { readBoundedFile } from '@selvedge/node-state'
import { LocalSubnetManager } from '@selvedge/store-local'
import type { LocalSettings } from '../command-line/local-settings.js'
import type { OpenStore } from './store.js'

/** Rejects with `INVALID_CONFIG` if the file with the network config cannot be read, or breaks a rule. */
export async function openLocal({ path, networkConfigFile }: LocalSettings): Promise<OpenStore> {
  const config = networkConfigFile === undefined ? undefined : await readNetworkConfigFile(networkConfigFile)
  return { subnets: new LocalSubnetManager({ path, config }), identity: `local ${path}` }
}

/** Rejects with `INVALID_CONFIG` if it cannot be read. */
export async function readNetworkConfigFile(file: string): Promise<string> {
  try {
    return await readBoundedFile(file, CONFIG_LIMITS.maxLength)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new OverlayError('INVALID_CONFIG', `reading the network config from ${file}: ${text}`, { cause })
  }
}
