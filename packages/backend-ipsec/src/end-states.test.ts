/**
 * Whole end states: what etcd holds, and what `ip` and the drivers of xfrm and charon then have of ours on the first
 * host.
 *
 *     h1  192.168.64.2  2001:db8::2    this host
 *     h2  192.168.64.3  2001:db8::3
 */
import { endState } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { ipsecBackend } from './index.js'

const h1 = {
  name: 'eth0',
  mtu: 1500,
  macAddress: '52:54:00:00:00:02',
  addresses: ['192.168.64.2/24', '2001:db8::2/64'],
}

const PSK = 'sEcReT'.repeat(16)

const lease = (last: number, families: readonly (4 | 6)[] = [4]) => ({
  ...(families.includes(4) ? { PublicIP: `192.168.64.${last}` } : {}),
  ...(families.includes(6) ? { PublicIPv6: `2001:db8::${last}` } : {}),
  BackendType: 'ipsec',
})

const ipv4 = {
  config: { Network: '10.5.0.0/16' },
  leases: { '10.5.1.0-24': lease(2), '10.5.2.0-24': lease(3) },
}
const ipv6 = {
  config: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  leases: {
    '0.0.0.0-0&2001:cafe:42:1::-64': lease(2, [6]),
    '0.0.0.0-0&2001:cafe:42:2::-64': lease(3, [6]),
  },
}
const dual = {
  config: { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
  leases: {
    '10.5.1.0-24&2001:cafe:42:1::-64': lease(2, [4, 6]),
    '10.5.2.0-24&2001:cafe:42:2::-64': lease(3, [4, 6]),
  },
}

interface State {
  readonly network: { readonly config: object; readonly leases: Readonly<Record<string, object>> }
  readonly userspace?: boolean
  readonly viciUri?: string
  readonly backend?: object
  readonly state: string
}

const states: Readonly<Record<string, State>> = {
  'IPv4, by the kernel': {
    network: ipv4,
    state: `
# ip route
10.5.0.0/16 dev eth0 proto 157
# xfrm-policy
xfrm-policy fwd 10.5.0.0/16 10.5.1.0/24 {"direction":"fwd","source":"10.5.0.0/16","destination":"10.5.1.0/24","action":"block","priority":1579080161}
xfrm-policy fwd 10.5.1.0/24 10.5.1.0/24 {"direction":"fwd","source":"10.5.1.0/24","destination":"10.5.1.0/24","action":"allow","priority":1579080160}
xfrm-policy fwd 10.5.2.0/24 10.5.1.0/24 {"direction":"fwd","source":"10.5.2.0/24","destination":"10.5.1.0/24","action":"allow","priority":0,"tunnel":{"source":"192.168.64.3","destination":"192.168.64.2"}}
xfrm-policy in 10.5.0.0/16 10.5.1.0/24 {"direction":"in","source":"10.5.0.0/16","destination":"10.5.1.0/24","action":"block","priority":1579080161}
xfrm-policy in 10.5.1.0/24 10.5.1.0/24 {"direction":"in","source":"10.5.1.0/24","destination":"10.5.1.0/24","action":"allow","priority":1579080160}
xfrm-policy in 10.5.2.0/24 10.5.1.0/24 {"direction":"in","source":"10.5.2.0/24","destination":"10.5.1.0/24","action":"allow","priority":0,"tunnel":{"source":"192.168.64.3","destination":"192.168.64.2"}}
xfrm-policy out 10.5.1.0/24 10.5.0.0/16 {"direction":"out","source":"10.5.1.0/24","destination":"10.5.0.0/16","action":"block","priority":1579080161}
xfrm-policy out 10.5.1.0/24 10.5.1.0/24 {"direction":"out","source":"10.5.1.0/24","destination":"10.5.1.0/24","action":"allow","priority":1579080160}
xfrm-policy out 10.5.1.0/24 10.5.2.0/24 {"direction":"out","source":"10.5.1.0/24","destination":"10.5.2.0/24","action":"allow","priority":0,"tunnel":{"source":"192.168.64.2","destination":"192.168.64.3"}}
# ike-daemon
ike-daemon charon {"userspace":false,"udpEncap":false,"espProposal":"aes128gcm16-sha256-prfsha256-ecp256"}
# ike-secret
ike-secret 10.5.0.0/16 192.168.64.2 {"network":"10.5.0.0/16","owner":"192.168.64.2","current":true}
ike-secret 10.5.0.0/16 192.168.64.3 {"network":"10.5.0.0/16","owner":"192.168.64.3","current":true}
# ike-connection
ike-connection 192.168.64.2-10.5.1.0/24-10.5.2.0/24-192.168.64.3 {"name":"192.168.64.2-10.5.1.0/24-10.5.2.0/24-192.168.64.3","localAddress":"192.168.64.2","remoteAddress":"192.168.64.3","localId":"192.168.64.2","localSubnet":"10.5.1.0/24","remoteSubnet":"10.5.2.0/24"}
`,
  },
  'IPv4, by charon': {
    network: ipv4,
    userspace: true,
    state: `
# ip -d link
flannel-ipsec UP mtu 1400 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 tun
# ip addr
10.5.1.0/32 dev flannel-ipsec
# ip route
blackhole 10.5.0.0/16 proto 157 metric 4000000000
# ike-daemon
ike-daemon charon {"userspace":true,"udpEncap":false,"espProposal":"aes128gcm16-sha256-prfsha256-ecp256"}
# ike-secret
ike-secret 10.5.0.0/16 192.168.64.2 {"network":"10.5.0.0/16","owner":"192.168.64.2","current":true}
ike-secret 10.5.0.0/16 192.168.64.3 {"network":"10.5.0.0/16","owner":"192.168.64.3","current":true}
# ike-connection
ike-connection 192.168.64.2-10.5.1.0/24-10.5.2.0/24-192.168.64.3 {"name":"192.168.64.2-10.5.1.0/24-10.5.2.0/24-192.168.64.3","localAddress":"192.168.64.2","remoteAddress":"192.168.64.3","localId":"192.168.64.2","localSubnet":"10.5.1.0/24","remoteSubnet":"10.5.2.0/24"}
`,
  },
  'IPv6, by the kernel': {
    network: ipv6,
    state: `
# ip route
2001:cafe:42::/48 dev eth0 proto 157 metric 1024
# xfrm-policy
xfrm-policy fwd 2001:cafe:42:1::/64 2001:cafe:42:1::/64 {"direction":"fwd","source":"2001:cafe:42:1::/64","destination":"2001:cafe:42:1::/64","action":"allow","priority":1579080160}
xfrm-policy fwd 2001:cafe:42:2::/64 2001:cafe:42:1::/64 {"direction":"fwd","source":"2001:cafe:42:2::/64","destination":"2001:cafe:42:1::/64","action":"allow","priority":0,"tunnel":{"source":"2001:db8::3","destination":"2001:db8::2"}}
xfrm-policy fwd 2001:cafe:42::/48 2001:cafe:42:1::/64 {"direction":"fwd","source":"2001:cafe:42::/48","destination":"2001:cafe:42:1::/64","action":"block","priority":1579080161}
xfrm-policy in 2001:cafe:42:1::/64 2001:cafe:42:1::/64 {"direction":"in","source":"2001:cafe:42:1::/64","destination":"2001:cafe:42:1::/64","action":"allow","priority":1579080160}
xfrm-policy in 2001:cafe:42:2::/64 2001:cafe:42:1::/64 {"direction":"in","source":"2001:cafe:42:2::/64","destination":"2001:cafe:42:1::/64","action":"allow","priority":0,"tunnel":{"source":"2001:db8::3","destination":"2001:db8::2"}}
xfrm-policy in 2001:cafe:42::/48 2001:cafe:42:1::/64 {"direction":"in","source":"2001:cafe:42::/48","destination":"2001:cafe:42:1::/64","action":"block","priority":1579080161}
xfrm-policy out 2001:cafe:42:1::/64 2001:cafe:42:1::/64 {"direction":"out","source":"2001:cafe:42:1::/64","destination":"2001:cafe:42:1::/64","action":"allow","priority":1579080160}
xfrm-policy out 2001:cafe:42:1::/64 2001:cafe:42:2::/64 {"direction":"out","source":"2001:cafe:42:1::/64","destination":"2001:cafe:42:2::/64","action":"allow","priority":0,"tunnel":{"source":"2001:db8::2","destination":"2001:db8::3"}}
xfrm-policy out 2001:cafe:42:1::/64 2001:cafe:42::/48 {"direction":"out","source":"2001:cafe:42:1::/64","destination":"2001:cafe:42::/48","action":"block","priority":1579080161}
# ike-daemon
ike-daemon charon {"userspace":false,"udpEncap":false,"espProposal":"aes128gcm16-sha256-prfsha256-ecp256"}
# ike-secret
ike-secret 2001:cafe:42::/48 2001:db8::2 {"network":"2001:cafe:42::/48","owner":"2001:db8::2","current":true}
ike-secret 2001:cafe:42::/48 2001:db8::3 {"network":"2001:cafe:42::/48","owner":"2001:db8::3","current":true}
# ike-connection
ike-connection 2001:db8::2-2001:cafe:42:1::/64-2001:cafe:42:2::/64-2001:db8::3 {"name":"2001:db8::2-2001:cafe:42:1::/64-2001:cafe:42:2::/64-2001:db8::3","localAddress":"2001:db8::2","remoteAddress":"2001:db8::3","localId":"2001:db8::2","localSubnet":"2001:cafe:42:1::/64","remoteSubnet":"2001:cafe:42:2::/64"}
`,
  },
  'dual-stack, by charon, every setting': {
    network: dual,
    userspace: true,
    backend: { UDPEncap: true, ESPProposal: 'aes256gcm16-sha384-ecp384' },
    state: `
# ip -d link
flannel-ipsec UP mtu 1395 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 tun
# ip addr
10.5.1.0/32 dev flannel-ipsec
2001:cafe:42:1::/128 dev flannel-ipsec
# ip route
blackhole 10.5.0.0/16 proto 157 metric 4000000000
blackhole 2001:cafe:42::/48 proto 157 metric 4000000000
# ike-daemon
ike-daemon charon {"userspace":true,"udpEncap":true,"espProposal":"aes256gcm16-sha384-ecp384"}
# ike-secret
ike-secret 10.5.0.0/16 192.168.64.2 {"network":"10.5.0.0/16","owner":"192.168.64.2","current":true}
ike-secret 10.5.0.0/16 192.168.64.3 {"network":"10.5.0.0/16","owner":"192.168.64.3","current":true}
ike-secret 2001:cafe:42::/48 2001:db8::2 {"network":"2001:cafe:42::/48","owner":"2001:db8::2","current":true}
ike-secret 2001:cafe:42::/48 2001:db8::3 {"network":"2001:cafe:42::/48","owner":"2001:db8::3","current":true}
# ike-connection
ike-connection 192.168.64.2-10.5.1.0/24-10.5.2.0/24-192.168.64.3 {"name":"192.168.64.2-10.5.1.0/24-10.5.2.0/24-192.168.64.3","localAddress":"192.168.64.2","remoteAddress":"192.168.64.3","localId":"192.168.64.2","localSubnet":"10.5.1.0/24","remoteSubnet":"10.5.2.0/24"}
ike-connection 2001:db8::2-2001:cafe:42:1::/64-2001:cafe:42:2::/64-2001:db8::3 {"name":"2001:db8::2-2001:cafe:42:1::/64-2001:cafe:42:2::/64-2001:db8::3","localAddress":"2001:db8::2","remoteAddress":"2001:db8::3","localId":"2001:db8::2","localSubnet":"2001:cafe:42:1::/64","remoteSubnet":"2001:cafe:42:2::/64"}
`,
  },
  'an underlay inside the network, an existing charon, and peers that are none': {
    network: {
      config: { Network: '192.168.0.0/16', SubnetMin: '192.168.128.0' },
      leases: {
        '192.168.129.0-24': lease(2),
        '192.168.130.0-24': lease(3),
        '192.168.131.0-24': { BackendType: 'ipsec' },
        '192.168.132.0-24': { PublicIP: '192.168.64.6', BackendType: 'vxlan' },
      },
    },
    viciUri: 'unix:///run/charon.vici',
    state: `
# ip route
192.168.0.0/16 dev eth0 proto 157
# xfrm-policy
xfrm-policy fwd 192.168.0.0/16 192.168.129.0/24 {"direction":"fwd","source":"192.168.0.0/16","destination":"192.168.129.0/24","action":"block","priority":1579080161}
xfrm-policy fwd 192.168.129.0/24 192.168.129.0/24 {"direction":"fwd","source":"192.168.129.0/24","destination":"192.168.129.0/24","action":"allow","priority":1579080160}
xfrm-policy fwd 192.168.130.0/24 192.168.129.0/24 {"direction":"fwd","source":"192.168.130.0/24","destination":"192.168.129.0/24","action":"allow","priority":0,"tunnel":{"source":"192.168.64.3","destination":"192.168.64.2"}}
xfrm-policy fwd 192.168.64.0/24 192.168.129.0/24 {"direction":"fwd","source":"192.168.64.0/24","destination":"192.168.129.0/24","action":"allow","priority":1579080160}
xfrm-policy in 192.168.0.0/16 192.168.129.0/24 {"direction":"in","source":"192.168.0.0/16","destination":"192.168.129.0/24","action":"block","priority":1579080161}
xfrm-policy in 192.168.129.0/24 192.168.129.0/24 {"direction":"in","source":"192.168.129.0/24","destination":"192.168.129.0/24","action":"allow","priority":1579080160}
xfrm-policy in 192.168.130.0/24 192.168.129.0/24 {"direction":"in","source":"192.168.130.0/24","destination":"192.168.129.0/24","action":"allow","priority":0,"tunnel":{"source":"192.168.64.3","destination":"192.168.64.2"}}
xfrm-policy in 192.168.64.0/24 192.168.129.0/24 {"direction":"in","source":"192.168.64.0/24","destination":"192.168.129.0/24","action":"allow","priority":1579080160}
xfrm-policy out 192.168.129.0/24 192.168.0.0/16 {"direction":"out","source":"192.168.129.0/24","destination":"192.168.0.0/16","action":"block","priority":1579080161}
xfrm-policy out 192.168.129.0/24 192.168.129.0/24 {"direction":"out","source":"192.168.129.0/24","destination":"192.168.129.0/24","action":"allow","priority":1579080160}
xfrm-policy out 192.168.129.0/24 192.168.130.0/24 {"direction":"out","source":"192.168.129.0/24","destination":"192.168.130.0/24","action":"allow","priority":0,"tunnel":{"source":"192.168.64.2","destination":"192.168.64.3"}}
xfrm-policy out 192.168.129.0/24 192.168.64.0/24 {"direction":"out","source":"192.168.129.0/24","destination":"192.168.64.0/24","action":"allow","priority":1579080160}
# ike-secret
ike-secret 192.168.0.0/16 192.168.64.2 {"network":"192.168.0.0/16","owner":"192.168.64.2","current":true}
ike-secret 192.168.0.0/16 192.168.64.3 {"network":"192.168.0.0/16","owner":"192.168.64.3","current":true}
# ike-connection
ike-connection 192.168.64.2-192.168.129.0/24-192.168.130.0/24-192.168.64.3 {"name":"192.168.64.2-192.168.129.0/24-192.168.130.0/24-192.168.64.3","localAddress":"192.168.64.2","remoteAddress":"192.168.64.3","localId":"192.168.64.2","localSubnet":"192.168.129.0/24","remoteSubnet":"192.168.130.0/24"}
# reported
INVALID_LEASE: the lease of 192.168.131.0/24 has no PublicIP: 192.168.131.0/24 cannot be reached; correct or delete it
INVALID_LEASE: the lease of 192.168.132.0/24 (192.168.64.6) gets no resources: its backend is "vxlan", and this node's is "ipsec"; correct or delete it in etcd
`,
  },
}

describe('what etcd holds, as ip and the drivers have it on h1', () => {
  it.each(Object.entries(states))(
    '%s',
    async (_name, { network, userspace = false, viciUri, backend, state }) => {
      const config = { ...network.config, Backend: { Type: 'ipsec', PSK, ...backend } }
      const found = await endState(ipsecBackend(userspace, { viciUri }), {
        host: h1,
        config,
        leases: network.leases,
      })
      expect(`\n${found}`).not.toContain('sEcReT')
      expect(`\n${found}`).toBe(state)
    },
  )
})
