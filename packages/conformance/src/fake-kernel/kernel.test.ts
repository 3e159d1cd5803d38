import type { OwnershipScope } from '@selvedge/core'
import { address, fdb, link, neighbour, route } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../fake-clock.js'
import { FakeKernel } from './kernel.js'

const MAC = 'c6:d2:32:6f:8f:44'
const scope: OwnershipScope = { aliases: [], links: ['flannel.1'], networks: ['10.244.0.0/16'] }
const device = link({
  name: 'flannel.1',
  type: 'vxlan',
  mtu: 1450,
  macAddress: '02:11:22:33:44:55',
  settings: { vni: 1, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
})
const own = address({ link: 'flannel.1', address: '10.244.1.0', prefixLength: 32 })
const peer = [
  fdb({ link: 'flannel.1', macAddress: MAC, destination: '192.168.0.2' }),
  neighbour({ link: 'flannel.1', address: '10.244.2.0', macAddress: MAC }),
  route({ destination: '10.244.2.0/24', device: 'flannel.1', gateway: '10.244.2.0', onLink: true }),
]

async function overlaid() {
  const kernel = new FakeKernel()
  const driver = kernel.driver()
  const resources = [device, own, ...peer]
  const results = await driver.apply(resources.map((resource) => ({ type: 'put', resource })))
  expect(results).toEqual(resources.map(() => ({ ok: true })))
  return { kernel, driver, resources }
}

describe('FakeKernel: what it holds', () => {
  it('prints as ip and bridge do', async () => {
    const { kernel } = await overlaid()
    expect(kernel.toText()).toBe(`\
# link
eth0 UP mtu 1500 link/ether 02:00:00:00:00:02 veth
flannel.1 UP mtu 1450 link/ether 02:11:22:33:44:55 vxlan id 1 local 192.168.0.1 dev eth0 dstport 8472 nolearning
# address
10.244.1.0/32 dev flannel.1
192.168.0.1/24 dev eth0
fe80::11:22ff:fe33:4455/64 dev flannel.1
fe80::ff:fe00:2/64 dev eth0
# route
10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 157 onlink
192.168.0.0/24 dev eth0 proto kernel
fe80::/64 dev eth0 proto kernel metric 256
fe80::/64 dev flannel.1 proto kernel metric 256
# neighbour
10.244.2.0 dev flannel.1 lladdr c6:d2:32:6f:8f:44 PERMANENT
# fdb
c6:d2:32:6f:8f:44 dev flannel.1 dst 192.168.0.2 self permanent
`)
  })
})

describe('FakeKernel: as Linux does', () => {
  it('a link that goes down loses routes, neighbours and IPv6 addresses, and up brings none back', async () => {
    const { kernel, driver } = await overlaid()
    kernel.addAddress('flannel.1', 'fd10::1/128')
    kernel.changeLink('flannel.1', { up: false })
    kernel.changeLink('flannel.1', { up: true })
    expect((await driver.snapshot(scope)).map(({ key }) => key)).toEqual([device.key, own.key, peer[0]?.key])
  })

  it('an interface that goes down and up gets the routes to its own networks back', () => {
    const kernel = new FakeKernel()
    const before = kernel.toText()
    kernel.changeLink('eth0', { up: false })
    expect(kernel.toText()).not.toContain('192.168.0.0/24')
    kernel.changeLink('eth0', { up: true })
    expect(kernel.toText()).toBe(before)
  })

  it('deleting or renaming the parent: gone with it, stays on it', async () => {
    const { kernel } = await overlaid()
    kernel.changeLink('eth0', { name: 'wan0' })
    expect(kernel.toText()).toContain('local 192.168.0.1 dev wan0')
    kernel.deleteLink('wan0')
    expect(kernel.toText()).toBe('')
  })

  it('a MAC that is set costs the link its neighbours, even if it is the same', async () => {
    const { kernel } = await overlaid()
    kernel.changeLink('flannel.1', { macAddress: '02:11:22:33:44:55' })
    expect(kernel.toText()).not.toContain('PERMANENT')
    expect(kernel.toText()).toContain('dst 192.168.0.2 self permanent')
  })

  it('the last IPv4 address takes the IPv4 routes of its link along', async () => {
    const { kernel } = await overlaid()
    kernel.addRoute({ destination: 'fd10:2::/64', device: 'flannel.1', metric: 1024 })
    kernel.deleteAddress('flannel.1', '10.244.1.0/32')
    expect(kernel.toText()).not.toContain('10.244.2.0')
    expect(kernel.toText()).toContain('fd10:2::/64 dev flannel.1')
  })

  it('an MTU under 1280 takes IPv6 off the link', async () => {
    const { kernel } = await overlaid()
    kernel.changeLink('flannel.1', { mtu: 1279 })
    expect(kernel.toText()).not.toContain('fe80::11:22ff:fe33:4455')
    expect(() => kernel.addAddress('flannel.1', 'fd10::1/128')).toThrow(
      expect.objectContaining({ errno: 'EINVAL' }),
    )
  })

  it.each<[errno: string, act: (kernel: FakeKernel) => void]>([
    ['ENODEV', (kernel) => kernel.addRoute({ destination: '10.9.0.0/24', device: 'nope' })],
    ['ENODEV', (kernel) => kernel.deleteLink('nope')],
    [
      'ENETDOWN',
      (kernel) => {
        kernel.changeLink('flannel.1', { up: false })
        kernel.addRoute({ destination: '10.9.0.0/24', device: 'flannel.1' })
      },
    ],
    [
      'ENETUNREACH',
      (kernel) => kernel.addRoute({ destination: '10.9.0.0/24', device: 'eth0', gateway: '10.8.0.1' }),
    ],
    [
      'EHOSTUNREACH',
      (kernel) => kernel.addRoute({ destination: 'fd09::/64', device: 'eth0', gateway: 'fd08::1' }),
    ],
    ['EEXIST', (kernel) => kernel.addRoute({ destination: '10.244.2.0/24', device: 'eth0' })],
    ['EEXIST', (kernel) => kernel.addLink({ name: 'eth0', type: 'bridge' })],
    ['EEXIST', (kernel) => kernel.addLink({ name: 'other', type: 'vxlan', settings: { vni: 1 } })],
    [
      'EEXIST',
      (kernel) => kernel.addNeighbour({ link: 'flannel.1', address: '10.244.2.0', macAddress: MAC }),
    ],
    ['EEXIST', (kernel) => kernel.addFdb({ link: 'flannel.1', macAddress: MAC, destination: '192.168.0.9' })],
    ['EEXIST', (kernel) => kernel.addAddress('eth0', '192.168.0.1/24')],
    ['ESRCH', (kernel) => kernel.deleteRoute({ destination: '10.9.0.0/24' })],
    ['ESRCH', (kernel) => kernel.deleteRoute({ destination: '10.244.2.0/24', protocol: 'bird' })],
    ['ENOENT', (kernel) => kernel.deleteNeighbour('flannel.1', '10.9.0.1')],
    ['ENOENT', (kernel) => kernel.deleteFdb('flannel.1', '02:00:00:00:99:99')],
    ['EADDRNOTAVAIL', (kernel) => kernel.deleteAddress('eth0', '10.9.0.1/32')],
    ['EINVAL', (kernel) => kernel.changeLink('flannel.1', { mtu: 1451 })],
    [
      'EAFNOSUPPORT',
      (kernel) =>
        kernel.addFdb({ link: 'flannel.1', macAddress: '02:00:00:00:99:99', destination: 'fd00::2' }),
    ],
  ])('refuses with %s', async (errno, act) => {
    const { kernel } = await overlaid()
    expect(() => act(kernel)).toThrow(expect.objectContaining({ name: 'FakeKernelError', errno }))
  })

  it('keeps one destination for a unicast MAC, any number for the all-zero one', async () => {
    const { kernel } = await overlaid()
    kernel.appendFdb({ link: 'flannel.1', macAddress: MAC, destination: '192.168.0.9' })
    expect(kernel.toText()).not.toContain('192.168.0.9')
    const everyone = '00:00:00:00:00:00'
    kernel.addFdb({ link: 'flannel.1', macAddress: everyone, destination: '192.168.0.3' })
    kernel.appendFdb({ link: 'flannel.1', macAddress: everyone, destination: '192.168.0.4' })
    expect(kernel.toText()).toContain(
      'dst 192.168.0.3 self permanent\n00:00:00:00:00:00 dev flannel.1 dst 192.168.0.4',
    )
  })
})

describe('FakeKernel: what goes wrong', () => {
  const puts = peer.map((resource) => ({ type: 'put' as const, resource }))

  it('fails the nth request that matches, and no other', async () => {
    const { kernel, driver } = await overlaid()
    const fault = kernel.fail({ errno: 'ENOBUFS', after: 1, times: 1 })
    const results = await driver.apply(puts)
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(results[1]).toMatchObject({ error: { code: 'DRIVER_REFUSED', errno: 'ENOBUFS' } })
    expect(fault.strikes).toBe(1)
  })

  it('records each request with whether it changed anything', async () => {
    const { kernel, driver } = await overlaid()
    kernel.requests.length = 0
    await driver.apply(puts)
    expect(kernel.writes.map(({ changed }) => changed)).toEqual([false, false, false])
  })

  it('interrupts dumps: a few are repeated, without end they are given up', async () => {
    const { kernel, driver } = await overlaid()
    kernel.interruptDumps(3)
    expect(await driver.snapshot(scope)).toHaveLength(5)
    kernel.interruptDumps(Number.POSITIVE_INFINITY)
    await expect(driver.snapshot(scope)).rejects.toMatchObject({ code: 'READ_INTERRUPTED' })
    kernel.heal()
    expect(await driver.snapshot(scope)).toHaveLength(5)
  })

  it('fights: what is put is gone at once', async () => {
    const { kernel, driver } = await overlaid()
    kernel.deleteRoute({ destination: '10.244.2.0/24' })
    const fighter = kernel.fight()
    expect(await driver.apply(puts)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }])
    expect(kernel.toText()).not.toContain('10.244.2.0/24')
    expect(fighter.strikes).toBe(1)
  })

  it('crashes in the middle of a batch: the half is there, the driver is dead, another goes on', async () => {
    const kernel = new FakeKernel()
    const driver = kernel.driver()
    kernel.crash({ after: 1 })
    const all = [device, own].map((resource) => ({ type: 'put' as const, resource }))
    await expect(driver.apply(all)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(driver.snapshot(scope)).rejects.toMatchObject({ code: 'CLOSED' })
    expect((await kernel.driver().snapshot(scope)).map(({ key }) => key)).toEqual([device.key])
  })

  it('is slow on the clock that it is given, and stops in between if it is aborted', async () => {
    const clock = new FakeClock()
    const kernel = new FakeKernel({ clock })
    kernel.slow({ operationMs: 100 })
    const controller = new AbortController()
    const reason = new Error('stop')
    const applying = kernel.driver().apply(
      [device, own].map((resource) => ({ type: 'put', resource })),
      { signal: controller.signal },
    )
    await clock.advance(150)
    controller.abort(reason)
    await expect(applying).rejects.toBe(reason)
    expect(kernel.toText()).toContain('flannel.1 UP')
    expect(kernel.toText()).not.toContain('10.244.1.0/32')
  })

  it('reports nothing while notifications are dropped, and an overrun when there is one', async () => {
    const { kernel, driver } = await overlaid()
    await driver.snapshot(scope)
    const controller = new AbortController()
    const events = driver.watch({ signal: controller.signal })
    const first = events.next()
    kernel.dropNotifications = true
    kernel.deleteNeighbour('flannel.1', '10.244.2.0')
    kernel.overrun()
    expect(await first).toEqual({ value: { type: 'overrun' }, done: false })
    const second = events.next()
    controller.abort()
    expect(await second).toMatchObject({ done: true })
  })

  it('refuses everything to a process without rights, and says so beforehand', async () => {
    const driver = new FakeKernel({ privileged: false }).driver()
    await expect(driver.preflight([])).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await driver.apply([{ type: 'put', resource: device }])).toMatchObject([
      { ok: false, error: { code: 'ACCESS_DENIED', errno: 'EPERM' } },
    ])
    await expect(new FakeKernel({ linkTypes: [] }).driver().preflight(['vxlan'])).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
  })
})
