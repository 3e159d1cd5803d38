import { type NodeContext, OverlayError } from '@selvedge/core'
import { enabledFamilies, type FamilyParts, invalidField } from '@selvedge/core/kit'
import type { VxlanSettings } from './settings.js'

/**
 * What VXLAN adds to an inner IP packet, in bytes (RFC 7348, section 5): the outer IP header (20, or 40 for IPv6),
 * UDP 8, VXLAN 8, and the inner Ethernet header 14.
 */
const OVERHEAD = { 4: 50, 6: 70 } as const

/** The smallest MTU that a family works with: RFC 791 and RFC 8200. Linux turns IPv6 off on a link below it. */
const MIN_MTU = { 4: 68, 6: 1280 } as const

/**
 * The MTU of one family's device: what fits, encapsulated, into one outer packet. The kernel caps it at exactly this
 * (drivers/net/vxlan/vxlan_core.c, vxlan_headroom), so a larger MTU would never come about: flannel asks for 50 less in
 * both families, and its IPv6 device still ends up with 70 less.
 */
export function deviceMtu(parts: FamilyParts, context: NodeContext, settings: VxlanSettings): number {
  const { name, mtu: linkMtu } = context.externalInterface
  const { mtu: configured } = settings
  if (configured !== undefined && configured > linkMtu) {
    throw invalidField(
      'MTU',
      configured,
      `must not be more than ${linkMtu}, the MTU of ${name}`,
      'the vxlan settings',
    )
  }
  const overhead = OVERHEAD[parts.family]
  const mtu = (configured ?? linkMtu) - overhead
  if (mtu >= MIN_MTU[parts.family]) return mtu
  const left = `${parts.name} packets need ${MIN_MTU[parts.family]} bytes, and VXLAN over ${parts.name} adds ${overhead}`
  if (configured !== undefined) {
    throw invalidField(
      'MTU',
      configured,
      `must be ${MIN_MTU[parts.family] + overhead} or more: ${left}`,
      'the vxlan settings',
    )
  }
  throw new OverlayError(
    'INTERFACE_UNSUITABLE',
    `the MTU of ${name} is ${linkMtu}, but must be ${MIN_MTU[parts.family] + overhead} or more: ${left}; raise it, ` +
      'or name another interface',
  )
}

/**
 * The MTU for pods. A pod has one for both families: in a dual-stack network the IPv6 device's, which is the smaller,
 * so that no packet of either family is dropped, is fragmented, or waits for path MTU discovery.
 */
export function podMtu(context: NodeContext, settings: VxlanSettings): number {
  return Math.min(...enabledFamilies(context.config).map((parts) => deviceMtu(parts, context, settings)))
}
