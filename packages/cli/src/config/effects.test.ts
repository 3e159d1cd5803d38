import { type Lease, parseNetworkConfig } from '@selvedge/core'
import { expect, test } from 'vitest'
import { configEffects } from './effects.js'

const config = (object: object) =>
  parseNetworkConfig({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' }, ...object })
const before = config({})
const lease = (number: number, more: Partial<Lease> = {}): Lease => ({
  subnet: `10.244.${number}.0/24`,
  attributes: { publicIp: `192.0.2.${number}`, backendType: 'vxlan' },
  ...more,
})
const harm = (after: object, leases: readonly Lease[]): readonly string[] =>
  configEffects(before, config(after), leases).flatMap(({ severity, message }) =>
    severity === 'harm' ? message : [],
  )

test.each<[string, object, RegExp]>([
  [
    'another network',
    { Network: '10.99.0.0/16' },
    /2 of 2 leases do not fit: .* outside of 10\.99\.0\.0\/16/,
  ],
  ['another length', { SubnetLen: 25 }, /10\.244\.5\.0\/24 is not a \/25/],
  [
    'a first subnet above',
    { SubnetMin: '10.244.6.0' },
    /^1 of 2 .* 10\.244\.5\.0\/24 is not from 10\.244\.6\.0/,
  ],
  ['IPv6 beside', { EnableIPv6: true, IPv6Network: 'fd00::/48' }, /10\.244\.5\.0-24 has no IPv6 subnet/],
  ['IPv6 alone', { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00::/48' }, /IPv4, which is off/],
  [
    'a network that has the nodes in it',
    { Network: '192.0.0.0/8' },
    /the address of 192\.0\.2\.5, 192\.0\.2\.6/,
  ],
  [
    'too few subnets',
    { SubnetMin: '10.244.5.0', SubnetMax: '10.244.5.0' },
    /1 subnets of \/24 for the 2 nodes/,
  ],
  ['another backend', { Backend: { Type: 'host-gw' } }, /changes from vxlan to host-gw/],
  ['none named', { Backend: undefined }, /changes from vxlan to udp/],
  ['another VNI', { Backend: { Type: 'vxlan', VNI: 2 } }, /Backend\.VNI differs/],
])('%s does harm, and is named', (_, after, message) => {
  expect(harm(after, [lease(5), lease(6)])).toContainEqual(expect.stringMatching(message))
})

test('a wider network, nftables, and the same in other words do no harm', () => {
  for (const after of [
    { Network: '10.244.0.0/15', SubnetMin: '10.244.1.0' },
    { EnableNFTables: true },
    { SubnetLen: 24 },
  ]) {
    expect(harm(after, [lease(5), lease(6)])).toEqual([])
  }
  expect(configEffects(before, config({ SubnetLen: 24 }), [lease(5)])).toEqual([])
})

test('a reservation of another length keeps addresses free, and goes on doing so', () => {
  const wide = { subnet: '10.244.64.0/20', attributes: { publicIp: '192.0.2.9' } }
  expect(harm({ EnableNFTables: true }, [wide])).toEqual([])
})

test('without leases nothing is lost, whatever changes', () => {
  expect(configEffects(before, config({ Network: '10.99.0.0/16', Backend: { Type: 'udp' } }), [])).toEqual([])
})
