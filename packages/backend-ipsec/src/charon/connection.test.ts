import { describe, expect, it } from 'vitest'
import { ikeConnection } from '../resource.js'
import { recordedSettings, strongswanConf } from './config.js'
import { connectedNames, loadConn, readConnections } from './connection.js'

const connection = ikeConnection({
  localAddress: '192.168.77.1',
  remoteAddress: '192.168.77.2',
  localId: '192.168.77.1',
  localSubnet: '10.5.1.0/24',
  remoteSubnet: '10.5.2.0/24',
})
/** The same on the peer. */
const other = ikeConnection({
  localAddress: '192.168.77.2',
  remoteAddress: '192.168.77.1',
  localId: '192.168.77.2',
  localSubnet: '10.5.2.0/24',
  remoteSubnet: '10.5.1.0/24',
})
const NAME = '192.168.77.1-10.5.1.0/24-10.5.2.0/24-192.168.77.2'

describe('a connection', () => {
  it('has flannel’s names and proposals', () => {
    const settings = {
      udpEncap: true,
      espProposal: 'aes128gcm16-sha256-prfsha256-ecp256',
      rekeySeconds: 3600,
    }
    expect(loadConn(connection, { ...settings, userspace: false })).toEqual({
      [NAME]: {
        version: '2',
        local_addrs: ['192.168.77.1'],
        remote_addrs: ['192.168.77.2'],
        proposals: ['aes256-sha256-modp4096'],
        keyingtries: '0',
        encap: 'yes',
        dpd_delay: '10s',
        mobike: 'no',
        'local-psk': { auth: 'psk', id: '192.168.77.1' },
        'remote-psk': { auth: 'psk', id: '192.168.77.2' },
        children: {
          '10.5.1.0/24-10.5.2.0/24': {
            mode: 'tunnel',
            local_ts: ['10.5.1.0/24'],
            remote_ts: ['10.5.2.0/24'],
            esp_proposals: ['aes128gcm16-sha256-prfsha256-ecp256'],
            start_action: 'start',
            close_action: 'trap',
            dpd_action: 'restart',
            rekey_time: '3600s',
            policies: 'no',
            reqid: '11',
          },
        },
      },
    })
  })

  it('is initiated by one of two nodes', () => {
    const settings = { udpEncap: false, espProposal: 'aes128gcm16', rekeySeconds: 3600, userspace: true }
    const actions = [connection, other].map(
      (one) => JSON.stringify(loadConn(one, settings)).match(/start_action":"(\w+)/)?.[1],
    )
    expect(actions).toEqual(['start', 'none'])
  })

  // As charon 5.9.8 lists it.
  const section = {
    local_addrs: ['192.168.77.1'],
    remote_addrs: ['192.168.77.2'],
    version: 'IKEv2',
    'local-1': { class: 'pre-shared key', id: '192.168.77.1', groups: [] },
    'remote-1': { class: 'pre-shared key', id: '192.168.77.2', groups: [] },
    children: {
      '10.5.1.0/24-10.5.2.0/24': {
        mode: 'TUNNEL',
        'local-ts': ['10.5.1.0/24'],
        'remote-ts': ['10.5.2.0/24'],
      },
    },
  }

  it('is recognized in charon’s list, and no other is', () => {
    const others = {
      // An operator's own connections.
      vpn: section,
      'net-net': { ...section, children: {} },
      [`${NAME} `]: section,
      odd: 'text',
      empty: {},
    }
    expect(readConnections([{ ...others }, { [NAME]: section }])).toEqual([connection])
    expect(readConnections([{ [NAME]: { ...section, 'local-1': {} } }])).toEqual([])
  })

  it('is up with a child, or on its way', () => {
    const sa = (state: string, children: object) => ({ state, 'child-sas': { ...children } })
    expect(
      connectedNames([
        { up: sa('ESTABLISHED', { one: { state: 'INSTALLED' } }) },
        { connecting: sa('CONNECTING', {}) },
        { childless: sa('ESTABLISHED', {}) },
      ]),
    ).toEqual(new Set(['up', 'connecting']))
  })
})

describe('strongswan.conf', () => {
  const settings = { userspace: true, udpEncap: false, espProposal: 'aes128gcm16-sha256-prfsha256-ecp256' }
  it('says what it was made from', () => {
    const conf = strongswanConf(settings, '/run/selvedge/ipsec')
    expect(recordedSettings(conf)).toEqual(settings)
    expect(conf).toMatch(/load = kernel-libipsec .* kernel-netlink/)
    expect(strongswanConf({ ...settings, userspace: false }, '/run')).not.toContain('kernel-libipsec')
  })
  it.each(['', 'charon {}', '# selvedge {', '# selvedge'])('%j is none of ours', (conf) => {
    expect(recordedSettings(conf)).toBeUndefined()
  })
})
