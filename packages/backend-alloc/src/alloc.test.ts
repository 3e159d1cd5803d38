import { type LeaseContext, parseNetworkConfig } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { expect, it } from 'vitest'
import { alloc } from './index.js'

const context: LeaseContext = {
  config: parseNetworkConfig({ Network: '10.5.0.0/16', Backend: { Type: 'alloc' } }),
  externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.168.64.2', onLink: ['192.168.64.0/24'] },
  publicIp: '192.168.64.2',
  lease: { subnet: '10.5.52.0/24', attributes: { publicIp: '192.168.64.2' } },
}

it('publishes what flannel would, byte for byte: an address and no type', () => {
  expect(encodeLeaseAttributes(alloc().attributes(context))).toBe(
    '{"PublicIP":"192.168.64.2","PublicIPv6":null}',
  )
})

it('needs no resources, not even for a peer of its own type', () => {
  expect(alloc().local(context)).toEqual([])
  expect(alloc().peer({ subnet: '10.5.7.0/24', attributes: { publicIp: '192.168.64.3' } }, context)).toEqual(
    [],
  )
})

it("leaves pods the interface's full MTU", () => {
  expect(alloc().mtu(context)).toBe(1500)
})

it('refuses a node without a public address, by which the store knows it', () => {
  expect(() => alloc().attributes({ ...context, publicIp: undefined })).toThrow(
    expect.objectContaining({ code: 'INTERFACE_UNSUITABLE' }),
  )
})
