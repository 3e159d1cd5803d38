import { requireMinMtu, type Tunnel } from '@selvedge/core/kit'
import { type Given, SECTION, type VxlanSettings } from './settings.js'

/**
 * What VXLAN adds to an inner IP packet, in bytes (RFC 7348, section 5): the outer IP header (20, or 40 for IPv6),
 * UDP 8, VXLAN 8, and the inner Ethernet header 14.
 *
 * The kernel caps a device's MTU at exactly this (drivers/net/vxlan/vxlan_core.c, vxlan_headroom), so a larger MTU would
 * never come about: flannel asks for 50 less in both families, and its IPv6 device still ends up with 70 less.
 */
const OVERHEAD = { 4: 50, 6: 70 } as const

export const vxlanTunnel = ({ mtu }: VxlanSettings): Tunnel => ({
  name: 'VXLAN',
  overhead: OVERHEAD,
  configuredMtu: mtu,
  where: SECTION.where,
})

/** Refuses an option that is too small for each network, whatever its families, before a start finds it out. */
export const requireOptionMtu = ({ MTU: mtu }: Given): void => {
  if (mtu)
    requireMinMtu(mtu, 4, { name: 'VXLAN', overhead: OVERHEAD, where: 'the options of vxlan()' }, 'mtu')
}
