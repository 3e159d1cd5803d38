import type { Random } from '@selvedge/core'
import type { OverlayPlan } from './overlay.js'

/** Draws one of several. */
export function draw<T>(random: Random, ...items: readonly [T, ...T[]]): T {
  return items[Math.floor(random() * items.length)] ?? items[0]
}

/** What other processes do to what is not ours, some of it in our networks: the same on a host without us. */
export function foreignEdit(random: Random): string {
  return draw(
    random,
    'ip link add slv-bridge address 02:cc:00:00:00:01 type bridge',
    'ip link set slv-bridge up',
    'ip link set slv-bridge down',
    'ip link del slv-bridge',
    'ip addr add 172.20.0.1/16 dev slv-bridge',
    'ip addr del 172.20.0.1/16 dev slv-bridge',
    'ip route add 10.99.100.0/24 dev slv-bridge proto bird',
    'ip route del 10.99.100.0/24 dev slv-bridge proto bird',
    'ip route add 10.99.2.0/24 via 192.168.0.9 dev eth0 proto bird metric 50',
    'ip route del 10.99.2.0/24 proto bird metric 50',
    'ip route add 10.98.3.0/24 dev eth0 proto bird metric 50',
    'ip route add 172.30.0.0/16 via 192.168.0.9 dev eth0',
    'ip route del 172.30.0.0/16',
    'ip neigh replace 192.168.0.50 lladdr 02:cc:00:00:00:50 dev eth0 nud permanent',
    'ip neigh del 192.168.0.50 dev eth0',
    'ip link add slv-parent address 02:cc:00:00:00:02 type bridge',
    'ip link del slv-parent',
    'ip link set eth0 mtu 1460',
    'ip link set eth0 mtu 1500',
    'ip link set eth0 down',
    'ip link set eth0 up',
    'ip addr del 192.168.0.1/24 dev eth0',
    'ip addr add 192.168.0.1/24 dev eth0',
  )
}

/** Puts back what an overlay cannot do without. */
export const FOREIGN_REPAIRS = [
  'ip link add slv-parent address 02:cc:00:00:00:02 type bridge',
  'ip link set eth0 mtu 1500',
  'ip link set eth0 up',
  'ip addr add 192.168.0.1/24 dev eth0',
]

/**
 * What other processes do to what is ours, and what they put in our way. `ip` and `bridge` refuse much of it, depending
 * on what is there.
 */
export function editOfOurs(random: Random, { link, vni, prefix, ipv6Prefix }: OverlayPlan): string {
  const number = draw(random, 2, 3, 4, 5, 6, 7)
  const route = `${prefix}.${number}.0/24`
  const base = `${prefix}.${number}.0`
  const mac = `02:bb:00:00:00:0${draw(random, 1, 2, 3, 4)}`
  const edits: readonly [string, ...string[]] = [
    `ip link del ${link}`,
    `ip link set ${link} down`,
    `ip link set ${link} up`,
    `ip link set ${link} mtu ${draw(random, 1250, 1300, 1400)}`,
    `ip link set ${link} address 02:dd:00:00:00:01`,
    `ip link set ${link} alias foreign`,
    `ip link set ${link} name slv-lost${vni}`,
    `ip link add ${link} type vxlan id ${draw(random, vni, vni + 1, 99)} dstport 8472 local 192.168.0.1 dev eth0`,
    `ip link add slv-rival${vni} type vxlan id ${vni} dstport 8472 local 192.168.0.1 dev eth0`,
    `ip addr del ${prefix}.1.0/32 dev ${link}`,
    `ip addr add ${prefix}.1.${draw(random, 0, 77)}/32 dev ${link}`,
    `ip route del ${route} proto 157`,
    `ip route replace ${route} dev eth0 proto 157`,
    `ip route append ${route} dev eth0 proto 157`,
    `ip route replace ${route} via 192.168.0.9 dev eth0 proto static`,
    `ip route replace ${route} dev ${link} proto static`,
    `ip route add ${prefix}.77.0/24 dev eth0 proto 157`,
    `ip route del blackhole ${prefix}.1.0/24`,
    `ip neigh del ${base} dev ${link}`,
    `ip neigh replace ${base} lladdr ${mac} dev ${link} nud ${draw(random, 'permanent', 'stale')}`,
    `bridge fdb del ${mac} dev ${link} self`,
    `bridge fdb replace ${mac} dev ${link} dst 192.168.0.66 self ${draw(random, 'permanent', 'dynamic')}`,
    `bridge fdb append 00:00:00:00:00:00 dev ${link} dst 192.168.0.${number} self permanent`,
  ]
  if (ipv6Prefix === undefined) return draw(random, ...edits)
  const ipv6 = `${ipv6Prefix}:0:0:${number}::`
  return draw(
    random,
    ...edits,
    `ip -6 addr del ${ipv6Prefix}:0:0:1::/128 dev ${link}`,
    `ip -6 route del ${ipv6}/64`,
    `ip -6 route replace ${ipv6}/64 dev ${link} proto 157`,
    `ip -6 neigh del ${ipv6} dev ${link}`,
  )
}
