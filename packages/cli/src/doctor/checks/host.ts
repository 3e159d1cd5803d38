import { printable } from '@selvedge/core/kit'
import { type Check, fatal, warning } from '../finding.js'
import { udpPortsOf } from './carriers.js'
import { backendOf, hasIpv4, hasIpv6, networksOf, pageOf } from './known.js'

/** So many of a table's entries are used up, and a warning is due. */
const NEARLY_FULL = 0.9

export const hostChecks: readonly Check[] = [
  {
    id: 'host.rights',
    title: 'this program, and the agent, may change networks (CAP_NET_ADMIN)',
    pre: true,
    find: ({ hasNetAdmin, driver: { denied } }) =>
      hasNetAdmin && denied === undefined
        ? []
        : [
            fatal(
              `this process may not change networks (CAP_NET_ADMIN), so it does not see everything either${denied === undefined ? '' : `: ${denied}`}`,
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
    id: 'host.link-type',
    title: "the kernel has links of the backend's type",
    pre: true,
    find: ({ driver: { unsupported }, ...facts }) =>
      unsupported === undefined
        ? []
        : [
            fatal(
              `the backend ${backendOf(facts)} cannot run here: ${unsupported}`,
              `${/\((modprobe \w+)\)/.exec(unsupported)?.[1] ?? 'load its module'}; if this kernel has none, choose another backend in the network config`,
            ),
          ],
  },
  {
    id: 'host.interface',
    title: 'there is an interface to peers',
    pre: true,
    find: ({ driver: { external } }) =>
      'name' in external
        ? []
        : [
            fatal(
              `no interface to peers is found: ${external.problem}`,
              'add a default route, or name the interface: --iface=NAME',
            ),
          ],
  },
  {
    id: 'host.tun-device',
    title: '/dev/net/tun is there, for backends that carry packets in a process',
    pre: true,
    find: ({ tunProblem, ...facts }) => {
      const backend = backendOf(facts)
      if (tunProblem === undefined || !['udp', 'wireguard'].includes(backend ?? '')) return []
      const what = `/dev/net/tun cannot be used (${tunProblem}), and the backend ${backend} needs it`
      const remedy = /EACCES|EPERM/.test(tunProblem)
        ? 'a container needs the device itself: docker --device /dev/net/tun, on Kubernetes a hostPath volume of type CharDevice, or to be privileged; a file system that is mounted with nodev has none'
        : 'mkdir -p /dev/net && rm -f /dev/net/tun && mknod -m 666 /dev/net/tun c 10 200'
      return [
        backend === 'udp' ? fatal(what, remedy) : warning(`${what} unless the kernel has WireGuard`, remedy),
      ]
    },
  },
  {
    id: 'host.ip-forward',
    title: 'IPv4 packets are forwarded',
    pre: true,
    find: (facts) =>
      (hasIpv4(facts) || networksOf(facts).length === 0) && facts.sysctls.get('net/ipv4/ip_forward') === '0'
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
    pre: true,
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
    pre: true,
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
    id: 'host.bridge-netfilter',
    title: 'on Kubernetes, packets between pods of one host pass the rules of iptables',
    pre: true,
    find: ({ sysctls, settings, programs }) =>
      (settings.store.type === 'kubernetes' || programs.has('kube-proxy')) &&
      sysctls.get('net/bridge/bridge-nf-call-iptables') === '0'
        ? [
            warning(
              'net.bridge.bridge-nf-call-iptables is 0: a Service does not reach a pod on the host of its client',
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
    find: (facts) => {
      const taken = facts.sockets.find(
        ({ port, owner }) =>
          udpPortsOf(facts).includes(port) && owner !== undefined && !PORT_OWNERS.test(owner.name),
      )
      if (taken?.owner === undefined) return []
      const { name, pid } = taken.owner
      return [
        fatal(
          `UDP port ${taken.port}, which is the backend ${backendOf(facts)}'s, is taken by ${printable(name)} (process ${pid})`,
          `kill ${pid}`,
        ),
      ]
    },
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
const PORT_OWNERS = /^(?:selvedged(?:\.js)?|flanneld|wireguard-go|charon)$/
