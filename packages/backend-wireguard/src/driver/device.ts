import type { OverlayError } from '@selvedge/core'

/** A peer as a device has it. */
export interface PeerState {
  /** Base64. */
  readonly publicKey: string
  /** Base64; undefined if none is set. A secret. */
  readonly presharedKey: string | undefined
  /** Such as `192.0.2.7:51820` or `[2001:db8::7]:51820`. */
  readonly endpoint: string | undefined
  /** Seconds; 0: none. */
  readonly persistentKeepalive: number
  /** CIDRs, sorted. */
  readonly allowedIps: readonly string[]
  /** Seconds since 1970; 0: never. */
  readonly lastHandshake: number
}

/** A device as it is. */
export interface DeviceState {
  /** Base64; undefined if none is set. A secret. */
  readonly privateKey: string | undefined
  readonly listenPort: number
  /** Of its outer packets; 0: none. */
  readonly firewallMark: number
  readonly peers: readonly PeerState[]
}

/** A change of one peer. What is absent stays as it is. */
export interface PeerChange {
  /** Base64. */
  readonly publicKey: string
  /** Removes it, if it is there. */
  readonly remove?: boolean | undefined
  /** Nothing, rather than half a peer, if another program has removed it meanwhile. */
  readonly updateOnly?: boolean | undefined
  /** Base64; null takes it away. */
  readonly presharedKey?: string | null | undefined
  readonly endpoint?: string | undefined
  readonly persistentKeepalive?: number | undefined
  /** CIDRs, which replace those that it has. */
  readonly allowedIps?: readonly string[] | undefined
}

/** A change of a device. What is absent stays as it is. */
export interface DeviceChange {
  /** Base64; null takes it away. */
  readonly privateKey?: string | null | undefined
  readonly listenPort?: number | undefined
  readonly firewallMark?: number | undefined
  /** Removes all of its peers first. */
  readonly replacePeers?: boolean | undefined
  readonly peers?: readonly PeerChange[] | undefined
}

/** What carries WireGuard's packets: how its devices are read and changed. Every method rejects with an OverlayError. */
export interface Implementation extends AsyncDisposable {
  /** For messages. */
  readonly name: string
  /** Rejects with `UNSUPPORTED` or `ACCESS_DENIED`, naming what is missing, if this host cannot use it. */
  check(signal?: AbortSignal): Promise<void>
  /** Undefined if there is no such device. */
  read(device: string, signal?: AbortSignal): Promise<DeviceState | undefined>
  /**
   * Carries out a change in its order. Rejects with `DRIVER_REFUSED` and an errno if any of it is refused, such as
   * `EADDRINUSE`, or `ENODEV` if there is no such device; the rest may have been carried out.
   */
  write(device: string, change: DeviceChange, signal?: AbortSignal): Promise<void>
  /** Makes a link ready to be a device; true if that may have changed the link. */
  start(device: string, signal?: AbortSignal): Promise<boolean>
  /** Takes away what `start` and `write` gave it, if it is there. */
  end(device: string, signal?: AbortSignal): Promise<void>
}

/** Errors that mean that there is no device, or that what carries it does not answer. */
const UNREACHABLE = ['ENODEV', 'ETIMEDOUT', 'ECONNRESET', 'EPIPE']

/** Whether a change was refused for what it says: other changes of the same device may succeed. */
export const isRefusal = ({ code, errno = '' }: OverlayError): boolean =>
  code === 'DRIVER_REFUSED' && !UNREACHABLE.includes(errno)
