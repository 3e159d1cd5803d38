import { readFile } from 'node:fs/promises'
import { type NetworkConfig, OverlayError, parseNetworkConfig } from '@selvedge/core'
import { CONFIG_LIMITS, printable } from '@selvedge/core/kit'
import type { CliIo } from '../io.js'

/** A config that an operator hands in. */
export interface GivenConfig {
  readonly text: string
  readonly config: NetworkConfig
}

/** Reads and checks a config from a file, or from standard input for `-`. Rejects with `INVALID_CONFIG`. */
export async function readGivenConfig(io: CliIo, file: string): Promise<GivenConfig> {
  const name = file === '-' ? 'standard input' : file
  let text: string
  try {
    text = (file === '-' ? await io.readStdin() : await readFile(file, 'utf8')).trim()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new OverlayError('INVALID_CONFIG', `reading the network config from ${name}: ${why}`, { cause })
  }
  if (text.length > CONFIG_LIMITS.maxLength) {
    throw new OverlayError('INVALID_CONFIG', `${name} is longer than ${CONFIG_LIMITS.maxLength} characters`)
  }
  if (text.includes('"[redacted]"')) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `${name} holds "[redacted]" where a secret belongs: get the config by selvedge config show --show-secrets`,
    )
  }
  return { text, config: parseNamed(text, name) }
}

/** Throws as `parseNetworkConfig` does, with the name of what was read. */
export function parseNamed(text: string, name: string): NetworkConfig {
  try {
    return parseNetworkConfig(text)
  } catch (error) {
    const { code, message } = OverlayError.from(error, 'INTERNAL', 'reading a network config')
    throw new OverlayError(code, `${name}: ${message}`, { cause: error })
  }
}

/** What works, and was probably meant otherwise. */
export function configWarnings({ unknownKeys, backend }: NetworkConfig): readonly string[] {
  return [
    ...unknownKeys.map((key) => `the key ${printable(key)} means nothing: it is probably mistyped`),
    ...(backend === undefined ? ['no Backend is named: udp, which is slow, as flannel takes it'] : []),
  ]
}
