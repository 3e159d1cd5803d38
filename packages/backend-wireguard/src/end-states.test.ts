/**
 * Whole end states: what etcd holds, and what `ip` and the driver of WireGuard then have of ours on the first host.
 *
 *     h1  192.168.64.2  2001:db8::2    this host
 *     h2  192.168.64.3  2001:db8::3
 */
import { endState } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { keyPairOf, wireguardBackend } from './index.js'

const h1 = {
  name: 'eth0',
  mtu: 1500,
  macAddress: '52:54:00:00:00:02',
  addresses: ['192.168.64.2/24', '2001:db8::2/64'],
}

const PSK = Buffer.alloc(32, 255).toString('base64')
const keys = [1, 2, 3].map((byte) => keyPairOf(Buffer.alloc(32, byte).toString('base64')))
const publicKey = (host: number) => keys[host - 1]?.publicKey ?? ''
const data = (host: number, port?: number) => ({
  PublicKey: publicKey(host),
  ...(port === undefined ? {} : { Port: port }),
})

const ipv4 = {
  config: { Network: '10.5.0.0/16' },
  leases: {
    '10.5.1.0-24': { PublicIP: '192.168.64.2', BackendType: 'wireguard', BackendData: data(1, 51820) },
    // flannel before v0.26.6 publishes no port.
    '10.5.2.0-24': { PublicIP: '192.168.64.3', BackendType: 'wireguard', BackendData: data(2) },
  },
}

