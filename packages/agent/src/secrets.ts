import type { NetworkConfig, Resource } from '@selvedge/core'
import type { NatsCredentialSettings } from './command-line/nats-settings.js'
import type { AgentSettings } from './command-line/settings.js'

/** Keys of a Backend section whose values are secret: WireGuard's and IPsec's PSK, a cloud's keys. */
const SECRET_KEY = /psk|secret|passw|passphrase|token|credential|key/i

/** A public key is not one, though its name says key. */
const isSecretKey = (key: string): boolean => SECRET_KEY.test(key) && !/^public/i.test(key)

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
    secretsIn(item, isSecret || isSecretKey(key), depth + 1),
  )
}

/** The same for the settings. */
export function secretsOfSettings({ store }: Pick<AgentSettings, 'store'>): readonly string[] {
  if (store.type === 'etcd') return store.password === undefined ? [] : [store.password]
  return store.type === 'nats' ? secretsOfNats(store.credentials) : []
}

/** Those of files are the store's to keep. */
function secretsOfNats(credentials: NatsCredentialSettings | undefined): readonly string[] {
  if (credentials === undefined) return []
  if ('password' in credentials) return [credentials.password]
  return 'token' in credentials ? [credentials.token] : []
}

const HIDDEN = '[redacted]'
const NOT_SHOWN = '[not shown]'

/** A copy of foreign data for people to see: what a secret key holds is `[redacted]`, however deep. */
export function withoutSecrets(value: unknown): unknown {
  return redacted(value, false, 0)
}

/** Commands of the network config may hold secrets anywhere: a resource that has some is shown without their texts. */
export function withoutCommandTexts<R extends Resource>(resource: R): R {
  if (resource.kind !== 'command') return resource
  const hide = (command: unknown) =>
    typeof command === 'object' && command !== null ? { ...command, text: NOT_SHOWN } : command
  const { add, remove } = resource as Partial<Record<'add' | 'remove', unknown>>
  return {
    ...resource,
    ...(add !== undefined && { add: hide(add) }),
    ...(remove !== undefined && { remove: hide(remove) }),
  }
}

/** A copy of a resource for people to see: without what its secret fields hold, and the texts of commands. */
export function resourceWithoutSecrets<R extends Resource>(resource: R): R {
  // Its key is no secret, though it is named one.
  const { kind, key, ...fields } = withoutCommandTexts(resource)
  return { kind, key, ...(withoutSecrets(fields) as object) } as R
}

function redacted(value: unknown, isSecret: boolean, depth: number): unknown {
  if (typeof value !== 'object' || value === null) {
    return isSecret && value !== null && value !== undefined && value !== '' ? HIDDEN : value
  }
  if (depth >= MAX_DEPTH) return HIDDEN
  if (Array.isArray(value)) return value.map((item) => redacted(item, isSecret, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      redacted(item, isSecret || isSecretKey(key), depth + 1),
    ]),
  )
}
