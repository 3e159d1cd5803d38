import { type Backend, type NetworkConfig, OverlayError } from '@selvedge/core'

/** Every backend by its `Backend.Type`. Each is imported when a network config names it. */
const loaders = new Map<string, () => Promise<Backend>>([
  ['vxlan', async () => (await import('@selvedge/backend-vxlan')).vxlan()],
  ['host-gw', async () => (await import('@selvedge/backend-hostgw')).hostGw()],
  ['alloc', async () => (await import('@selvedge/backend-alloc')).alloc()],
])

/** What flanneld uses if the config names none (its code; its documentation says vxlan). */
const FLANNEL_DEFAULT = 'udp'

export const backendTypes: readonly string[] = [...loaders.keys()]

/** The config with its backend's type in lower case, as flanneld ignores the case, and flanneld's default if it names none. */
export function withBackendType(config: NetworkConfig): NetworkConfig {
  const { type, options } = config.backend ?? { type: FLANNEL_DEFAULT, options: {} }
  return { ...config, backend: { type: type.toLowerCase(), options } }
}

/** The backend that a config names. Rejects with `INVALID_CONFIG` and a list of those that exist. */
export async function loadBackend(config: NetworkConfig): Promise<Backend> {
  const { backend = { type: FLANNEL_DEFAULT } } = withBackendType(config)
  const load = loaders.get(backend.type)
  if (load !== undefined) return load()
  const named =
    config.backend === undefined
      ? `the network config names no Backend.Type, which means '${FLANNEL_DEFAULT}'`
      : `the network config's Backend.Type is '${config.backend.type}'`
  throw new OverlayError(
    'INVALID_CONFIG',
    `${named}, which this version does not have; it has ${backendTypes.join(', ')}`,
  )
}