/** What flannel publishes: ListenPortV6 whatever the mode. */
const dualLease = (host: number, last: number) => ({
  PublicIP: `192.168.64.${last}`,
  PublicIPv6: `2001:db8::${last}`,
  BackendType: 'wireguard',
  BackendData: data(host, 51820),
  BackendV6Data: data(host, 51821),
})
const dual = {
  config: { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
  leases: {
    '10.5.1.0-24&2001:cafe:42:1::-64': dualLease(1, 2),
    '10.5.2.0-24&2001:cafe:42:2::-64': dualLease(2, 3),
  },
}

const ipv6Lease = (host: number, last: number) => ({
  PublicIPv6: `2001:db8::${last}`,
  BackendType: 'wireguard',
  BackendV6Data: data(host, 51821),
})
const ipv6 = {
  config: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  leases: {
    '0.0.0.0-0&2001:cafe:42:1::-64': ipv6Lease(1, 2),
    '0.0.0.0-0&2001:cafe:42:2::-64': ipv6Lease(2, 3),
  },
}

interface State {
  readonly network: { readonly config: object; readonly leases: Readonly<Record<string, object>> }
  readonly backend?: object
  readonly implementation?: 'kernel' | 'userspace'
  readonly state: string
}

const states: Readonly<Record<string, State>> = {
  IPv4: {
    network: ipv4,
    state: `
# ip -d link
flannel-wg UP mtu 1420 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 wireguard
# ip addr
10.5.1.0/32 dev flannel-wg
# ip route
10.5.0.0/16 dev flannel-wg proto 157
blackhole 10.5.0.0/16 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg {"name":"flannel-wg","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51820,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"192.168.64.3:51820","allowedIps":["10.5.2.0/24"],"persistentKeepalive":0,"presharedKey":false}
`,
  },
  'IPv4, by wireguard-go': {
    network: ipv4,
    implementation: 'userspace',
    state: `
# ip -d link
flannel-wg UP mtu 1420 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 tun
# ip addr
10.5.1.0/32 dev flannel-wg
# ip route
10.5.0.0/16 dev flannel-wg proto 157
blackhole 10.5.0.0/16 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg {"name":"flannel-wg","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51820,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"192.168.64.3:51820","allowedIps":["10.5.2.0/24"],"persistentKeepalive":0,"presharedKey":false}
`,
  },
  IPv6: {
    network: ipv6,
    state: `
# ip -d link
flannel-wg-v6 UP mtu 1420 link/ether 02:00:00:00:00:03 alias selvedge 2001:cafe:42::/48 wireguard
# ip addr
2001:cafe:42:1::/128 dev flannel-wg-v6
# ip route
2001:cafe:42::/48 dev flannel-wg-v6 proto 157 metric 1024
blackhole 2001:cafe:42::/48 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg-v6 {"name":"flannel-wg-v6","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51821,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg-v6 zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg-v6","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"[2001:db8::3]:51821","allowedIps":["2001:cafe:42:2::/64"],"persistentKeepalive":0,"presharedKey":false}
`,
  },
  'dual-stack': {
    network: dual,
    state: `
# ip -d link
flannel-wg UP mtu 1420 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 wireguard
flannel-wg-v6 UP mtu 1420 link/ether 02:00:00:00:00:04 alias selvedge 10.5.0.0/16 wireguard
# ip addr
10.5.1.0/32 dev flannel-wg
2001:cafe:42:1::/128 dev flannel-wg-v6
# ip route
10.5.0.0/16 dev flannel-wg proto 157
2001:cafe:42::/48 dev flannel-wg-v6 proto 157 metric 1024
blackhole 10.5.0.0/16 proto 157 metric 4294967295
blackhole 2001:cafe:42::/48 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg {"name":"flannel-wg","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51820,"firewallMark":0}
wireguard-device flannel-wg-v6 {"name":"flannel-wg-v6","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51821,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"192.168.64.3:51820","allowedIps":["10.5.2.0/24"],"persistentKeepalive":0,"presharedKey":false}
wireguard-peer flannel-wg-v6 zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg-v6","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"[2001:db8::3]:51821","allowedIps":["2001:cafe:42:2::/64"],"persistentKeepalive":0,"presharedKey":false}
`,
  },
  'dual-stack, auto': {
    network: dual,
    backend: { Mode: 'auto' },
    state: `
# ip -d link
flannel-wg UP mtu 1420 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 wireguard
# ip addr
10.5.1.0/32 dev flannel-wg
2001:cafe:42:1::/128 dev flannel-wg
# ip route
10.5.0.0/16 dev flannel-wg proto 157
2001:cafe:42::/48 dev flannel-wg proto 157 metric 1024
blackhole 10.5.0.0/16 proto 157 metric 4294967295
blackhole 2001:cafe:42::/48 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg {"name":"flannel-wg","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51820,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"[2001:db8::3]:51820","allowedIps":["10.5.2.0/24","2001:cafe:42:2::/64"],"persistentKeepalive":0,"presharedKey":false}
`,
  },
  'dual-stack, ipv6, every setting': {
    network: dual,
    backend: { Mode: 'ipv6', PSK, PersistentKeepaliveInterval: 25, ListenPort: 4500, MTU: 1400 },
    state: `
# ip -d link
flannel-wg UP mtu 1320 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 wireguard
# ip addr
10.5.1.0/32 dev flannel-wg
2001:cafe:42:1::/128 dev flannel-wg
# ip route
10.5.0.0/16 dev flannel-wg proto 157
2001:cafe:42::/48 dev flannel-wg proto 157 metric 1024
blackhole 10.5.0.0/16 proto 157 metric 4294967295
blackhole 2001:cafe:42::/48 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg {"name":"flannel-wg","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":4500,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"[2001:db8::3]:51820","allowedIps":["10.5.2.0/24","2001:cafe:42:2::/64"],"persistentKeepalive":25,"presharedKey":true}
`,
  },
  'a peer with a PublicKey of this node, one with no key, and one of another backend': {
    network: {
      config: ipv4.config,
      leases: {
        ...ipv4.leases,
        '10.5.3.0-24': { PublicIP: '192.168.64.4', BackendType: 'wireguard', BackendData: data(1) },
        '10.5.4.0-24': {
          PublicIP: '192.168.64.5',
          BackendType: 'wireguard',
          BackendData: { PublicKey: 'A' },
        },
        '10.5.5.0-24': { PublicIP: '192.168.64.6', BackendType: 'vxlan' },
        '10.5.6.0-24': { PublicIP: '192.168.64.3', BackendType: 'wireguard', BackendData: data(3, 51899) },
      },
    },
    state: `
# ip -d link
flannel-wg UP mtu 1420 link/ether 02:00:00:00:00:03 alias selvedge 10.5.0.0/16 wireguard
# ip addr
10.5.1.0/32 dev flannel-wg
# ip route
10.5.0.0/16 dev flannel-wg proto 157
blackhole 10.5.0.0/16 proto 157 metric 4294967295
# wireguard-device
wireguard-device flannel-wg {"name":"flannel-wg","publicKey":"pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=","listenPort":51820,"firewallMark":0}
# wireguard-peer
wireguard-peer flannel-wg Xf7dO2vUf2+ijuFdlp1bsOpTd01Ii9r53xxuASSz7yI= {"device":"flannel-wg","publicKey":"Xf7dO2vUf2+ijuFdlp1bsOpTd01Ii9r53xxuASSz7yI=","endpoint":"192.168.64.3:51899","allowedIps":["10.5.6.0/24"],"persistentKeepalive":0,"presharedKey":false}
wireguard-peer flannel-wg zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk= {"device":"flannel-wg","publicKey":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=","endpoint":"192.168.64.3:51820","allowedIps":["10.5.2.0/24"],"persistentKeepalive":0,"presharedKey":false}
# reported
INVALID_LEASE: in the lease of 10.5.3.0/24 (192.168.64.4), PublicKey is "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=", but is this node's own: a cloned machine may have kept it; delete that node's key file
INVALID_LEASE: in the lease of 10.5.4.0/24 (192.168.64.5), BackendData, PublicKey is "A", but must be a WireGuard key, 32 bytes in base64
INVALID_LEASE: the lease of 10.5.5.0/24 (192.168.64.6) gets no resources: its backend is "vxlan", and this node's is "wireguard"; correct or delete it in etcd
`,
  },
}

describe('what etcd holds, as ip and the driver have it on h1', () => {
  it.each(Object.entries(states))(
    '%s',
    async (_name, { network, backend, implementation = 'kernel', state }) => {
      const config = { ...network.config, Backend: { Type: 'wireguard', ...backend } }
      const [own] = keys
      if (own === undefined) throw new TypeError('no keys')
      const found = await endState(wireguardBackend(own, { implementation }), {
        host: h1,
        config,
        leases: network.leases,
      })
      expect(`\n${found}`).not.toContain(PSK)
      expect(`\n${found}`).not.toContain(own.privateKey)
      expect(`\n${found}`).toBe(state)
    },
  )
})
