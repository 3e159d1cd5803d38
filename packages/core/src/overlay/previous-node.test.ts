import { expect, it } from 'vitest'
import type { Lease } from '../lease/lease.js'
import type { PreviousNode } from './options.js'
import { earlierLease, earlierSubnets } from './previous-node.js'

const eth0 = { name: 'eth0', mtu: 1500, onLink: [], macAddress: '02:00:00:00:00:01' }
const lease: Lease = { subnet: '10.244.5.0/24', attributes: { publicIp: '192.0.2.1' } }
const node: PreviousNode = { externalInterface: eth0, lease }

it.each<[string, PreviousNode | undefined, typeof eth0 | Omit<typeof eth0, 'macAddress'>, Lease | undefined]>(
  [
    ['counts on the host that held it', node, eth0, lease],
    ['counts on another interface of the same hardware address', node, { ...eth0, name: 'br0' }, lease],
    ['counts if subnet.env says the same', { ...node, subnet: '10.244.5.0/24' }, eth0, lease],
    [
      'not if another agent has served another subnet since',
      { ...node, subnet: '10.244.6.0/24' },
      eth0,
      undefined,
    ],
    ['not on a copy of that host', node, { ...eth0, macAddress: '02:00:00:00:00:02' }, undefined],
    ['not if no hardware address is known', node, { name: 'eth0', mtu: 1500, onLink: [] }, undefined],
    ['not if none was known', { lease }, eth0, undefined],
    ['not if there is none', { externalInterface: eth0 }, eth0, undefined],
    ['not at a first start', undefined, eth0, undefined],
  ],
)('an earlier lease: %s', (_, previous, found, expected) => {
  expect(earlierLease(previous, found)).toBe(expected)
})

it('knows the earlier subnets by subnet.env, else by the lease', () => {
  expect(earlierSubnets({ ...node, subnet: '10.244.6.0/24' })).toMatchObject({ subnet: '10.244.6.0/24' })
  expect(earlierSubnets({ ...node, network: '10.244.0.0/16' })).toBe(lease)
  expect(earlierSubnets(undefined)).toBeUndefined()
})
