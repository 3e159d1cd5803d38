import type { NodeContext } from '../contract/node-context.js'
import { enabledFamilies, type FamilyParts } from '../net/address-family.js'
import type { Family } from '../net/ip.js'
import { OverlayError } from '../util/errors.js'
import { invalidField } from '../util/json-fields.js'

/** What a backend wraps packets in. */
export interface Tunnel {
  /** For messages, such as `VXLAN`. */
  readonly name: string
  /** What it adds to an inner IP packet, over an underlay of each family, in bytes. */
  readonly overhead: Readonly<Record<Family, number>>
  /**
   * The underlay's MTU if the config sets one, in bytes: the largest outer packet. Default: the external interface's.
   */
  readonly configuredMtu?: number | undefined
  /** Where it is set, for messages, such as `the vxlan settings`. */
  readonly where: string
}

/** The smallest MTU that a family works with: RFC 791 and RFC 8200. Linux turns IPv6 off on a link below it. */
const MIN_MTU: Readonly<Record<Family, number>> = { 4: 68, 6: 1280 }

/**
 * The MTU of one family's tunnel device: what fits, encapsulated, into one outer packet.
 *
 * Throws an OverlayError: `INVALID_CONFIG` for a configured MTU that is more than the external interface's or leaves too
 * little, `INTERFACE_UNSUITABLE` if the interface's own leaves too little.
 */
export function tunnelMtu(parts: FamilyParts, context: NodeContext, tunnel: Tunnel): number {
  const { name, mtu: linkMtu } = context.externalInterface
  const { configuredMtu: configured, where } = tunnel
  if (configured !== undefined && configured > linkMtu) {
    throw invalidField('MTU', configured, `must not be more than ${linkMtu}, the MTU of ${name}`, where)
  }
  const overhead = tunnel.overhead[parts.family]
  const min = MIN_MTU[parts.family]
  const mtu = (configured ?? linkMtu) - overhead
  if (mtu >= min) return mtu
  if (configured !== undefined) requireMinMtu(configured, parts.family, tunnel)
  const left = tooLittle(parts.family, tunnel)
  throw new OverlayError(
    'INTERFACE_UNSUITABLE',
    `the MTU of ${name} is ${linkMtu}, but must be ${min + overhead} or more: ${left}; raise it, or name another interface`,
  )
}

/**
 * Throws an OverlayError `INVALID_CONFIG` for a configured MTU that leaves a family too little.
 *
 * @param key under which it is configured
 */
export function requireMinMtu(mtu: number, family: Family, tunnel: Tunnel, key = 'MTU'): void {
  const least = MIN_MTU[family] + tunnel.overhead[family]
  if (mtu >= least) return
  throw invalidField(key, mtu, `must be ${least} or more: ${tooLittle(family, tunnel)}`, tunnel.where)
}

const tooLittle = (family: Family, { name, overhead }: Tunnel): string =>
  `IPv${family} packets need ${MIN_MTU[family]} bytes, and ${name} adds ${overhead[family]}`

/**
 * The MTU for pods. A pod has one for both families: in a dual-stack network the IPv6 device's, which is the smaller,
 * so that no packet of either family is dropped, is fragmented, or waits for path MTU discovery.
 */
export const tunnelPodMtu = (context: NodeContext, tunnel: Tunnel): number =>
  Math.min(...enabledFamilies(context.config).map((parts) => tunnelMtu(parts, context, tunnel)))
