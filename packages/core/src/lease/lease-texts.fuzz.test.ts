import { fuzz, fuzzSettings, hostileJson, hostileText, outcomeOf } from '@selvedge/conformance'
import { it } from 'vitest'
import { contains, requireCidr } from '../net/cidr.js'
import { isOverlayError } from '../util/errors.js'
import { chooseSubnets } from './allocator.js'
import {
  decodeLease,
  decodeLeaseAttributes,
  encodeLeaseAttributes,
  leaseKey,
  parseLeaseKey,
  sameLease,
} from './lease.js'
import { parseNetworkConfig } from './network-config.js'
import { parseSubnetEnv } from './subnet-env.js'

// A few inputs with each run of the unit tests; `npm run fuzz` tries as many as it is asked for.
const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const isSyntaxError = (error: unknown): boolean => error instanceof SyntaxError

it('the network config', { timeout }, async () => {
  const input = hostileJson([
    { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } },
    {
      EnableIPv4: true,
      EnableIPv6: true,
      Network: '10.5.0.0/16',
      SubnetLen: 24,
      SubnetMin: '10.5.10.0',
      SubnetMax: '10.5.99.0',
      IPv6Network: 'fd00:10::/48',
      IPv6SubnetLen: 64,
      IPv6SubnetMin: 'fd00:10:0:1::',
      IPv6SubnetMax: 'fd00:10:0:ff::',
      EnableNFTables: false,
      Backend: { Type: 'vxlan', VNI: 1, Port: 8472, DirectRouting: true, MTU: 1450 },
    },
  ])
  const report = await fuzz({
    ...settings,
    input,
    check(text) {
      const config = outcomeOf(
        () => parseNetworkConfig(text),
        (error) => isOverlayError(error, 'INVALID_CONFIG'),
      )
      if (config === undefined) return
      const attributes = { publicIp: '192.0.2.1', publicIpv6: '2001:db8::1' }
      const { subnets } = chooseSubnets({ config, leases: [], request: { attributes } })
      for (const [network, subnet] of [
        [config.ipv4?.network, subnets.subnet],
        [config.ipv6?.network, subnets.ipv6Subnet],
      ]) {
        if (network === undefined || subnet === undefined) continue
        if (!contains(requireCidr(network), requireCidr(subnet))) throw new Error(`${subnet} of ${network}`)
      }
    },
  })
  console.log('network config', report)
})

it('lease records', { timeout }, async () => {
  const record = {
    PublicIP: '192.0.2.1',
    PublicIPv6: '2001:db8::1',
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' },
    BackendV6Data: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:45' },
  }
  const report = await fuzz({
    ...settings,
    input: hostileJson([record, { PublicIP: '192.0.2.1', PublicIPv6: null }]),
    check(text) {
      outcomeOf(
        () => decodeLease('10.5.52.0-24', text),
        (error) => isOverlayError(error, 'INVALID_LEASE'),
      )
      const attributes = outcomeOf(() => decodeLeaseAttributes(text), isSyntaxError)
      if (attributes === undefined) return
      const written = encodeLeaseAttributes(attributes)
      const again = decodeLeaseAttributes(written)
      const lease = { subnet: '10.5.52.0/24', attributes: again }
      if (encodeLeaseAttributes(again) !== written) throw new Error(`${written} changes when it is read back`)
      if (!sameLease(lease, { ...lease, attributes: decodeLeaseAttributes(written) })) {
        throw new Error(`${written} is not the same lease twice`)
      }
    },
  })
  console.log('lease records', report)
})

it('lease keys', { timeout }, async () => {
  const report = await fuzz({
    ...settings,
    input: hostileText([
      '10.5.52.0-24',
      '10.244.5.7-8',
      '0.0.0.0-0&2001:cafe:42:1::-64',
      '10.5.52.0-24&2001:cafe:42:1::-64',
    ]),
    check(text) {
      outcomeOf(
        () => decodeLease(text, '{"PublicIP":"192.0.2.1"}'),
        (error) => isOverlayError(error, 'INVALID_LEASE'),
      )
      const subnets = parseLeaseKey(text)
      if (subnets === undefined) return
      const again = parseLeaseKey(leaseKey(subnets))
      if (again === undefined || leaseKey(again) !== leaseKey(subnets)) {
        throw new Error(`${JSON.stringify(subnets)} is read back as ${JSON.stringify(again)}`)
      }
    },
  })
  console.log('lease keys', report)
})

it('subnet.env', { timeout }, async () => {
  const report = await fuzz({
    ...settings,
    input: hostileText([
      'FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.72.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
      'FLANNEL_NETWORK=10.5.0.0/16,10.6.0.0/16\nFLANNEL_SUBNET=10.5.72.1/24\nFLANNEL_IPV6_NETWORK=fd00::/48\n' +
        'FLANNEL_IPV6_SUBNET=fd00:0:0:1::1/64\nFLANNEL_MTU="1450"\nFLANNEL_IPMASQ=false\n',
    ]),
    check(text) {
      const { network, subnet, ipv6Network, ipv6Subnet, mtu } = parseSubnetEnv(text)
      for (const cidr of [network, subnet, ipv6Network, ipv6Subnet]) if (cidr !== undefined) requireCidr(cidr)
      if (mtu !== undefined && !(Number.isSafeInteger(mtu) && mtu > 0)) throw new Error(`an MTU of ${mtu}`)
    },
  })
  console.log('subnet.env', report)
})
