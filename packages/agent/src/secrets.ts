import type { NetworkConfig } from '@selvedge/core'
import type { AgentSettings } from './command-line/settings.js'

/** Keys of a Backend section whose values are secret: WireGuard's and IPsec's PSK, a cloud's keys. */
const SECRET_KEY = /psk|secret|passw|passphrase|token|credential|key/i

/** A config is bounded where it is parsed; one that a program hands in may not be. */
const MAX_DEPTH = 32

/** The values in a network config that must not be written anywhere, however deep. */
export function secretsOf({ backend }: NetworkConfig): readonly string[] {
  return secretsIn(backend?.options, false, 0)
}

function secretsIn(value: unknown, isSecret: boolean, depth: number): string[] {
  if (typeof value === 'string' || typeof value === 'number') return isSecret ? [String(value)] : []
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return []
  // What a secret key holds is secret as a whole: a list of keys, a key for each peer.
  return Object.entries(value).flatMap(([key, item]) =>
    secretsIn(item, isSecret || SECRET_KEY.test(key), depth + 1),
  )
}

/** The same for the settings. */
export function secretsOfSettings({ store }: AgentSettings): readonly string[] {
  return store.type !== 'etcd' || store.password === undefined ? [] : [store.password]
}
