import type { ExternalInterface } from '@selvedge/core'
import { isOnLink } from '@selvedge/core/kit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type InterfaceChoice, linux } from '../src/index.js'
import { TestNamespace } from './namespace.js'
import { done, puts, SCOPE, vxlan } from './overlay-samples.js'

const MAC = /^[\da-f]{2}(:[\da-f]{2}){5}$/

let namespace: TestNamespace

beforeEach(() => {
  namespace = new TestNamespace()
  namespace.addExternalInterface('192.168.0.1/24', '192.168.0.2/24', '172.31.5.1/16', 'fd00::1/64')
  namespace.ip('link add net1 mtu 1400 type veth peer name wire1')
  namespace.ip('link set net1 up')
  namespace.ip('link set wire1 up')
  namespace.ip('address add 10.9.0.1/30 dev net1')
})

afterEach(() => namespace[Symbol.dispose]())

async function find(choice?: InterfaceChoice | readonly InterfaceChoice[]) {
  const driver = linux({ namespace: namespace.path, ...(choice === undefined ? {} : { interface: choice }) })
  try {
    return await driver.externalInterface?.()
  } finally {
    await driver[Symbol.asyncDispose]()
  }
}

it('is the default route’s, of the lowest metric', async () => {
  namespace.ip('route add default via 10.9.0.2 dev net1 metric 50')
  namespace.ip('route add default via 192.168.0.254 dev eth0 metric 100')
  expect(await find()).toEqual({
    name: 'net1',
    macAddress: expect.stringMatching(MAC),
    mtu: 1400,
    ipv4: '10.9.0.1',
    onLink: ['10.9.0.0/30'],
    reason: 'the default route leaves by it',
    host: {
      addresses: [
        { link: 'eth0', address: '172.31.5.1', prefixLength: 16 },
        { link: 'eth0', address: '192.168.0.1', prefixLength: 24 },
        { link: 'eth0', address: '192.168.0.2', prefixLength: 24 },
        { link: 'eth0', address: 'fd00::1', prefixLength: 64 },
        { link: 'net1', address: '10.9.0.1', prefixLength: 30 },
      ],
      gateways: ['10.9.0.2', '192.168.0.254'],
      macAddresses: expect.arrayContaining([expect.stringMatching(MAC)]),
    },
  })
})

