import { type Host, until } from '@selvedge/lab'

/** Links, routes and rules that look like ours, and are others'. */
export const OTHERS = `
ip link add docker0 type bridge; ip link set docker0 up alias 'not selvedge 10.244.0.0/16'
ip link add flannel.9 type bridge; ip link set flannel.9 up
ip address add 192.0.2.1/24 dev docker0; ip address add 2001:db8::1/64 dev docker0 nodad
ip route add 10.9.0.0/24 via 192.0.2.9
ip route add 10.244.99.7/32 via 192.0.2.9
ip route add 10.244.0.0/20 via 192.0.2.9
ip route add blackhole 10.9.9.0/24
ip -6 route add 2001:db8:9::/48 via 2001:db8::9 proto static
ip rule add from 10.9.0.0/16 lookup 100; ip route add default via 192.0.2.9 table 100
iptables -A FORWARD -s 10.9.0.0/24 -m comment --comment 'not FLANNEL, its own' -j ACCEPT
for tool in iptables ip6tables; do
  "$tool" -A FORWARD -m mark --mark 0x9 -j ACCEPT
  "$tool" -t nat -N KUBE-POSTROUTING; "$tool" -t nat -A POSTROUTING -j KUBE-POSTROUTING
done
nft add table ip calico; nft add chain ip calico forward
`

/** All that a host's kernel holds, but for what rules have counted, and whether a process holds a TUN device. */
export async function stateOf(host: Host): Promise<string> {
  const parts = await Promise.all([
    host.ip('-o', 'link'),
    host.ip('-o', 'address'),
    host.ip('route', 'show', 'table', 'all'),
    host.ip('-6', 'route', 'show', 'table', 'all'),
    host.ip('rule'),
    host.ip('neighbour', 'show', 'nud', 'permanent'),
    host.ip('nexthop'),
    host.exec('nft', ['list', 'ruleset']),
  ])
  return parts
    .join('\n')
    .replaceAll(/counter packets \d+ bytes \d+/g, 'counter')
    .replaceAll(/NO-CARRIER,|,LOWER_UP|linkdown | state (UP|DOWN|UNKNOWN)/g, '')
}

/** The kernel checks a new device's IPv6 address for a second, and adds its routes then. */
export const settled = (host: Host) =>
  until('addresses to be settled', async () =>
    (await host.ip('address')).includes('tentative') ? undefined : true,
  )
