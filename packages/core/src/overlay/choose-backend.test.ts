import { describe, expect, it } from 'vitest'
import type { Backend } from '../contract/backend.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { chooseBackend, knownRequirements } from './choose-backend.js'

const backend = (type: string, requires: readonly string[] = []): Backend => ({
  type,
  requires,
  mtu: () => 1500,
  attributes: () => ({ backendType: type }),
  local: () => [],
  peer: () => [],
})
const config = (section?: object) => parseNetworkConfig({ Network: '10.244.0.0/16', Backend: section })
const [vxlan, udp] = [backend('vxlan', ['vxlan']), backend('udp')]

describe('chooseBackend', () => {
  it('takes the one that the config names, whatever its case', () => {
    expect(chooseBackend(config({ Type: 'VXLAN' }), [udp, vxlan])).toBe(vxlan)
    expect(chooseBackend(config({ Type: 'vxlan' }), vxlan)).toBe(vxlan)
  })

  it('takes udp for a config without a Backend section, as flannel does, if there are several', () => {
    expect(chooseBackend(config(), [vxlan, udp])).toBe(udp)
    expect(() => chooseBackend(config(), [vxlan])).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(/no Backend section, which with flannel means 'udp'.*'vxlan'/),
      }),
    )
  })

  it('takes a single backend for a config without a Backend section', () => {
    expect(chooseBackend(config(), vxlan)).toBe(vxlan)
  })

  it('refuses a type that is not there, and says which are', () => {
    expect(() => chooseBackend(config({ Type: 'wireguard' }), [vxlan, udp])).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(/Backend.Type is 'wireguard'.*'vxlan', 'udp'/),
      }),
    )
    expect(() => chooseBackend(config({ Type: 'udp' }), vxlan)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
      }),
    )
  })

  it('takes a loader as it is', () => {
    const loader = { type: 'vxlan', load: async () => vxlan }
    expect(chooseBackend(config({ Type: 'vxlan' }), [loader, udp])).toBe(loader)
    expect(chooseBackend(config(), loader)).toBe(loader)
  })
})

describe('knownRequirements', () => {
  it('are those of a single backend; which of several counts is not known yet', () => {
    expect(knownRequirements(vxlan)).toEqual(['vxlan'])
    expect(knownRequirements([vxlan, udp])).toEqual([])
  })
})
