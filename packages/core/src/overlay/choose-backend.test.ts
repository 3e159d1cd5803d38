import { describe, expect, it, vi } from 'vitest'
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
  it('takes the one that the config names, whatever its case', async () => {
    expect(await chooseBackend(config({ Type: 'VXLAN' }), [udp, vxlan])).toBe(vxlan)
    expect(await chooseBackend(config({ Type: 'vxlan' }), vxlan)).toBe(vxlan)
  })

  it('takes udp for a config without a Backend section, as flannel does, if there are several', async () => {
    expect(await chooseBackend(config(), [vxlan, udp])).toBe(udp)
    await expect(chooseBackend(config(), [vxlan])).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(/no Backend section, which with flannel means 'udp'.*'vxlan'/),
    })
  })

  it('takes a single backend for a config without a Backend section', async () => {
    expect(await chooseBackend(config(), vxlan)).toBe(vxlan)
  })

  it('refuses a type that is not there, and says which are', async () => {
    await expect(chooseBackend(config({ Type: 'wireguard' }), [vxlan, udp])).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(/Backend.Type is 'wireguard'.*'vxlan', 'udp'/),
    })
    await expect(chooseBackend(config({ Type: 'udp' }), vxlan)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    })
  })

  it('loads the one that is chosen and no other', async () => {
    const load = vi.fn(async () => vxlan)
    const choice = [{ type: 'vxlan', load }, udp]
    await chooseBackend(config(), choice)
    expect(load).not.toHaveBeenCalled()
    expect(await chooseBackend(config({ Type: 'vxlan' }), choice)).toBe(vxlan)
  })
})

describe('knownRequirements', () => {
  it('are those of a single backend; which of several counts is not known yet', () => {
    expect(knownRequirements(vxlan)).toEqual(['vxlan'])
    expect(knownRequirements([vxlan, udp])).toEqual([])
  })
})
