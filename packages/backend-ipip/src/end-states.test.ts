/**
 * Whole end states: what etcd holds, and what `ip` then prints of ours on the first host.
 *
 *     h1  192.168.64.2  2001:db8::2    this host
 *     h2  192.168.64.3  2001:db8::3    on the same LAN
 *     h3  172.16.9.3    2001:db8:9::3  behind a router
 */
import { endState } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { ipip } from './index.js'

const h1 = {
  name: 'eth0',
  mtu: 1500,
  macAddress: '52:54:00:00:00:02',
  addresses: ['192.168.64.2/24', '2001:db8::2/64'],
}

const BackendType = 'ipip'
const network = {
  IPv4: { Network: '10.5.0.0/16' },
  IPv6: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  'dual-stack': { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
}
const leases = {
  IPv4: {
    '10.5.1.0-24': { PublicIP: '192.168.64.2', BackendType },
    '10.5.2.0-24': { PublicIP: '192.168.64.3', BackendType },
    '10.5.3.0-24': { PublicIP: '172.16.9.3', BackendType },
  },
  IPv6: {
    '0.0.0.0-0&2001:cafe:42:1::-64': { PublicIPv6: '2001:db8::2', BackendType },
    '0.0.0.0-0&2001:cafe:42:2::-64': { PublicIPv6: '2001:db8::3', BackendType },
    '0.0.0.0-0&2001:cafe:42:3::-64': { PublicIPv6: '2001:db8:9::3', BackendType },
  },
  'dual-stack': {
    '10.5.1.0-24&2001:cafe:42:1::-64': { PublicIP: '192.168.64.2', PublicIPv6: '2001:db8::2', BackendType },
    '10.5.2.0-24&2001:cafe:42:2::-64': { PublicIP: '192.168.64.3', PublicIPv6: '2001:db8::3', BackendType },
    '10.5.3.0-24&2001:cafe:42:3::-64': { PublicIP: '172.16.9.3', PublicIPv6: '2001:db8:9::3', BackendType },
  },
}

interface State {
  readonly config: object
  readonly leases: Readonly<Record<string, object>>
  readonly state: string
}

const Backend = { Type: 'ipip' }
const states: Readonly<Record<string, State>> = {
  IPv4: {
    config: { ...network.IPv4, Backend },
    leases: leases.IPv4,
    state: `
# ip -d link
flannel.ipip UP mtu 1480 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 accept_ra 0 ipip local 192.168.64.2 remote 0.0.0.0
# ip addr
10.5.1.0/32 dev flannel.ipip
# ip route
10.5.2.0/24 via 192.168.64.3 dev flannel.ipip proto 157 onlink
10.5.3.0/24 via 172.16.9.3 dev flannel.ipip proto 157 onlink
`,
  },
  IPv6: {
    config: { ...network.IPv6, Backend },
    leases: leases.IPv6,
    state: `
# ip -d link
fl6-6d0729932dc UP mtu 1460 link/ether 02:00:00:00:00:04 alias selvedge 2001:cafe:42::/48 accept_ra 0 ip6tnl local 2001:db8::2 remote 2001:db8:9::3 protocol 41 encapsulationLimit false
fl6-9d754c9a492 UP mtu 1460 link/ether 02:00:00:00:00:03 alias selvedge 2001:cafe:42::/48 accept_ra 0 ip6tnl local 2001:db8::2 remote 2001:db8::3 protocol 41 encapsulationLimit false
# ip addr
2001:cafe:42:1::/128 dev fl6-6d0729932dc
2001:cafe:42:1::/128 dev fl6-9d754c9a492
# ip route
2001:cafe:42:2::/64 dev fl6-9d754c9a492 proto 157 metric 1024
2001:cafe:42:3::/64 dev fl6-6d0729932dc proto 157 metric 1024
`,
  },
  'dual-stack': {
    config: { ...network['dual-stack'], Backend },
    leases: leases['dual-stack'],
    state: `
# ip -d link
fl6-6d0729932dc UP mtu 1460 link/ether 02:00:00:00:00:05 alias selvedge 10.5.0.0/16 accept_ra 0 ip6tnl local 2001:db8::2 remote 2001:db8:9::3 protocol 41 encapsulationLimit false
fl6-9d754c9a492 UP mtu 1460 link/ether 02:00:00:00:00:04 alias selvedge 10.5.0.0/16 accept_ra 0 ip6tnl local 2001:db8::2 remote 2001:db8::3 protocol 41 encapsulationLimit false
flannel.ipip UP mtu 1480 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 accept_ra 0 ipip local 192.168.64.2 remote 0.0.0.0
# ip addr
10.5.1.0/32 dev flannel.ipip
2001:cafe:42:1::/128 dev fl6-6d0729932dc
2001:cafe:42:1::/128 dev fl6-9d754c9a492
# ip route
10.5.2.0/24 via 192.168.64.3 dev flannel.ipip proto 157 onlink
10.5.3.0/24 via 172.16.9.3 dev flannel.ipip proto 157 onlink
2001:cafe:42:2::/64 dev fl6-9d754c9a492 proto 157 metric 1024
2001:cafe:42:3::/64 dev fl6-6d0729932dc proto 157 metric 1024
`,
  },
  'DirectRouting, in any case of letters': {
    config: { ...network['dual-stack'], Backend: { ...Backend, directrouting: true } },
    leases: leases['dual-stack'],
    state: `
# ip -d link
fl6-6d0729932dc UP mtu 1460 link/ether 02:00:00:00:00:04 alias selvedge 10.5.0.0/16 accept_ra 0 ip6tnl local 2001:db8::2 remote 2001:db8:9::3 protocol 41 encapsulationLimit false
flannel.ipip UP mtu 1480 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 accept_ra 0 ipip local 192.168.64.2 remote 0.0.0.0
# ip addr
10.5.1.0/32 dev flannel.ipip
2001:cafe:42:1::/128 dev fl6-6d0729932dc
# ip route
10.5.2.0/24 via 192.168.64.3 dev eth0 proto 157
10.5.3.0/24 via 172.16.9.3 dev flannel.ipip proto 157 onlink
2001:cafe:42:2::/64 via 2001:db8::3 dev eth0 proto 157 metric 1024
2001:cafe:42:3::/64 dev fl6-6d0729932dc proto 157 metric 1024
`,
  },
  'peers of other backends': {
    config: { ...network.IPv4, Backend },
    leases: {
      ...leases.IPv4,
      '10.5.2.0-24': { PublicIP: '192.168.64.3', BackendType: 'host-gw' },
      '10.5.3.0-24': { PublicIP: '172.16.9.3' },
    },
    state: `
# ip -d link
flannel.ipip UP mtu 1480 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 accept_ra 0 ipip local 192.168.64.2 remote 0.0.0.0
# ip addr
10.5.1.0/32 dev flannel.ipip
# reported
INVALID_LEASE: the lease of 10.5.2.0/24 (192.168.64.3) gets no resources: its backend is "host-gw", and this node's is "ipip"; correct or delete it in etcd
INVALID_LEASE: the lease of 10.5.3.0/24 (172.16.9.3) gets no resources: its backend is unnamed, and this node's is "ipip"; correct or delete it in etcd
`,
  },
}

describe('what etcd holds, as ip prints it on h1', () => {
  it.each(Object.entries(states))('%s', async (_name, { config, leases, state }) => {
    expect(`\n${await endState(ipip(), { host: h1, config, leases })}`).toBe(state)
  })
})
