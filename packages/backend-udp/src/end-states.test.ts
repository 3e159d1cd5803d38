/** Whole end states: what etcd holds, and what `ip` then prints of ours on the first host, with what the proxy has. */
import { endState } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { udp } from './index.js'

const h1 = {
  name: 'eth0',
  mtu: 1500,
  macAddress: '52:54:00:00:00:02',
  addresses: ['192.168.64.2/24', '2001:db8::2/64'],
}

const ipv4 = { Network: '10.5.0.0/16' }
const ipv6 = { EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' }

const states = {
  'IPv4, without a Backend section': {
    config: ipv4,
    leases: {
      '10.5.1.0-24': { PublicIP: '192.168.64.2' },
      '10.5.2.0-24': { PublicIP: '192.168.64.3' },
      '10.5.3.0-24': { PublicIP: '172.16.9.3' },
    },
    state: `
# ip -d link
flannel0 UP mtu 1472 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 accept_ra 0 tun mode tun
# ip addr
10.5.1.0/32 dev flannel0
# ip route
10.5.0.0/16 dev flannel0 proto 157
# udp-proxy
udp-proxy flannel0 {"device":"flannel0","mtu":1472,"port":8285,"addresses":["192.168.64.2"],"subnets":["10.5.1.0/24"],"networks":["10.5.0.0/16"]}
# udp-peer
udp-peer flannel0 10.5.2.0/24 {"device":"flannel0","subnet":"10.5.2.0/24","address":"192.168.64.3","port":8285}
udp-peer flannel0 10.5.3.0/24 {"device":"flannel0","subnet":"10.5.3.0/24","address":"172.16.9.3","port":8285}
`,
  },
  'IPv6, another port': {
    config: { ...ipv6, EnableIPv4: false, Backend: { Type: 'udp', Port: 9000 } },
    leases: {
      '0.0.0.0-0&2001:cafe:42:1::-64': { PublicIPv6: '2001:db8::2' },
      '0.0.0.0-0&2001:cafe:42:2::-64': { PublicIPv6: '2001:db8::3' },
    },
    state: `
# ip -d link
flannel0 UP mtu 1452 link/ether 02:00:00:00:00:03 alias selvedge 2001:cafe:42::/48 accept_ra 0 tun mode tun
# ip addr
2001:cafe:42:1::/128 dev flannel0
# ip route
2001:cafe:42::/48 dev flannel0 proto 157 metric 1024
# udp-proxy
udp-proxy flannel0 {"device":"flannel0","mtu":1452,"port":9000,"addresses":["2001:db8::2"],"subnets":["2001:cafe:42:1::/64"],"networks":["2001:cafe:42::/48"]}
# udp-peer
udp-peer flannel0 2001:cafe:42:2::/64 {"device":"flannel0","subnet":"2001:cafe:42:2::/64","address":"2001:db8::3","port":9000}
`,
  },
  'dual-stack, and peers that are not for it': {
    config: { ...ipv4, ...ipv6, Backend: { Type: 'udp' } },
    leases: {
      '10.5.1.0-24&2001:cafe:42:1::-64': { PublicIP: '192.168.64.2', PublicIPv6: '2001:db8::2' },
      '10.5.2.0-24&2001:cafe:42:2::-64': { PublicIP: '192.168.64.3', PublicIPv6: '2001:db8::3' },
      '10.5.3.0-24': { PublicIP: '192.168.64.4' },
      '10.5.4.0-24': { PublicIP: '192.168.64.5', BackendType: 'host-gw' },
      '10.5.5.0-24': { PublicIP: '127.0.0.1' },
    },
    state: `
# ip -d link
flannel0 UP mtu 1452 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 accept_ra 0 tun mode tun
# ip addr
10.5.1.0/32 dev flannel0
2001:cafe:42:1::/128 dev flannel0
# ip route
10.5.0.0/16 dev flannel0 proto 157
2001:cafe:42::/48 dev flannel0 proto 157 metric 1024
# udp-proxy
udp-proxy flannel0 {"device":"flannel0","mtu":1452,"port":8285,"addresses":["192.168.64.2","2001:db8::2"],"subnets":["10.5.1.0/24","2001:cafe:42:1::/64"],"networks":["10.5.0.0/16","2001:cafe:42::/48"]}
# udp-peer
udp-peer flannel0 10.5.2.0/24 {"device":"flannel0","subnet":"10.5.2.0/24","address":"192.168.64.3","port":8285}
udp-peer flannel0 10.5.3.0/24 {"device":"flannel0","subnet":"10.5.3.0/24","address":"192.168.64.4","port":8285}
udp-peer flannel0 2001:cafe:42:2::/64 {"device":"flannel0","subnet":"2001:cafe:42:2::/64","address":"2001:db8::3","port":8285}
# reported
INVALID_LEASE: the lease of 10.5.4.0/24 (192.168.64.5) gets no resources: its backend is "host-gw", and this node's is unnamed; correct or delete it in etcd
INVALID_LEASE: the lease of 10.5.5.0/24 (127.0.0.1) gets no resources: its PublicIP, 127.0.0.1, is a loopback address; correct or delete it in etcd
`,
  },
}

describe('what etcd holds, as ip prints it on h1', () => {
  it.each(Object.entries(states))('%s', async (_name, { config, leases, state }) => {
    expect(`\n${await endState(udp(), { host: h1, config, leases })}`).toBe(state)
  })
})