it('has a name of any bytes that the kernel allows', async () => {
  // Two that would be one if they were read as UTF-8.
  namespace.exec('bash', '-c', "ip link set net1 name $'\\xfe-x' && ip link set eth0 name $'\\xff-x'")
  namespace.ip('route add default via 192.168.0.254')
  expect(await find()).toMatchObject({ name: '\\xff-x', ipv4: '192.168.0.1', onLink: expect.anything() })
  expect(await find('\\xfe-x')).toMatchObject({ ipv4: '10.9.0.1' })
  await expect(find('\ufffd-x')).rejects.toThrow(/Interfaces: .*\\xff-x \[192/)
  const driver = linux({ namespace: namespace.path })
  const settings = { ...vxlan().settings, parent: '\\xff-x' }
  await done(driver, puts(vxlan({ settings })))
  expect(await driver.snapshot(SCOPE)).toContainEqual(vxlan({ settings }))
  await driver[Symbol.asyncDispose]()
  namespace.exec('bash', '-c', "ip link set $'\\xff-x' name 🦊-x")
  expect(await find()).toMatchObject({ name: '🦊-x' })
})

it('is the first path’s of a default route that has several', async () => {
  namespace.ip('route add default nexthop via 192.168.0.254 dev eth0 nexthop via 10.9.0.2 dev net1')
  expect(await find()).toMatchObject({ name: 'eth0' })
})

it('is IPv6’s default route’s where there is none of IPv4', async () => {
  namespace.ip('-6 route add default via fd00::254 dev eth0')
  expect(await find()).toMatchObject({ name: 'eth0', ipv4: '192.168.0.1', ipv6: 'fd00::1' })
})

it('is found on a host that has no IPv4', async () => {
  using host = new TestNamespace()
  host.addExternalInterface('fd00::1/64')
  host.ip('-6 route add default via fd00::254 dev eth0')
  await using driver = linux({ namespace: host.path })
  expect(await driver.externalInterface?.()).toEqual({
    name: 'eth0',
    macAddress: expect.stringMatching(MAC),
    mtu: 1500,
    ipv6: 'fd00::1',
    onLink: ['fd00::/64'],
    reason: 'the default route leaves by it',
    host: {
      addresses: [{ link: 'eth0', address: 'fd00::1', prefixLength: 64 }],
      gateways: ['fd00::254'],
      macAddresses: expect.arrayContaining([expect.stringMatching(MAC)]),
    },
  })
})

it('is chosen by name, with its MTU, addresses and what is on the link', async () => {
  namespace.ip('route add 100.64.0.0/10 dev eth0')
  namespace.ip('route add 100.100.0.0/16 via 192.168.0.9 dev eth0')
  expect(await find('eth0')).toEqual({
    name: 'eth0',
    macAddress: expect.stringMatching(MAC),
    mtu: 1500,
    ipv4: '192.168.0.1',
    ipv6: 'fd00::1',
    onLink: ['100.64.0.0/10', '172.31.0.0/16', '192.168.0.0/24', 'fd00::/64'],
    routed: [{ network: '100.100.0.0/16', by: '100.100.0.0/16 via 192.168.0.9 dev eth0' }],
    reason: 'its name is eth0',
    host: expect.objectContaining({ gateways: ['192.168.0.9'] }),
  })
})

it('names the routes over other links, as a VPN has them, and none of its own', async () => {
  namespace.ip('address add 10.8.0.6 peer 10.8.0.5/32 dev net1')
  for (const route of [
    'default dev net1 metric 9',
    '10.20.0.0/16 dev net1',
    '10.30.0.0/16 via 10.9.0.2 dev net1',
    '10.40.0.0/16 via 192.168.0.9 dev eth0',
    'fd20::/48 dev net1',
    'blackhole 10.50.0.0/16',
    // As flanneld writes them, by protocol boot.
    '10.60.0.0/24 via 10.60.0.0 dev net1 onlink',
  ])
    namespace.ip(`route add ${route}`)
  expect((await find('eth0'))?.host?.routes).toEqual([
    { link: 'net1', destination: '10.20.0.0/16' },
    { link: 'net1', destination: '10.30.0.0/16' },
    { link: 'net1', destination: '10.8.0.5/32' },
    { link: 'net1', destination: 'fd20::/48' },
  ])
})

it('says which networks inside its own are routed elsewhere', async () => {
  for (const line of [
    'route add 172.31.9.0/24 via 192.168.0.9 dev eth0',
    'route add 172.31.10.0/24 via 10.9.0.2 dev net1',
    'route add 172.31.11.0/24 dev net1',
    'route add blackhole 172.31.12.0/24',
    'route add 172.31.13.0/24 nexthop via 192.168.0.8 dev eth0 nexthop via 192.168.0.9 dev eth0',
    'route add 172.31.14.0/24 via 192.168.0.9 dev eth0 metric 50',
    'route add 172.31.14.0/24 dev eth0 metric 10',
    'route add 172.31.15.0/24 via 192.168.0.9 dev eth0 proto 157',
    'route add 100.64.0.0/10 via 192.168.0.9 dev eth0',
    'route add unreachable 172.31.16.0/24',
    'route add prohibit 172.31.17.0/24',
    'route add throw 172.31.18.0/24',
    'route add 172.31.19.0/24 via 192.168.0.9 dev eth0 tos 0x10',
    'nexthop add id 7 dev eth0',
    'route add 172.31.20.0/24 nhid 7',
    'route add 192.168.0.128/26 via 192.168.0.9 dev eth0',
    'route add 192.168.0.192/26 via 192.168.0.9 dev eth0',
    '-6 route add fd00::5/128 via fd00::9 dev eth0',
    '-6 route add unreachable fd00::1:0/112',
  ]) {
    namespace.ip(line)
  }
  const { onLink, routed = [] } = (await find('eth0')) ?? {}
  expect(routed.map(({ by }) => by)).toEqual([
    '172.31.9.0/24 via 192.168.0.9 dev eth0',
    '172.31.10.0/24 via 10.9.0.2 dev net1',
    '172.31.11.0/24 dev net1',
    '172.31.12.0/24, which is blackhole',
    '172.31.13.0/24 nexthop via 192.168.0.8 dev eth0 nexthop via 192.168.0.9 dev eth0',
    '172.31.16.0/24, which is unreachable',
    '172.31.17.0/24, which is prohibited',
    '172.31.18.0/24, which is without a route',
    '192.168.0.128/26 via 192.168.0.9 dev eth0',
    '192.168.0.192/26 via 192.168.0.9 dev eth0',
    'fd00::5/128 via fd00::9 dev eth0',
    'fd00::1:0/112, which is unreachable',
  ])
  expect(onLink).toContain('172.31.20.0/24')
})

it('says what policy rules and their tables make of its networks', async () => {
  for (const line of [
    // As Tailscale, a VPN or an operator does it.
    'rule add priority 100 lookup 52',
    'route add 172.31.9.0/24 dev net1 table 52',
    'rule add priority 200 to 172.31.32.0/20 lookup 100',
    'route add default via 192.168.0.9 table 100',
    'route add 172.31.40.0/24 dev eth0 table 100',
    'rule add priority 150 to 172.31.33.0/24 lookup main',
    'rule add priority 210 to 172.31.60.0/24 prohibit',
    'rule add priority 220 to 100.64.0.0/16 lookup 101',
    'route add 100.64.0.0/16 dev eth0 table 101',
    // A packet of which the destination alone is known matches none of these.
    'rule add priority 300 from 172.31.5.1 lookup 100',
    'rule add priority 310 fwmark 0x8 lookup 100',
    'rule add priority 320 to 172.31.61.0/24 ipproto udp lookup 100',
    '-6 rule add priority 100 to fd00::8:0/112 lookup 100',
    '-6 route add default via fd00::9 dev eth0 table 100',
  ]) {
    namespace.ip(line)
  }
  const found = await find('eth0')
  expect(found?.routed?.map(({ network, by }) => `${network}: ${by}`)).toEqual([
    '172.31.9.0/24: 172.31.9.0/24 dev net1 table 52',
    '172.31.32.0/20: 0.0.0.0/0 via 192.168.0.9 dev eth0 table 100',
    '172.31.60.0/24: 172.31.60.0/24, which is prohibited',
    'fd00::8:0/112: ::/0 via fd00::9 dev eth0 table 100',
  ])
  expect(
    ['172.31.33.1', '172.31.40.1', '172.31.61.1', '100.64.1.1', '172.31.1.1', 'fd00::7'].filter(
      (address) => !isOnLink(found as ExternalInterface, address),
    ),
  ).toEqual([])
  expect(
    ['172.31.9.1', '172.31.34.1', '172.31.60.1', '100.65.0.1', 'fd00::8:7'].filter((address) =>
      isOnLink(found as ExternalInterface, address),
    ),
  ).toEqual([])
  // As wg-quick has it: the host's own networks come first again.
  namespace.ip('rule add priority 90 lookup main suppress_prefixlength 0')
  expect((await find('eth0'))?.routed?.map(({ network }) => network)).toEqual(['fd00::8:0/112'])
})

it('keeps its address when a VIP and newer IPv6 addresses come, and when its own was deleted and added', async () => {
  namespace.ip('address del 192.168.0.2/24 dev eth0')
  namespace.ip('address del 172.31.5.1/16 dev eth0')
  for (const line of [
    'address add 192.168.0.200/32 dev eth0',
    'address add fd00::200/128 dev eth0 nodad',
    'address add fd00::7/64 dev eth0 nodad',
    'address del 192.168.0.1/24 dev eth0',
    'address add 192.168.0.1/24 dev eth0',
  ]) {
    namespace.ip(line)
  }
  expect(await find('eth0')).toMatchObject({ ipv4: '192.168.0.1', ipv6: 'fd00::1' })
})

it('stays the one in force while it is up and bears the address, whatever else comes', async () => {
  namespace.ip('route add default via 192.168.0.254 dev eth0 metric 100')
  await using driver = linux({ namespace: namespace.path })
  const find = async (current?: ExternalInterface) => driver.externalInterface?.({ current })
  const current = await find()
  expect(current).toMatchObject({ name: 'eth0', ipv4: '192.168.0.1', ipv6: 'fd00::1' })
  namespace.ip('route add default via 10.9.0.2 dev net1 metric 50')
  namespace.ip('address add 192.168.0.200/24 dev eth0')
  namespace.ip('address change fd00::1/64 dev eth0 preferred_lft 0')
  namespace.ip('link set eth0 mtu 1460')
  expect(await find(current)).toEqual({ ...current, mtu: 1460, host: expect.anything() })
  expect(await find()).toMatchObject({ name: 'net1' })
  namespace.ip('route del default dev eth0')
  expect(await find(current)).toMatchObject({ name: 'eth0', ipv4: '192.168.0.1' })
  namespace.ip('address del 192.168.0.1/24 dev eth0')
  expect(await find(current)).toMatchObject({ name: 'eth0', ipv4: '172.31.5.1', ipv6: 'fd00::1' })
  namespace.ip('link set eth0 down')
  expect(await find(current)).toMatchObject({ name: 'net1' })
})

it('is that of an earlier run while it is up and bears an address of that, unless an operator says otherwise', async () => {
  namespace.ip('route add default via 192.168.0.254 dev eth0 metric 100')
  const previous = await find()
  const again = async (...choices: InterfaceChoice[]) => {
    await using driver = linux({ namespace: namespace.path, interface: choices })
    const { name, ipv4, ipv6 } = (await driver.externalInterface?.({ previous })) ?? {}
    return { name, ipv4, ipv6 }
  }
  const before = { name: 'eth0', ipv4: '192.168.0.1', ipv6: 'fd00::1' }
  namespace.ip('route add default via 10.9.0.2 dev net1 metric 50')
  for (const address of ['fd00::5', 'fc00::1']) namespace.ip(`address add ${address}/64 dev eth0 nodad`)
  // It goes behind the others of its kind, as after a restart of the network manager.
  namespace.ip('address del 192.168.0.1/24 dev eth0')
  namespace.ip('address add 192.168.0.200/24 dev eth0')
  namespace.ip('address add 192.168.0.1/24 dev eth0')
  expect(await find()).toMatchObject({ name: 'net1' })
  expect(await again()).toEqual(before)
  expect(await again('eth0')).toEqual(before)
  expect(await again(/^(10|192)\./)).toEqual(before)
  expect(await again('192.168.0.200')).toEqual({ ...before, ipv4: '192.168.0.200' })
  expect(await again('net1')).toMatchObject({ name: 'net1' })
  expect(await again({ canReach: '10.9.0.2' })).toMatchObject({ name: 'net1' })
  namespace.ip('link add br0 type bridge')
  namespace.ip('address flush dev eth0')
  namespace.ip('address add 192.168.0.1/24 dev br0')
  namespace.ip('address add fd00::1/64 dev br0 nodad')
  namespace.ip('link set br0 up')
  expect(await again()).toEqual({ ...before, name: 'br0' })
  namespace.ip('link set br0 down')
  expect(await again()).toMatchObject({ name: 'net1' })
})

it('is chosen by an address, which is then the one it is known by', async () => {
  expect(await find('172.31.5.1')).toMatchObject({ name: 'eth0', ipv4: '172.31.5.1', ipv6: 'fd00::1' })
  expect(await find('fd00:0::1')).toMatchObject({ name: 'eth0', ipv6: 'fd00::1', ipv4: '192.168.0.1' })
})

it('is chosen by pattern: addresses first, then names', async () => {
  expect(await find(/^10\.9\./)).toMatchObject({ name: 'net1' })
  expect(await find(/^net\d$/)).toMatchObject({ name: 'net1' })
})

it('is chosen by what it can reach, with the source address of that way', async () => {
  namespace.ip('route add 100.64.0.0/10 via 10.9.0.2 dev net1')
  namespace.ip('route add 100.128.0.0/10 via 192.168.0.9 dev eth0 src 192.168.0.2')
  expect(await find({ canReach: '100.64.1.1' })).toMatchObject({ name: 'net1', ipv4: '10.9.0.1' })
  expect(await find({ canReach: '100.128.1.1' })).toMatchObject({ name: 'eth0', ipv4: '192.168.0.2' })
  expect(await find({ canReach: 'fd00::77' })).toMatchObject({ name: 'eth0', ipv6: 'fd00::1' })
})

it('is the first choice that fits', async () => {
  expect(await find(['nope', { canReach: '8.8.8.8' }, /^nothing/, 'net1', 'eth0'])).toMatchObject({
    name: 'net1',
  })
})

it('that does not exist is an error that lists what was looked for and what exists', async () => {
  await expect(find()).rejects.toMatchObject({
    code: 'INTERFACE_NOT_FOUND',
    message: expect.stringMatching(/no default route.*eth0 \[192\.168\.0\.1 .*net1 \[10\.9\.0\.1\]/),
  })
  await expect(find(['nope', /^x/, { canReach: '8.8.8.8' }])).rejects.toThrow(
    /no interface fits 'nope', nor the pattern \/\^x\/, nor the route to 8\.8\.8\.8/,
  )
})

it('bears no IPv6 address that is not known to be unique', async () => {
  // Nobody answers on the other end, so detection takes a second.
  namespace.ip('address add fd01::1/64 dev net1')
  expect(await find('net1')).not.toHaveProperty('ipv6')
})

it('says what the host around it has: addresses, and gateways that are some', async () => {
  namespace.ip('address add 203.0.113.7/32 dev lo')
  namespace.ip('link add flannel.1 type vxlan id 1 local 192.168.0.1 dev eth0 dstport 8472 nolearning')
  namespace.ip('link set flannel.1 up')
  // As flanneld has it: the gateway is the base of the peer's subnet.
  namespace.ip('route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink')
  namespace.ip('route add 198.51.100.0/24 nexthop via 192.168.0.8 dev eth0 nexthop via 10.9.0.2 dev net1')
  // A router that the host's addresses do not reach, as at hosting providers; and an overlay's route to a peer by its node.
  namespace.ip('route add 198.18.0.0/15 via 203.0.113.1 dev eth0 onlink')
  namespace.ip('route add 10.244.3.0/24 via 192.168.0.7 dev eth0 onlink')
  namespace.ip('-6 route add fd05::/64 via fd09::1 dev eth0 onlink')
  namespace.ip('route add 198.51.102.0/24 via 192.168.0.9 dev eth0 proto 157')
  const { host } = (await find('eth0')) ?? {}
  expect(host?.gateways).toEqual(['10.9.0.2', '192.168.0.7', '192.168.0.8', '203.0.113.1', 'fd09::1'])
  expect(host?.routesByGateway?.map(({ destination, gateway }) => `${destination} ${gateway}`)).toEqual([
    '10.244.3.0/24 192.168.0.7',
    '198.18.0.0/15 203.0.113.1',
    '198.51.100.0/24 192.168.0.8',
    'fd05::/64 fd09::1',
  ])
  expect(host?.addresses).toContainEqual({ link: 'lo', address: '203.0.113.7', prefixLength: 32 })
  expect(host?.addresses.filter(({ address }) => /^(127\.|::1$|fe80:)/.test(address))).toEqual([])
})
