import { type Backend, type NetworkConfig, OverlayError } from '@selvedge/core'

/** Every backend there is, by its `Backend.Type`. None is imported before a network asks for it. */
const loaders = new Map<string, () => Promise<Backend>>([
  ['vxlan', async () => (await import('@selvedge/backend-vxlan')).vxlan()],
  ['host-gw', async () => (await import('@selvedge/backend-hostgw')).hostGw()],
  ['alloc', async () => (await import('@selvedge/backend-alloc')).alloc()],
])

/** What flanneld takes where the config names none (its code; its documentation says vxlan). */
const FLANNEL_DEFAULT = 'udp'

export const backendTypes: readonly string[] = [...loaders.keys()]

/**
 * The config with its backend named as selvedge names it: flanneld's default where none is named, and in lower case,
 * as flanneld does not mind the case.
 */
export function withBackendType(config: NetworkConfig): NetworkConfig {
  const { type, options } = config.backend ?? { type: FLANNEL_DEFAULT, options: {} }
  return { ...config, backend: { type: type.toLowerCase(), options } }
}

/** The backend that a config names. Throws an OverlayError `INVALID_CONFIG` that tells which there are. */
export async function loadBackend(config: NetworkConfig): Promise<Backend> {
  const { backend = { type: FLANNEL_DEFAULT } } = withBackendType(config)
  const load = loaders.get(backend.type)
  if (load !== undefined) return load()
  const named =
    config.backend === undefined
      ? `the network config names no Backend.Type, which with flanneld means '${FLANNEL_DEFAULT}'`
      : `the network config's Backend.Type is '${config.backend.type}'`
  throw new OverlayError(
    'INVALID_CONFIG',
    `${named}, and that is not in this version: there are ${backendTypes.join(', ')}`,
  )
}
