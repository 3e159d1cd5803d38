/**
 * Whole end states: what etcd holds, and what `ip` then prints of ours on the first host. host-gw makes no links, no
 * neighbours and no fdb entries: routes are all there is.
 *
 *     h1  192.168.64.2  2001:db8::2  this host
 *     h2  192.168.64.3  2001:db8::3  on the same LAN
 *     h3  192.168.64.4  2001:db8::4  on the same LAN
 */
import { endState } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { hostGw } from './index.js'

const h1 = {
  name: 'eth0',
  mtu: 1500,
  macAddress: '52:54:00:00:00:02',
  addresses: ['192.168.64.2/24', '2001:db8::2/64'],
}

const Backend = { Type: 'host-gw' }
const BackendType = 'host-gw'

interface State {
  readonly config: object
  /** Below /coreos.com/network/subnets. */
  readonly leases: Readonly<Record<string, object>>
  readonly state: string
}

const states: Readonly<Record<string, State>> = {
  IPv4: {
    config: { Network: '10.5.0.0/16', Backend },
    leases: {
      '10.5.1.0-24': { PublicIP: '192.168.64.2', BackendType },
      '10.5.2.0-24': { PublicIP: '192.168.64.3', BackendType },
      '10.5.3.0-24': { PublicIP: '192.168.64.4', BackendType },
    },
    state: `
# ip route
10.5.2.0/24 via 192.168.64.3 dev eth0 proto 157
10.5.3.0/24 via 192.168.64.4 dev eth0 proto 157
`,
  },
  IPv6: {
    config: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48', Backend },
    leases: {
      '0.0.0.0-0&2001:cafe:42:1::-64': { PublicIPv6: '2001:db8::2', BackendType },
      '0.0.0.0-0&2001:cafe:42:2::-64': { PublicIPv6: '2001:db8::3', BackendType },
      '0.0.0.0-0&2001:cafe:42:3::-64': { PublicIPv6: '2001:db8::4', BackendType },
    },
    state: `
# ip route
2001:cafe:42:2::/64 via 2001:db8::3 dev eth0 proto 157 metric 1024
2001:cafe:42:3::/64 via 2001:db8::4 dev eth0 proto 157 metric 1024
`,
  },
  'dual-stack': {
    config: { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48', Backend },
    leases: {
      '10.5.1.0-24&2001:cafe:42:1::-64': {
        PublicIP: '192.168.64.2',
        PublicIPv6: '2001:db8::2',
        BackendType,
      },
      '10.5.2.0-24&2001:cafe:42:2::-64': {
        PublicIP: '192.168.64.3',
        PublicIPv6: '2001:db8::3',
        BackendType,
      },
      '10.5.3.0-24&2001:cafe:42:3::-64': {
        PublicIP: '192.168.64.4',
        PublicIPv6: '2001:db8::4',
        BackendType,
      },
    },
    state: `
# ip route
10.5.2.0/24 via 192.168.64.3 dev eth0 proto 157
10.5.3.0/24 via 192.168.64.4 dev eth0 proto 157
2001:cafe:42:2::/64 via 2001:db8::3 dev eth0 proto 157 metric 1024
2001:cafe:42:3::/64 via 2001:db8::4 dev eth0 proto 157 metric 1024
`,
  },
  'peers of other backends': {
    config: { Network: '10.5.0.0/16', Backend },
    leases: {
      '10.5.1.0-24': { PublicIP: '192.168.64.2', BackendType },
      '10.5.2.0-24': {
        PublicIP: '192.168.64.3',
        BackendType: 'vxlan',
        BackendData: { VNI: 1, VtepMAC: '0a:00:00:00:04:02' },
      },
      '10.5.3.0-24': { PublicIP: '192.168.64.4' },
    },
    state: `
# reported
INVALID_LEASE: the lease of 10.5.2.0/24 (192.168.64.3) gets no resources: its backend is "vxlan", and this node's is "host-gw"; correct or delete it in etcd
INVALID_LEASE: the lease of 10.5.3.0/24 (192.168.64.4) gets no resources: its backend is unnamed, and this node's is "host-gw"; correct or delete it in etcd
`,
  },
}

describe('what etcd holds, as ip and bridge print it on h1', () => {
  it.each(Object.entries(states))('%s', async (_name, { config, leases, state }) => {
    expect(`\n${await endState(hostGw(), { host: h1, config, leases })}`).toBe(state)
  })
})
