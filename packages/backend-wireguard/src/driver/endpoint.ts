import { familyOf } from '@selvedge/core/kit'
import type { PeerState } from './device.js'

/** `192.0.2.7:51820`, or `[2001:db8::7]:51820`. */
export const endpointText = ({
  address,
  port,
}: {
  readonly address: string
  readonly port: number
}): string => (familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`)

/** WireGuard's REJECT_AFTER_TIME, in seconds: a session is at most this old. */
const SESSION_LIFETIME_S = 180

/**
 * Whether a peer has a session: its endpoint is then where its last authenticated packet came from, which may be another
 * address than the one it publishes, if there is a NAT in between or it has moved.
 */
export const hasSession = ({ lastHandshake }: PeerState, nowS: number): boolean =>
  lastHandshake > 0 && nowS - lastHandshake <= SESSION_LIFETIME_S

/**
 * Whether a put leaves a peer's endpoint: if it has a session, and was not set to another endpoint than the desired one
 * by this driver.
 *
 * @param last what this driver set last; undefined if the peer was there before it
 */
export const keepsEndpoint = (
  peer: PeerState | undefined,
  last: string | undefined,
  desired: string,
  nowS: number,
): boolean => peer !== undefined && hasSession(peer, nowS) && (last === undefined || last === desired)

/**
 * The endpoint that a snapshot says a peer has: that which was set last for as long as it has a session, so that
 * roaming is no drift. Without a session it is the true one, and what the lease says is tried again.
 */
export const reportedEndpoint = (peer: PeerState, last: string | undefined, nowS: number): string =>
  (last !== undefined && hasSession(peer, nowS) ? last : peer.endpoint) ?? ''
