import { parseSubnetEnvLists } from '@selvedge/core/kit'
import { describe, expect, test } from 'vitest'
import { delegateConfig } from './delegate-config.js'
import { readPluginConfig } from './plugin-config.js'

const NODE = `FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.17.1/24
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
`

const render = (config: object, env = NODE) =>
  delegateConfig(
    readPluginConfig(JSON.stringify({ name: 'cni-flannel', type: 'flannel', ...config })),
    parseSubnetEnvLists(env),
  )

const IPAM = { type: 'host-local', ranges: [[{ subnet: '10.1.17.0/24' }]], routes: [{ dst: '10.1.0.0/16' }] }

test('bridge and host-local, with what subnet.env says, as flannel’s plugin', () => {
  expect(render({})).toEqual({
    name: 'cni-flannel',
    type: 'bridge',
    ipMasq: false,
    isGateway: true,
    mtu: 1472,
    ipam: IPAM,
  })
})

test('what the delegate is given counts, but for its name and its addresses', () => {
  const delegate = { bridge: 'test0', ipMasq: true, mtu: 1300, isGateway: false, hairpinMode: true }
  expect(render({ cniVersion: '1.0.0', delegate, runtimeConfig: { mac: 'x' } })).toEqual({
    ...delegate,
    cniVersion: '1.0.0',
    name: 'cni-flannel',
    type: 'bridge',
    runtimeConfig: { mac: 'x' },
    ipam: IPAM,
  })
})

test('another delegate than bridge has no isGateway', () => {
  expect(render({ delegate: { type: 'macvlan', master: 'eth0' } })).toEqual({
    name: 'cni-flannel',
    type: 'macvlan',
    master: 'eth0',
    ipMasq: false,
    mtu: 1472,
    ipam: IPAM,
  })
})

const NODE_IPV6 = `FLANNEL_IPV6_NETWORK=fc00::/48
FLANNEL_IPV6_SUBNET=fc00::1/64
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
`

describe('the ipam of the config is passed on: its own routes come first, its ranges are the node’s', () => {
  const routes = [{ dst: '10.96.0.0/12' }, { dst: '192.168.244.0/24', gw: '10.1.17.20' }]
  const given = { 'unknown-param': 'unknown-value', routes, ranges: [[{ subnet: '10.9.0.0/24' }]] }
  const [v4, v6] = [[{ subnet: '10.1.17.0/24' }], [{ subnet: 'fc00::/64' }]]
  const [to4, to6] = [{ dst: '10.1.0.0/16' }, { dst: 'fc00::/48' }]

  test.each([
    ['IPv4', NODE, [v4], [to4]],
    ['IPv6', NODE_IPV6, [v6], [to6]],
    ['dual-stack', NODE + NODE_IPV6, [v4, v6], [to4, to6]],
  ])('%s, with a type of its own and without one', (_, env, ranges, more) => {
    const expected = { ...given, ranges, routes: [...routes, ...more] }
    expect(render({ ipam: { ...given, type: 'my-ipam' } }, env).ipam).toEqual({
      ...expected,
      type: 'my-ipam',
    })
    expect(render({ ipam: given }, env).ipam).toEqual({ ...expected, type: 'host-local' })
  })
})

test('a range set for each family, a route for each network', () => {
  const env =
    'FLANNEL_NETWORK=10.1.0.0/16,192.168.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\nFLANNEL_IPV6_NETWORK=fc00::/48\n' +
    'FLANNEL_IPV6_SUBNET=fc00::1/64\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n'
  expect(render({}, env)).toMatchObject({
    ipMasq: true,
    ipam: {
      ranges: [[{ subnet: '10.1.17.0/24' }], [{ subnet: 'fc00::/64' }]],
      routes: [{ dst: '10.1.0.0/16' }, { dst: '192.168.0.0/16' }, { dst: 'fc00::/48' }],
    },
  })
})

test('keys match in any case, the last of several counts, and null leaves what was there, as in Go', () => {
  const config = readPluginConfig(
    '{"NAME":"a","name":"b","SubnetFile":"/x","subnetfile":null,"delegate":null,"ipam":null}',
  )
  expect(config).toMatchObject({ name: 'b', subnetFile: '/x', delegate: {}, ipam: {} })
})

test('a config of name and type alone has the paths of flannel’s plugin, and of selvedged', () => {
  expect(readPluginConfig('{"name":"cni-flannel","type":"flannel"}')).toMatchObject({
    name: 'cni-flannel',
    subnetFile: '/run/flannel/subnet.env',
    dataDir: '/var/lib/cni/flannel',
    agentSocket: '/run/selvedge/control.sock',
  })
})
