import type { NetworkConfig } from '@selvedge/core'
import type { AgentSettings } from './command-line/settings.js'

/** Keys of a Backend section whose values are secret: WireGuard's and IPsec's PSK, a cloud's keys. */
const SECRET_KEY = /psk|secret|password|token|key/i

/** The values in a network config that must not be written anywhere. */
export function secretsOf({ backend }: NetworkConfig): readonly string[] {
  return Object.entries(backend?.options ?? {}).flatMap(([key, value]) =>
    typeof value === 'string' && SECRET_KEY.test(key) ? [value] : [],
  )
}

/** The same for the settings. */
export function secretsOfSettings({ store }: AgentSettings): readonly string[] {
  return store.type !== 'etcd' || store.password === undefined ? [] : [store.password]
}
