import { expect, test } from 'vitest'
import { probeAddresses } from './probe-addresses.js'

const lease = { subnet: '10.244.5.0/24', ipv6Subnet: 'fd00:5::/64' }

test.each([
  ['vxlan', lease, ['10.244.5.0', 'fd00:5::']],
  [undefined, { subnet: '10.244.5.0/24' }, ['10.244.5.0']],
  ['host-gw', lease, ['10.244.5.1', 'fd00:5::1']],
  ['ipsec', lease, ['10.244.5.1', 'fd00:5::1']],
  ['wireguard', { ipv6Subnet: 'fd00:5::/64' }, ['fd00:5::']],
])('with %s, %j is probed at %j', (backend, subnets, addresses) => {
  expect(probeAddresses(subnets, backend)).toEqual(addresses)
})
