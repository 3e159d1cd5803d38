import type { Fault } from '../fault.js'
import { behindItsBack, startAgent } from './records.js'

const peerOff: Fault = {
  name: 'the peer’s host is off',
  id: 'path.host-unreachable',
  says: /192\.168\.77\.2\b/,
  inject: (bench) => bench.peer.partition(),
  mend: (bench) => bench.peer.heal(),
}

/** Of hosts with the backend host-gw. */
export const HOST_GW: readonly Fault[] = [
  {
    name: 'a peer’s route is gone, and no agent runs',
    id: 'kernel.route-missing',
    says: /route 10\.244\.\d+\.0\/24 via 192\.168\.77\.2 dev eth0 is missing/,
    inject: behindItsBack(({ peerSubnet }) => `ip route delete ${peerSubnet}`),
    mend: startAgent,
  },
  {
    name: 'a peer’s route leads to another gateway, and no agent runs',
    id: 'kernel.route-missing',
    says: /differs: gateway is "192\.168\.77\.254"/,
    inject: behindItsBack(
      ({ peerSubnet }) => `ip route replace ${peerSubnet} via 192.168.77.254 dev eth0 proto 157`,
    ),
    mend: startAgent,
  },
  {
    name: 'vxlan’s device is left',
    id: 'kernel.leftover-device',
    says: /flannel\.1 is no device of the backend host-gw/,
    inject: (bench) => bench.sh('ip link add flannel.1 type vxlan id 1 dstport 8472 dev eth0'),
  },
  peerOff,
]

/** Of hosts with the backend wireguard. */
export const WIREGUARD: readonly Fault[] = [
  {
    name: 'a peer drops WireGuard’s packets, and has never answered',
    id: 'path.handshake',
    says: /10\.244\.\d+\.0\/24 \(192\.168\.77\.2\) never/,
    inject: async (bench) => {
      await bench.peer.exec('nft', [
        'add table inet doctor { chain in { type filter hook input priority 0; udp dport 51820 drop; }; chain out { type filter hook output priority 0; udp sport 51820 drop; }; }',
      ])
      // The same peer, as a stranger.
      await bench.sh(
        `peer=$(wg show flannel-wg peers); wg set flannel-wg peer $peer remove; wg set flannel-wg peer $peer endpoint 192.168.77.2:51820 allowed-ips ${bench.peerSubnet}`,
      )
    },
    mend: (bench) => bench.peer.exec('nft', ['delete', 'table', 'inet', 'doctor']),
  },
  {
    name: 'a policy rule sends packets to a peer out in plain text',
    id: 'kernel.route-elsewhere',
    says: /by eth0, and in plain text, and not by flannel-wg/,
    inject: (bench) =>
      bench.sh(
        'ip route add default via 192.168.77.254 table 100; ip rule add to 10.244.0.0/16 lookup 100 priority 99',
      ),
    mend: (bench) => bench.sh('ip rule delete priority 99'),
    after: (bench) => bench.sh('ip route flush table 100'),
  },
  {
    name: 'vxlan’s device is left',
    id: 'kernel.leftover-device',
    says: /flannel\.1 is no device of the backend wireguard/,
    inject: (bench) => bench.sh('ip link add flannel.1 type vxlan id 1 dstport 8472 dev eth0'),
  },
  {
    name: "a rule drops WireGuard's packets",
    id: 'firewall.dropped-port',
    says: /udp dport 51820 drop/,
    inject: (bench) =>
      bench.sh(
        `nft 'add table inet guard { chain input { type filter hook input priority 0; policy accept; udp dport 51820 drop; }; }'`,
      ),
    after: (bench) => bench.sh('nft delete table inet guard'),
  },
]

/** Of hosts of a network with IPv4 and IPv6. */
export const DUAL_STACK: readonly Fault[] = [
  {
    name: 'IPv6 is not forwarded',
    id: 'host.ip6-forward',
    says: /forwarding is 0/,
    inject: (bench) => bench.sh('sysctl -qw net.ipv6.conf.all.forwarding=0'),
    after: (bench) => bench.sh('ip -6 route replace default via fd77::fe'),
  },
  {
    name: 'a blackhole takes a part of the network of IPv6',
    id: 'kernel.foreign-route',
    says: /blackhole route fd01:cafe:0:[0-9a-f]+::9/,
    inject: async (bench) => {
      const { ipv6Subnet = '' } = (await bench.agents[1]?.subnetEnv()) ?? {}
      await bench.sh(`ip -6 route add blackhole ${ipv6Subnet.replace(/::.*$/, '::9')}/128`)
    },
  },
  {
    name: 'ip6tables drops what is forwarded',
    id: 'firewall.forward-drop',
    says: /ip6tables's chain FORWARD drops.*fd01:cafe::/,
    inject: (bench) => bench.sh('ip6tables -P FORWARD DROP'),
    after: (bench) => bench.sh('ip6tables -P FORWARD ACCEPT; ip6tables -F FORWARD'),
  },
]

/** Of hosts whose leases are in the store of a file. */
export const LOCAL_STORE: readonly Fault[] = [
  {
    name: 'the file of the store is another',
    id: 'store.unreachable',
    says: /local store .*none\.mdb/,
    args: ['--local-store=@/none.mdb'],
    argsAfter: [],
    inject: async () => {},
    mend: async () => {},
  },
  {
    name: 'a peer’s route is gone, and no agent runs',
    id: 'kernel.route-missing',
    says: /route 10\.244\.\d+\.0\/24 .*dev flannel\.1.* is missing/,
    inject: behindItsBack(({ peerSubnet }) => `ip route delete ${peerSubnet}`),
    mend: startAgent,
  },
]
