import { isOverlayError, parseNetworkConfig } from '@selvedge/core'
import { tunnelPodMtu } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { readSettings, tunnelOf } from './settings.js'

const configOf = (section: object, network: object = { Network: '10.5.0.0/16' }) =>
  parseNetworkConfig({ ...network, Backend: { Type: 'wireguard', ...section } })

const dual = { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' }

describe('the Backend section', () => {
  it('has the defaults of flannel', () => {
    expect(readSettings(configOf({ PSK: '', MTU: 0 }))).toEqual({
      Mode: 'separate',
      ListenPort: 51820,
      ListenPortV6: 51821,
      PSK: '',
      PersistentKeepaliveInterval: 0,
      MTU: 0,
    })
  })

  it.each([
    [{ Mode: 'both' }, /Mode is "both"/],
    [{ Mode: 'ipv6' }, /IPv6 is off/],
    [{ ListenPort: 0 }, /ListenPort/],
    [{ ListenPortV6: 51820 }, /ListenPortV6/],
    [{ PersistentKeepaliveInterval: 65536 }, /PersistentKeepaliveInterval/],
    [{ PSK: 'hunter2' }, /PSK/],
    [{ PSK: 5 }, /PSK/],
  ])('%j is refused', (section, message) => {
    const read = () => readSettings(configOf(section))
    expect(read).toThrow(message)
    expect(read).toThrow(expect.toSatisfy((error) => isOverlayError(error, 'INVALID_CONFIG')))
    expect(read).not.toThrow(/hunter2/)
  })
})

describe('the MTU', () => {
  const mtu = (section: object, linkMtu: number, network?: object) => {
    const config = configOf(section, network)
    const externalInterface = { name: 'eth0', mtu: linkMtu, onLink: [] }
    return tunnelPodMtu({ config, externalInterface }, tunnelOf(readSettings(config)))
  }

  it('is 80 below that of the path', () => {
    expect([mtu({}, 1500), mtu({ MTU: 1400 }, 1500), mtu({}, 9000)]).toEqual([1420, 1320, 8920])
  })

  it.each([
    ['more than the interface has', () => mtu({ MTU: 1600 }, 1500), /must not be more than 1500/],
    ['too little for IPv6', () => mtu({}, 1300, dual), /must be 1360 or more/],
    ['too little for IPv6, by the setting', () => mtu({ MTU: 1300 }, 1500, dual), /MTU is 1300/],
  ])('%s is refused', (_what, act, message) => {
    expect(act).toThrow(message)
  })
})
