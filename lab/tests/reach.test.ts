import { describe, expect, test } from 'vitest'
import { pingMatrix } from '../src/index.js'
import { joinedLab } from './setup.js'

/** In bytes. */
const IPV4_HEADER = 20
const IPV6_HEADER = 40
const ICMP_HEADER = 8

const ipv4 = { Network: '10.244.0.0/16' }
const ipv6 = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }

const families = [
  { name: 'IPv4', config: ipv4, underlay: { ipv4: true, ipv6: false }, addresses: 1 },
  { name: 'dual-stack', config: { ...ipv4, ...ipv6 }, underlay: { ipv4: true, ipv6: true }, addresses: 2 },
  {
    name: 'IPv6-only',
    config: { EnableIPv4: false, ...ipv6 },
    underlay: { ipv4: false, ipv6: true },
    addresses: 1,
  },
]

describe.each(['vxlan', 'host-gw', 'udp'])('over %s', (type) => {
  test.each(families)('pods and hosts reach all pods, with packets up to the MTU: $name', async (family) => {
    const config = { ...family.config, Backend: { Type: type } }
    await using joined = await joinedLab(config, { hosts: 3, ...family.underlay })
    const pods = joined.members.map(({ pod }) => pod)
    const matrix = await pingMatrix([...pods, ...joined.lab.hosts], pods)
    expect(matrix).toHaveLength((3 * 2 + 3 * 3) * family.addresses)
    expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])

    const { pod, mtu } = joined.member(0)
    for (const address of joined.member(1).pod.addresses) {
      const payload = mtu - ICMP_HEADER - (address.includes(':') ? IPV6_HEADER : IPV4_HEADER)
      const unfragmented = ['-M', 'do', '-s', `${payload}`, '-c', '3', '-i', '0.02', '-W', '1', address]
      expect(await pod.exec('ping', ['-n', ...unfragmented])).toContain(' 0% packet loss')
    }
  })
})
