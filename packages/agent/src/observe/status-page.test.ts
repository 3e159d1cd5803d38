import { fdb, link, neighbour, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import { pathOf } from './status-page.js'

const direct = route({ destination: '10.244.5.0/24', gateway: '192.0.2.5', device: 'eth0' })
const direct6 = route({ destination: 'fd00:5::/64', gateway: '2001:db8::5', device: 'eth0' })
const vxlan = route({
  destination: '10.244.5.0/24',
  gateway: '10.244.5.0',
  device: 'flannel.1',
  onLink: true,
})
const ipip = route({
  destination: '10.244.5.0/24',
  gateway: '192.0.2.5',
  device: 'flannel.ipip',
  onLink: true,
})
const entries = [
  neighbour({ link: 'flannel.1', address: '10.244.5.0', macAddress: 'aa:00:00:00:00:05' }),
  fdb({ link: 'flannel.1', macAddress: 'aa:00:00:00:00:05', destination: '192.0.2.5' }),
]

test.each([
  ['none', []],
  ['direct', [direct]],
  ['direct', [direct, direct6]],
  ['tunnel', [vxlan, ...entries]],
  ['tunnel', [ipip]],
  ['mixed', [vxlan, ...entries, direct6]],
  ['tunnel', [link({ name: 'flannel-wg', type: 'wireguard' })]],
] as const)('the path to a peer is %s by %j', (path, resources) => {
  expect(pathOf(resources, ['192.0.2.5', '2001:db8::5'])).toBe(path)
})
