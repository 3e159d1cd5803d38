import { printable } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import { type Check, fatal, warning } from '../finding.js'
import { backendOf, hasIpv4, hasIpv6, pageOf } from './known.js'

/** So many of a table's entries are used up, and a warning is due. */
const NEARLY_FULL = 0.9

export const hostChecks: readonly Check[] = [
  {
    id: 'host.rights',
    title: 'this program, and the agent, may change networks (CAP_NET_ADMIN)',
    pre: true,
    find: ({ hasNetAdmin }) =>
      hasNetAdmin
        ? []
        : [
            fatal(
              'this process may not change networks (CAP_NET_ADMIN), so it does not see everything either',
              'run it as root: sudo selvedge doctor; the agent needs the same capability, and in a container `privileged` or NET_ADMIN',
            ),
          ],
  },
  {
    id: 'host.no-ip',
    title: '`ip` of iproute2 is installed',
    pre: true,
    find: ({ network }) =>
      network === undefined
        ? [
            warning(
              'the program ip does not run: links and routes are not checked',
              'apt-get install iproute2',
            ),
          ]
        : [],
  },
  {
    id: 'host.tun-device',
    title: '/dev/net/tun is there, for backends that carry packets in a process',
    pre: true,
    find: (facts) => {
      const backend = backendOf(facts)
      if (facts.hasTunDevice || !['udp', 'wireguard'].includes(backend ?? '')) return []
      const what = `/dev/net/tun is missing, and the backend ${backend} needs it`
      const remedy = 'modprobe tun; in a container, mount the device or run it privileged'
      return [
        backend === 'udp' ? fatal(what, remedy) : warning(`${what} unless the kernel has WireGuard`, remedy),
      ]
    },
  },
  {
    id: 'host.ip-forward',
    title: 'IPv4 packets are forwarded',
    find: (facts) =>
      hasIpv4(facts) && facts.sysctls.get('net/ipv4/ip_forward') === '0'
        ? [
            fatal(
              'net.ipv4.ip_forward is 0: packets between pods and other hosts are dropped',
              'sysctl -w net.ipv4.ip_forward=1',
            ),
          ]
        : [],
  },
  {
    id: 'host.ip6-forward',
    title: 'IPv6 packets are forwarded',
    find: (facts) =>
      hasIpv6(facts) && facts.sysctls.get('net/ipv6/conf/all/forwarding') === '0'
        ? [
            fatal(
              'net.ipv6.conf.all.forwarding is 0: IPv6 packets between pods and other hosts are dropped',
              'sysctl -w net.ipv6.conf.all.forwarding=1',
            ),
          ]
        : [],
  },
  {
    id: 'host.ipv6-off',
    title: 'IPv6 is not switched off on a host of an IPv6 network',
    find: (facts) =>
      hasIpv6(facts) && facts.sysctls.get('net/ipv6/conf/all/disable_ipv6') === '1'
        ? [
            fatal(
              'net.ipv6.conf.all.disable_ipv6 is 1, and the network has IPv6',
              'sysctl -w net.ipv6.conf.all.disable_ipv6=0',
            ),
          ]
        : [],
  },
  {
    id: 'host.rp-filter',
    title: 'strict reverse path filtering does not drop what comes out of the tunnel',
    find: (facts) => {
      const all = Number(facts.sysctls.get('net/ipv4/conf/all/rp_filter') ?? 0)
      return overlayLinks(facts).flatMap(({ ifname }) => {
        const own = Number(facts.sysctls.get(`net/ipv4/conf/${ifname}/rp_filter`) ?? 0)
        // The kernel takes the greater of the two: 1 is strict, 2 loose.
        if (Math.max(all, own) !== 1) return []
        const name = own === 1 ? ifname : 'all'
        return [
          warning(
            `net.ipv4.conf.${name}.rp_filter is 1: packets out of ${ifname} whose sender is reached by another device are dropped, such as those of other hosts themselves`,
            `sysctl -w net.ipv4.conf.${name}.rp_filter=${name === 'all' ? '0' : '2'}`,
          ),
        ]
      })
    },
  },
  {
    id: 'host.bridge-netfilter',
    title: 'packets between pods of one host pass the rules of iptables',
    find: ({ sysctls, pods }) =>
      pods.configs !== undefined && sysctls.get('net/bridge/bridge-nf-call-iptables') === '0'
        ? [
            warning(
              'net.bridge.bridge-nf-call-iptables is 0: Services do not reach pods on the host of their client',
              'sysctl -w net.bridge.bridge-nf-call-iptables=1',
            ),
          ]
        : [],
  },
  {
    id: 'host.neighbour-table',
    title: 'the kernel has room for a neighbour for each peer',
    find: (facts) => {
      const max = Number(facts.sysctls.get('net/ipv4/neigh/default/gc_thresh3') ?? Number.NaN)
      const peers = pageOf(facts)?.peerCount ?? 0
      // Permanent entries are never collected, and count.
      if (!(peers > max * NEARLY_FULL)) return []
      return [
        warning(
          `net.ipv4.neigh.default.gc_thresh3 is ${max}, and there are ${peers} peers: "neighbour table overflow" is near`,
          `sysctl -w net.ipv4.neigh.default.gc_thresh3=${2 ** Math.ceil(Math.log2(peers * 4))}`,
        ),
      ]
    },
  },
  {
    id: 'host.conntrack-full',
    title: 'the table of tracked connections has room',
    pre: true,
    find: ({ sysctls }) => {
      const count = Number(sysctls.get('net/netfilter/nf_conntrack_count') ?? Number.NaN)
      const max = Number(sysctls.get('net/netfilter/nf_conntrack_max') ?? Number.NaN)
      if (!(count >= max * NEARLY_FULL) || max === 0) return []
      return [
        fatal(
          `${count} of ${max} connections are tracked: new ones are dropped once it is full ("nf_conntrack: table full")`,
          `sysctl -w net.netfilter.nf_conntrack_max=${max * 4}`,
        ),
      ]
    },
  },
  {
    id: 'host.port-taken',
    title: "no other program has the backend's UDP port",
    pre: true,
    find: ({ sockets, agent }) =>
      sockets.flatMap(({ port, owner }) => {
        if (owner === undefined || PORT_OWNERS.test(owner)) return []
        const by = port === 8472 ? 'vxlan' : port === 8285 ? 'udp' : 'wireguard'
        // The port of a backend that is not in use here may be anyone's.
        if (agent?.state === 'answers' && agent.page.node !== undefined && agent.page.node.backend !== by)
          return []
        return [
          fatal(
            `UDP port ${port}, which is the backend ${by}'s, is taken by ${printable(owner)}`,
            `end that program, or give the backend another port: "Backend": { "Type": "${by}", "${by === 'wireguard' ? 'ListenPort' : 'Port'}": … } in the network config`,
          ),
        ]
      }),
  },
  {
    id: 'host.flanneld-too',
    title: 'flanneld does not run beside selvedged',
    find: ({ programs, agent }) =>
      programs.has('flanneld') && agent !== undefined && agent.state !== 'absent'
        ? [
            fatal(
              'flanneld runs on this host, too: the two take turns in changing the same entries',
              'end one of them, such as: systemctl disable --now flanneld',
            ),
          ]
        : [],
  },
]

/** They hold their ports by right. */
const PORT_OWNERS = /^(?:selvedged|flanneld|wireguard-go|node|MainThread) /

const overlayLinks = (facts: Facts) =>
  (facts.network?.links ?? []).filter(({ ifname }) => ifname.startsWith('flannel'))
