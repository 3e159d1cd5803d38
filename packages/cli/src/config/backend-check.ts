import { backends } from '@selvedge/agent'
import { isOverlayError, type NetworkConfig, type NodeContext, OverlayError } from '@selvedge/core'
import { quote } from '@selvedge/core/kit'

/**
 * A node as there could be one: documentation's addresses (RFC 5737, RFC 3849), and the largest MTU of an IPv4 packet, so
 * that no MTU is refused which a host with jumbo frames takes.
 */
const EXAMPLE = {
  publicIp: '192.0.2.1',
  publicIpv6: '2001:db8::1',
  externalInterface: { name: 'eth0', mtu: 65_535, ipv4: '192.0.2.1', ipv6: '2001:db8::1', onLink: [] },
} satisfies Omit<NodeContext, 'config'>

/**
 * Whether an agent takes the Backend section: its type, and what the backend itself has to say of its settings. Nothing is
 * made or run for it, and what this host lacks for the backend does not count: it may not be one of the network's. Returns
 * warnings; rejects with `INVALID_CONFIG`.
 */
export async function checkBackend(config: NetworkConfig, signal: AbortSignal): Promise<readonly string[]> {
  const type = config.backend?.type ?? 'udp'
  const loader = backends.find((each) => each.type === type)
  if (loader === undefined) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `the network config names the backend ${quote(type)}, which is none of ${backends.map((each) => each.type).join(', ')}`,
    )
  }
  const context = { ...EXAMPLE, config }
  try {
    const { backend } = (await loader.preview?.(context, { signal })) ?? {}
    if (backend === undefined) return []
    backend.mtu(context)
    backend.attributes(context)
    return backend.warnings?.(context) ?? []
  } catch (error) {
    signal.throwIfAborted()
    if (isOverlayError(error, 'INVALID_CONFIG') || !isOverlayError(error)) throw error
    return []
  }
}
