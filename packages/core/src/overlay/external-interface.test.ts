import { describe, expect, it } from 'vitest'
import type { Driver } from '../contract/driver.js'
import type { ExternalInterface } from '../contract/node-context.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { findExternalInterface, givenInterface, nodeContext } from './external-interface.js'

const eth0: ExternalInterface = { name: 'eth0', mtu: 1500, ipv4: '192.0.2.1', onLink: [] }
const ipv4 = parseNetworkConfig({ Network: '10.244.0.0/16' })
const driver = (name: string, found?: ExternalInterface): Driver => ({
  name,
  kinds: [],
  snapshot: async () => [],
  apply: async () => [],
  [Symbol.asyncDispose]: async () => undefined,
  ...(found === undefined ? {} : { externalInterface: async () => found }),
})

describe('findExternalInterface', () => {
  it('asks the first driver that can find it, and says who found it and why', async () => {
    const blind = driver('wireguard')
    const seeing = driver('linux', { ...eth0, reason: 'the default route leaves by it' })
    expect(await findExternalInterface([blind, seeing], {})).toMatchObject({
      origin: 'linux: the default route leaves by it',
      externalInterface: eth0,
    })
    expect(await findExternalInterface([driver('linux', eth0)], {})).toMatchObject({ origin: 'linux' })
    await expect(findExternalInterface([blind], {})).rejects.toThrow(TypeError)
  })
})

describe('nodeContext', () => {
  it('says of each fact where it came from', () => {
    expect(nodeContext(ipv4, givenInterface(eth0), {})).toMatchObject({
      publicIp: '192.0.2.1',
      publicIpv6: undefined,
      origins: {
        externalInterface: 'given as an option',
        publicIp: 'the address of eth0',
        publicIpv6: undefined,
      },
    })
    expect(nodeContext(ipv4, givenInterface(eth0), { publicIp: '203.0.113.9' })).toMatchObject({
      publicIp: '203.0.113.9',
      origins: { publicIp: 'given as an option' },
    })
  })

  it('publishes an address that is given as a store shows it again, or the node would not know its own lease', () => {
    const config = parseNetworkConfig({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00::/48' })
    const found = givenInterface({ ...eth0, ipv6: 'fd77::1' })
    expect(nodeContext(config, found, { publicIpv6: 'FD77:0::9' })).toMatchObject({ publicIpv6: 'fd77::9' })
  })

  it('refuses an interface without an address of a family that the network has', () => {
    const dualStack = parseNetworkConfig({
      Network: '10.244.0.0/16',
      EnableIPv6: true,
      IPv6Network: 'fd00::/48',
    })
    expect(() => nodeContext(dualStack, givenInterface(eth0), {})).toThrow(/no IPv6 address/)
  })
})
