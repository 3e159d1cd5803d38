import { OverlayError } from '@selvedge/core'
import { CONFIG_LIMITS } from '@selvedge/core/kit'
import { readBoundedFile } from '@selvedge/node-state'

/** The text of a file with a network config. Rejects with `INVALID_CONFIG` if it cannot be read. */
export async function readNetworkConfigFile(file: string): Promise<string> {
  try {
    return await readBoundedFile(file, CONFIG_LIMITS.maxLength)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new OverlayError('INVALID_CONFIG', `reading the network config from ${file}: ${text}`, { cause })
  }
}
