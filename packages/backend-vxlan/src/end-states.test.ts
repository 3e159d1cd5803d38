/**
 * Whole end states: what etcd holds, and what `ip` and `bridge` then print of ours on the first host.
 *
 *     h1  192.168.64.2  2001:db8::2    this host
 *     h2  192.168.64.3  2001:db8::3    on the same LAN
 *     h3  172.16.9.3    2001:db8:9::3  behind a router
 */
import { endState } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { vxlan } from './index.js'

const h1 = {
  name: 'eth0',
  mtu: 1500,
  macAddress: '52:54:00:00:00:02',
  addresses: ['192.168.64.2/24', '2001:db8::2/64'],
}

const network = {
  IPv4: { Network: '10.5.0.0/16' },
  IPv6: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  'dual-stack': { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
}

const vtep = (mac: string, vni = 1) => ({ VNI: vni, VtepMAC: mac })

const vxlanLease = (address: string, mac: string) => ({
  PublicIP: address,
  BackendType: 'vxlan',
  BackendData: vtep(mac),
})

/** Below /coreos.com/network/subnets. */
const leases = {
  IPv4: {
    '10.5.1.0-24': {
      PublicIP: '192.168.64.2',
      BackendType: 'vxlan',
      BackendData: vtep('0a:00:00:00:04:01'),
    },
    '10.5.2.0-24': {
      PublicIP: '192.168.64.3',
      BackendType: 'vxlan',
      BackendData: vtep('0a:00:00:00:04:02'),
    },
    '10.5.3.0-24': { PublicIP: '172.16.9.3', BackendType: 'vxlan', BackendData: vtep('0a:00:00:00:04:03') },
  },
  IPv6: {
    '0.0.0.0-0&2001:cafe:42:1::-64': {
      PublicIPv6: '2001:db8::2',
      BackendType: 'vxlan',
      BackendV6Data: vtep('0a:00:00:00:06:01'),
    },
    '0.0.0.0-0&2001:cafe:42:2::-64': {
      PublicIPv6: '2001:db8::3',
      BackendType: 'vxlan',
      BackendV6Data: vtep('0a:00:00:00:06:02'),
    },
    '0.0.0.0-0&2001:cafe:42:3::-64': {
      PublicIPv6: '2001:db8:9::3',
      BackendType: 'vxlan',
      BackendV6Data: vtep('0a:00:00:00:06:03'),
    },
  },
  'dual-stack': {
    '10.5.1.0-24&2001:cafe:42:1::-64': {
      PublicIP: '192.168.64.2',
      PublicIPv6: '2001:db8::2',
      BackendType: 'vxlan',
      BackendData: vtep('0a:00:00:00:04:01'),
      BackendV6Data: vtep('0a:00:00:00:06:01'),
    },
    '10.5.2.0-24&2001:cafe:42:2::-64': {
      PublicIP: '192.168.64.3',
      PublicIPv6: '2001:db8::3',
      BackendType: 'vxlan',
      BackendData: vtep('0a:00:00:00:04:02'),
      BackendV6Data: vtep('0a:00:00:00:06:02'),
    },
    '10.5.3.0-24&2001:cafe:42:3::-64': {
      PublicIP: '172.16.9.3',
      PublicIPv6: '2001:db8:9::3',
      BackendType: 'vxlan',
      BackendData: vtep('0a:00:00:00:04:03'),
      BackendV6Data: vtep('0a:00:00:00:06:03'),
    },
  },
}

interface State {
  readonly config: object
  readonly leases: Readonly<Record<string, object>>
  readonly state: string
}

const states: Readonly<Record<string, State>> = {
  IPv4: {
    config: { ...network.IPv4, Backend: { Type: 'vxlan' } },
    leases: leases.IPv4,
    state: `
# ip -d link
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
# ip route
10.5.2.0/24 via 10.5.2.0 dev flannel.1 proto 157 onlink
10.5.3.0/24 via 10.5.3.0 dev flannel.1 proto 157 onlink
# ip neigh
10.5.2.0 dev flannel.1 lladdr 0a:00:00:00:04:02 PERMANENT
10.5.3.0 dev flannel.1 lladdr 0a:00:00:00:04:03 PERMANENT
# bridge fdb
0a:00:00:00:04:02 dev flannel.1 dst 192.168.64.3 self permanent
0a:00:00:00:04:03 dev flannel.1 dst 172.16.9.3 self permanent
`,
  },
  'IPv4, DirectRouting': {
    config: { ...network.IPv4, Backend: { Type: 'vxlan', DirectRouting: true } },
    leases: leases.IPv4,
    state: `
# ip -d link
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
# ip route
10.5.2.0/24 via 192.168.64.3 dev eth0 proto 157
10.5.3.0/24 via 10.5.3.0 dev flannel.1 proto 157 onlink
# ip neigh
10.5.3.0 dev flannel.1 lladdr 0a:00:00:00:04:03 PERMANENT
# bridge fdb
0a:00:00:00:04:03 dev flannel.1 dst 172.16.9.3 self permanent
`,
  },
  IPv6: {
    config: { ...network.IPv6, Backend: { Type: 'vxlan' } },
    leases: leases.IPv6,
    state: `
# ip -d link
flannel-v6.1 UP mtu 1430 link/ether 0a:00:00:00:06:01 alias selvedge 2001:cafe:42::/48 accept_ra 0 vxlan id 1 local 2001:db8::2 dev eth0 dstport 8472 nolearning
# ip addr
2001:cafe:42:1::/128 dev flannel-v6.1
# ip route
2001:cafe:42:2::/64 via 2001:cafe:42:2:: dev flannel-v6.1 proto 157 metric 1024 onlink
2001:cafe:42:3::/64 via 2001:cafe:42:3:: dev flannel-v6.1 proto 157 metric 1024 onlink
# ip neigh
2001:cafe:42:2:: dev flannel-v6.1 lladdr 0a:00:00:00:06:02 PERMANENT
2001:cafe:42:3:: dev flannel-v6.1 lladdr 0a:00:00:00:06:03 PERMANENT
# bridge fdb
0a:00:00:00:06:02 dev flannel-v6.1 dst 2001:db8::3 self permanent
0a:00:00:00:06:03 dev flannel-v6.1 dst 2001:db8:9::3 self permanent
`,
  },
  'IPv6, DirectRouting': {
    config: { ...network.IPv6, Backend: { Type: 'vxlan', DirectRouting: true } },
    leases: leases.IPv6,
    state: `
# ip -d link
flannel-v6.1 UP mtu 1430 link/ether 0a:00:00:00:06:01 alias selvedge 2001:cafe:42::/48 accept_ra 0 vxlan id 1 local 2001:db8::2 dev eth0 dstport 8472 nolearning
# ip addr
2001:cafe:42:1::/128 dev flannel-v6.1
# ip route
2001:cafe:42:2::/64 via 2001:db8::3 dev eth0 proto 157 metric 1024
2001:cafe:42:3::/64 via 2001:cafe:42:3:: dev flannel-v6.1 proto 157 metric 1024 onlink
# ip neigh
2001:cafe:42:3:: dev flannel-v6.1 lladdr 0a:00:00:00:06:03 PERMANENT
# bridge fdb
0a:00:00:00:06:03 dev flannel-v6.1 dst 2001:db8:9::3 self permanent
`,
  },
  'dual-stack': {
    config: { ...network['dual-stack'], Backend: { Type: 'vxlan' } },
    leases: leases['dual-stack'],
    state: `
# ip -d link
flannel-v6.1 UP mtu 1430 link/ether 0a:00:00:00:06:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 2001:db8::2 dev eth0 dstport 8472 nolearning
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
2001:cafe:42:1::/128 dev flannel-v6.1
# ip route
10.5.2.0/24 via 10.5.2.0 dev flannel.1 proto 157 onlink
10.5.3.0/24 via 10.5.3.0 dev flannel.1 proto 157 onlink
2001:cafe:42:2::/64 via 2001:cafe:42:2:: dev flannel-v6.1 proto 157 metric 1024 onlink
2001:cafe:42:3::/64 via 2001:cafe:42:3:: dev flannel-v6.1 proto 157 metric 1024 onlink
# ip neigh
10.5.2.0 dev flannel.1 lladdr 0a:00:00:00:04:02 PERMANENT
10.5.3.0 dev flannel.1 lladdr 0a:00:00:00:04:03 PERMANENT
2001:cafe:42:2:: dev flannel-v6.1 lladdr 0a:00:00:00:06:02 PERMANENT
2001:cafe:42:3:: dev flannel-v6.1 lladdr 0a:00:00:00:06:03 PERMANENT
# bridge fdb
0a:00:00:00:04:02 dev flannel.1 dst 192.168.64.3 self permanent
0a:00:00:00:04:03 dev flannel.1 dst 172.16.9.3 self permanent
0a:00:00:00:06:02 dev flannel-v6.1 dst 2001:db8::3 self permanent
0a:00:00:00:06:03 dev flannel-v6.1 dst 2001:db8:9::3 self permanent
`,
  },
  'dual-stack, DirectRouting': {
    config: { ...network['dual-stack'], Backend: { Type: 'vxlan', DirectRouting: true } },
    leases: leases['dual-stack'],
    state: `
# ip -d link
flannel-v6.1 UP mtu 1430 link/ether 0a:00:00:00:06:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 2001:db8::2 dev eth0 dstport 8472 nolearning
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
2001:cafe:42:1::/128 dev flannel-v6.1
# ip route
10.5.2.0/24 via 192.168.64.3 dev eth0 proto 157
10.5.3.0/24 via 10.5.3.0 dev flannel.1 proto 157 onlink
2001:cafe:42:2::/64 via 2001:db8::3 dev eth0 proto 157 metric 1024
2001:cafe:42:3::/64 via 2001:cafe:42:3:: dev flannel-v6.1 proto 157 metric 1024 onlink
# ip neigh
10.5.3.0 dev flannel.1 lladdr 0a:00:00:00:04:03 PERMANENT
2001:cafe:42:3:: dev flannel-v6.1 lladdr 0a:00:00:00:06:03 PERMANENT
# bridge fdb
0a:00:00:00:04:03 dev flannel.1 dst 172.16.9.3 self permanent
0a:00:00:00:06:03 dev flannel-v6.1 dst 2001:db8:9::3 self permanent
`,
  },
  'every setting': {
    config: {
      ...network.IPv4,
      Backend: { Type: 'vxlan', VNI: 42, Port: 4789, GBP: true, Learning: true, MTU: 1400 },
    },
    leases: {
      '10.5.1.0-24': {
        PublicIP: '192.168.64.2',
        BackendType: 'vxlan',
        BackendData: vtep('0a:00:00:00:04:01', 42),
      },
      '10.5.2.0-24': {
        PublicIP: '192.168.64.3',
        BackendType: 'vxlan',
        BackendData: vtep('0a:00:00:00:04:02', 42),
      },
    },
    state: `
# ip -d link
flannel.42 UP mtu 1350 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 42 local 192.168.64.2 dev eth0 dstport 4789 gbp
# ip addr
10.5.1.0/32 dev flannel.42
# ip route
10.5.2.0/24 via 10.5.2.0 dev flannel.42 proto 157 onlink
# ip neigh
10.5.2.0 dev flannel.42 lladdr 0a:00:00:00:04:02 PERMANENT
# bridge fdb
0a:00:00:00:04:02 dev flannel.42 dst 192.168.64.3 self permanent
`,
  },
  'peers of other backends': {
    config: { ...network.IPv4, Backend: { Type: 'vxlan' } },
    leases: {
      '10.5.1.0-24': leases.IPv4['10.5.1.0-24'],
      '10.5.2.0-24': { PublicIP: '192.168.64.3', BackendType: 'host-gw' },
      '10.5.3.0-24': { PublicIP: '172.16.9.3' },
    },
    state: `
# ip -d link
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
# reported
INVALID_LEASE: the lease of 10.5.2.0/24 (192.168.64.3) gets no resources: its backend is "host-gw", and this node's is "vxlan"; correct or delete it in etcd
INVALID_LEASE: the lease of 10.5.3.0/24 (172.16.9.3) gets no resources: its backend is unnamed, and this node's is "vxlan"; correct or delete it in etcd
`,
  },
  'records that claim what is not theirs': {
    config: { ...network.IPv4, Backend: { Type: 'vxlan' } },
    leases: {
      ...leases.IPv4,
      '10.5.2.0-32': vxlanLease('192.168.64.66', '0a:00:00:00:04:66'),
      '10.5.4.0-24': vxlanLease('192.168.64.67', '0a:00:00:00:04:03'),
      '10.5.5.0-24': vxlanLease('192.168.64.68', '0a:00:00:00:04:01'),
      '10.5.6.0-24': vxlanLease('224.0.0.5', '0a:00:00:00:04:06'),
      '192.168.64.128-25': vxlanLease('192.168.64.69', '0a:00:00:00:04:69'),
      '8.8.8.0-24': vxlanLease('192.168.64.70', '0a:00:00:00:04:70'),
    },
    state: `
# ip -d link
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
# ip route
10.5.2.0/24 via 10.5.2.0 dev flannel.1 proto 157 onlink
10.5.3.0/24 via 10.5.3.0 dev flannel.1 proto 157 onlink
# ip neigh
10.5.2.0 dev flannel.1 lladdr 0a:00:00:00:04:02 PERMANENT
10.5.3.0 dev flannel.1 lladdr 0a:00:00:00:04:03 PERMANENT
# bridge fdb
0a:00:00:00:04:02 dev flannel.1 dst 192.168.64.3 self permanent
0a:00:00:00:04:03 dev flannel.1 dst 172.16.9.3 self permanent
# reported
LEASE_CONFLICT: the lease of 10.5.2.0/32 (192.168.64.66) gets no resources: 10.5.2.0/32 and 10.5.2.0/24 overlap, and the lease of 10.5.2.0/24 (192.168.64.3) is older; delete the wrong one of the two from etcd
LEASE_CONFLICT: the lease of 10.5.4.0/24 (192.168.64.67) gets no resources: both need 'fdb flannel.1 0a:00:00:00:04:03', and the lease of 10.5.3.0/24 (172.16.9.3) is older; delete the wrong one of the two from etcd
INVALID_LEASE: in the lease of 10.5.5.0/24 (192.168.64.68), VtepMAC is "0a:00:00:00:04:01", but is this node's own: a cloned machine may have kept it; give the other node another one, or delete its lease
INVALID_LEASE: the lease of 10.5.6.0/24 (224.0.0.5) gets no resources: its PublicIP, 224.0.0.5, is a multicast address; correct or delete it in etcd
INVALID_LEASE: the lease of 192.168.64.128/25 (192.168.64.69) gets no resources: 192.168.64.128/25 overlaps 192.168.64.0/24, the network of eth0; correct or delete it in etcd
INVALID_LEASE: the lease of 8.8.8.0/24 (192.168.64.70) gets no resources: 8.8.8.0/24 is not inside 10.5.0.0/16; correct or delete it in etcd
`,
  },
  'a dual-stack record with one family broken': {
    config: { ...network['dual-stack'], Backend: { Type: 'vxlan' } },
    leases: {
      '10.5.1.0-24&2001:cafe:42:1::-64': leases['dual-stack']['10.5.1.0-24&2001:cafe:42:1::-64'],
      '10.5.2.0-24&2001:cafe:42:2::-64': vxlanLease('192.168.64.3', '0a:00:00:00:04:02'),
      '10.5.3.0-24&2001:cafe:42:3::-64': {
        ...leases['dual-stack']['10.5.3.0-24&2001:cafe:42:3::-64'],
        PublicIP: '172.16.9.300',
      },
    },
    state: `
# ip -d link
flannel-v6.1 UP mtu 1430 link/ether 0a:00:00:00:06:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 2001:db8::2 dev eth0 dstport 8472 nolearning
flannel.1 UP mtu 1450 link/ether 0a:00:00:00:04:01 alias selvedge 10.5.0.0/16 accept_ra 0 vxlan id 1 local 192.168.64.2 dev eth0 dstport 8472 nolearning
# ip addr
10.5.1.0/32 dev flannel.1
2001:cafe:42:1::/128 dev flannel-v6.1
# ip route
10.5.2.0/24 via 10.5.2.0 dev flannel.1 proto 157 onlink
2001:cafe:42:3::/64 via 2001:cafe:42:3:: dev flannel-v6.1 proto 157 metric 1024 onlink
# ip neigh
10.5.2.0 dev flannel.1 lladdr 0a:00:00:00:04:02 PERMANENT
2001:cafe:42:3:: dev flannel-v6.1 lladdr 0a:00:00:00:06:03 PERMANENT
# bridge fdb
0a:00:00:00:04:02 dev flannel.1 dst 192.168.64.3 self permanent
0a:00:00:00:06:03 dev flannel-v6.1 dst 2001:db8:9::3 self permanent
# reported
INVALID_LEASE: the lease of 2001:cafe:42:2::/64 (192.168.64.3) has no PublicIPv6: 2001:cafe:42:2::/64 cannot be reached; correct or delete it
INVALID_LEASE: the lease of 10.5.3.0/24 (2001:db8:9::3) is unusable: PublicIP is "172.16.9.300", not an IPv4 address: 10.5.3.0/24 cannot be reached; correct or delete it
`,
  },
}

describe('what etcd holds, as ip and bridge print it on h1', () => {
  it.each(Object.entries(states))('%s', async (_name, { config, leases, state }) => {
    expect(`\n${await endState(vxlan(), { host: h1, config, leases })}`).toBe(state)
  })
})
