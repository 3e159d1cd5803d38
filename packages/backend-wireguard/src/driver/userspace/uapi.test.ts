import { describe, expect, it } from 'vitest'
import { errnoIn, readDevice, setRequest } from './uapi.js'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const hex = (byte: string) => byte.repeat(32)
const publicKey = key(0xaa)

describe('requests', () => {
  it('set a device, and not its peers', () => {
    expect(setRequest({ privateKey: key(0x11), listenPort: 51820, firewallMark: 0 })).toBe(
      `set=1\nprivate_key=${hex('11')}\nlisten_port=51820\nfwmark=0\n\n`,
    )
  })

  it('set peers, many in one', () => {
    const peer = {
      publicKey,
      presharedKey: key(0xbb),
      endpoint: '[2001:db8::7]:51820',
      persistentKeepalive: 25,
      allowedIps: ['10.5.2.0/24', '2001:cafe:42:2::/64'],
    }
    const other = { publicKey: key(0xcc), updateOnly: true, presharedKey: null }
    expect(setRequest({ peers: [peer, other] }).split('\n')).toEqual([
      'set=1',
      `public_key=${hex('aa')}`,
      `preshared_key=${hex('bb')}`,
      'endpoint=[2001:db8::7]:51820',
      'persistent_keepalive_interval=25',
      'replace_allowed_ips=true',
      'allowed_ip=10.5.2.0/24',
      'allowed_ip=2001:cafe:42:2::/64',
      `public_key=${hex('cc')}`,
      'update_only=true',
      `preshared_key=${hex('00')}`,
      '',
      '',
    ])
  })

  it('take allowed IPs and the key of the device away', () => {
    expect(setRequest({ privateKey: null, replacePeers: true, peers: [{ publicKey, allowedIps: [] }] })).toBe(
      `set=1\nprivate_key=${hex('00')}\nreplace_peers=true\npublic_key=${hex('aa')}\nreplace_allowed_ips=true\n\n`,
    )
  })

  it('remove a peer', () => {
    expect(setRequest({ peers: [{ publicKey, remove: true }] })).toBe(
      `set=1\npublic_key=${hex('aa')}\nremove=true\n\n`,
    )
  })
})

describe('answers', () => {
  // As wireguard-go 0.0.20220316 gives it, with other keys.
  const answer = `private_key=${hex('11')}
listen_port=51820
fwmark=4660
public_key=${hex('aa')}
preshared_key=${hex('00')}
protocol_version=1
endpoint=192.168.77.2:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=5
tx_bytes=1
rx_bytes=2
persistent_keepalive_interval=25
allowed_ip=fd00:1::/64
allowed_ip=10.5.2.0/24
public_key=${hex('cc')}
preshared_key=${hex('bb')}
last_handshake_time_sec=0
errno=0

`

  it('say what a device has', () => {
    expect(readDevice(answer)).toEqual({
      privateKey: key(0x11),
      listenPort: 51820,
      firewallMark: 0x1234,
      peers: [
        {
          publicKey: key(0xaa),
          presharedKey: undefined,
          endpoint: '192.168.77.2:51820',
          persistentKeepalive: 25,
          allowedIps: ['10.5.2.0/24', 'fd00:1::/64'],
          lastHandshake: 1_700_000_000,
        },
        {
          publicKey: key(0xcc),
          presharedKey: key(0xbb),
          endpoint: undefined,
          persistentKeepalive: 0,
          allowedIps: [],
          lastHandshake: 0,
        },
      ],
    })
  })

  it('of a device without anything', () => {
    expect(readDevice('listen_port=1\nerrno=0\n\n')).toEqual({
      privateKey: undefined,
      listenPort: 1,
      firewallMark: 0,
      peers: [],
    })
  })

  it('end with an errno', () => {
    expect([errnoIn(answer), errnoIn('errno=-22\n\n'), errnoIn('')]).toEqual([0, -22, undefined])
  })
})
