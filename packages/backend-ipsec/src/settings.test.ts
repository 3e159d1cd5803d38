import { type NodeContext, parseNetworkConfig } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { podMtu, readSettings, SECTION } from './settings.js'

const PSK = 'sEcReT'.repeat(16)
const configOf = (backend: object, families: object = {}) =>
  parseNetworkConfig({ Network: '10.5.0.0/16', ...families, Backend: { Type: 'ipsec', ...backend } })

describe('settings', () => {
  it('are flannel’s by default, and their keys match in any case', () => {
    expect(readSettings(configOf({ psk: PSK }))).toEqual({
      udpEncap: false,
      espProposal: 'aes128gcm16-sha256-prfsha256-ecp256',
      psk: PSK,
    })
    const given = { PSK, UDPEncap: true, ESPProposal: 'aes256-sha512-modp4096' }
    expect(readSettings(configOf(given))).toMatchObject({
      udpEncap: true,
      espProposal: 'aes256-sha512-modp4096',
    })
  })

  it.each([
    [{}, /PSK must be text of 96 bytes or more/],
    [{ PSK: '' }, /PSK is text, but must be/],
    [
      { PSK: PSK.slice(1) },
      /PSK is text, but must be text of 96 bytes or more, such as `openssl rand -hex 48`/,
    ],
    [{ PSK: 5 }, /PSK is a number/],
    [{ PSK: null }, /PSK is null/],
    [{ PSK, UDPEncap: 'yes' }, /UDPEncap is "yes"/],
    [{ PSK, ESPProposal: 'aes128; rm' }, /ESPProposal is "aes128; rm"/],
    [{ PSK, ESPProposal: '' }, /ESPProposal is ""/],
  ])('%j are refused', (backend, message) => {
    expect(() => readSettings(configOf(backend))).toThrow(message)
  })

  it('that are wrong or unknown quote no PSK', () => {
    expect(() => readSettings(configOf({ PSK: PSK.slice(1) }))).toThrow(/^(?!.*sEcReT)/s)
    expect(SECTION.warnings(configOf({ PSK, Port: 5 }))).toEqual([
      'in the ipsec settings, the key Port means nothing; known keys: UDPEncap, ESPProposal, PSK',
    ])
  })
})

describe('the MTU for pods', () => {
  const contextOf = (backend: object, families: object, mtu = 1500): NodeContext => ({
    config: configOf({ PSK, ...backend }, families),
    externalInterface: { name: 'eth0', mtu, ipv4: '192.168.77.1', ipv6: 'fd77::1', onLink: [] },
  })
  const dual = { EnableIPv6: true, IPv6Network: 'fd44::/48' }
  it.each([
    ['flannel’s', {}, {}, false, 1423],
    ['flannel’s with UDPEncap', { UDPEncap: true }, {}, false, 1415],
    ['IPv6’s in a dual-stack network', {}, dual, false, 1403],
    ['that of kernel-libipsec’s TUN device', {}, {}, true, 1400],
    ['less with kernel-libipsec over IPv6', {}, dual, true, 1395],
  ])('is %s', (_what, backend, families, userspace, expected) => {
    expect(podMtu(contextOf(backend, families), userspace)).toBe(expected)
  })

  it('is refused if IPv6 would not work with it', () => {
    expect(() => podMtu(contextOf({}, dual, 1300), false)).toThrow(
      /the MTU of eth0 is 1300, but must be 1377/,
    )
  })
})
