import { describe, expect, it } from 'vitest'
import { parseNetworkConfig } from './network-config.js'
import { formatSubnetEnv, parseSubnetEnv } from './subnet-env.js'

const ipv4 = parseNetworkConfig({ Network: '10.244.0.0/16' })
const ipv6 = parseNetworkConfig({ EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' })
const dualStack = parseNetworkConfig({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: '2001:cafe:42::/48',
})
const subnets = { subnet: '10.244.1.0/24', ipv6Subnet: '2001:cafe:42:1::/64' }

const LINES_4 = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n'
const LINES_6 = 'FLANNEL_IPV6_NETWORK=2001:cafe:42::/48\nFLANNEL_IPV6_SUBNET=2001:cafe:42:1::1/64\n'

describe('the text of subnet.env', () => {
  it('is flannel’s, byte for byte', () => {
    const env = { ...subnets, mtu: 1450, ipMasq: true }
    expect(formatSubnetEnv(ipv4, env)).toBe(`${LINES_4}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`)
    expect(formatSubnetEnv(ipv6, env)).toBe(`${LINES_6}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`)
    expect(formatSubnetEnv(dualStack, { ...env, mtu: 1430, ipMasq: false })).toBe(
      `${LINES_4}${LINES_6}FLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n`,
    )
  })

  it('is read back: networks, subnets by their base, MTU and who masquerades', () => {
    expect(parseSubnetEnv(formatSubnetEnv(dualStack, { ...subnets, mtu: 1430, ipMasq: true }))).toEqual({
      network: '10.244.0.0/16',
      ipv6Network: '2001:cafe:42::/48',
      ...subnets,
      mtu: 1430,
      ipMasq: true,
    })
  })

  const nothing = { network: undefined, subnet: undefined, ipv6Network: undefined, ipv6Subnet: undefined }
  it.each<[what: string, text: string, env: object]>([
    ['nothing', '', {}],
    ['one family', LINES_4, { network: '10.244.0.0/16', subnet: '10.244.1.0/24' }],
    ['CR LF', 'FLANNEL_SUBNET=10.244.1.1/24\r\nFLANNEL_MTU=1450\r\n', { subnet: '10.244.1.0/24', mtu: 1450 }],
    ['no newline at the end', 'FLANNEL_MTU=1450', { mtu: 1450 }],
    ['quotes and blanks', '  FLANNEL_SUBNET = "10.244.1.1/24" \n', { subnet: '10.244.1.0/24' }],
    ['comments and other lines', '# FLANNEL_MTU=1\nexport X=1\nFLANNEL_IPMASQ=false\n', { ipMasq: false }],
    ['several networks, as newer flannels write them', 'FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\n', {}],
    [
      'one valid entry in a list, and a broken one',
      'FLANNEL_SUBNET=10.244.1,10.244.1.1/24\nFLANNEL_NETWORK=10.244.0.0/16,\n',
      { subnet: '10.244.1.0/24', network: '10.244.0.0/16' },
    ],
    ['a subnet of the wrong family', 'FLANNEL_SUBNET=2001:cafe::1/64\nFLANNEL_IPV6_SUBNET=10.0.0.1/24\n', {}],
    ['nonsense', 'FLANNEL_SUBNET=10.244.1\nFLANNEL_MTU=big\n=\n', {}],
    ['an MTU of nothing', 'FLANNEL_MTU=0\n', {}],
    ['a line cut short', 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUB', { network: '10.244.0.0/16' }],
  ])('is read with %s', (_what, text, env) => {
    expect(parseSubnetEnv(text)).toEqual({ ...nothing, ...env })
  })

  it.each([
    ['blanks', `FLANNEL_SUBNET=${' '.repeat(200_000)}x`],
    ['blanks before the name', `${' '.repeat(200_000)}x`],
    ['quotes', `FLANNEL_SUBNET=${'"'.repeat(200_000)}`],
    ['commas', `FLANNEL_SUBNET=${','.repeat(200_000)}`],
  ])('is read in linear time, a line of %s too', (_what, text) => {
    const start = performance.now()
    expect(parseSubnetEnv(text)).toEqual(nothing)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})
