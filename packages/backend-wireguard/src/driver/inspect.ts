import { isOverlayError } from '@selvedge/core'
import { implementationOf, type Location } from './choose.js'
import type { DeviceState } from './device.js'

/** A peer as a device has it, without secrets. */
export interface InspectedPeer {
  /** Base64. */
  readonly publicKey: string
  /** Where its packets go, such as `192.0.2.7:51820`: it may have roamed. Undefined if none is known. */
  readonly endpoint: string | undefined
  /** CIDRs, sorted. */
  readonly allowedIps: readonly string[]
  /** When it last shook hands, in ms since the epoch; undefined for never. */
  readonly handshakeAt: number | undefined
}

/**
 * The peers that a WireGuard device has, whoever set them: of the kernel's, or of wireguard-go's. It changes nothing.
 * Resolves with undefined if there is no such device, or this host has neither; rejects with an OverlayError, such as
 * `ACCESS_DENIED`, if it cannot be read.
 */
export async function inspectWireguard(
  device: string,
  { signal, ...location }: Location & { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly InspectedPeer[] | undefined> {
  for (const name of ['kernel', 'userspace'] as const) {
    await using implementation = implementationOf(name, location)
    let state: DeviceState | undefined
    try {
      state = await implementation.read(device, signal)
    } catch (error) {
      if (!isOverlayError(error, 'UNSUPPORTED')) throw error
    }
    if (state === undefined) continue
    return state.peers.map(({ publicKey, endpoint, allowedIps, lastHandshake }) => ({
      publicKey,
      endpoint,
      allowedIps,
      handshakeAt: lastHandshake === 0 ? undefined : lastHandshake * 1000,
    }))
  }
  return undefined
}
