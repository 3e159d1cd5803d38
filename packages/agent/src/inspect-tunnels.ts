import type { InspectedIpsec } from '@selvedge/backend-ipsec'
import type { InspectedPeer } from '@selvedge/backend-wireguard'

export type { InspectedIpsec } from '@selvedge/backend-ipsec'
export type { InspectedPeer } from '@selvedge/backend-wireguard'

/** `inspectWireguard` of `@selvedge/backend-wireguard`, which is imported only when it is called. */
export const inspectWireguard = async (
  device: string,
  signal: AbortSignal,
): Promise<readonly InspectedPeer[] | undefined> =>
  (await import('@selvedge/backend-wireguard')).inspectWireguard(device, { signal })

/** `inspectIpsec` of `@selvedge/backend-ipsec`, which is imported only when it is called. */
export const inspectIpsec = async (signal: AbortSignal): Promise<InspectedIpsec | undefined> =>
  (await import('@selvedge/backend-ipsec')).inspectIpsec({ signal })
