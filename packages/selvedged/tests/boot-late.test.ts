/**
 * What a host that boots with nothing may meet besides: no cache either, an uplink of IPv6 alone, flags that name what is
 * not there yet, a network that was given another config meanwhile, and a clock that starts in 1970.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pingUntilReached, until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { printTime } from './print-time.js'
import {
  addOtherNetwork,
  configureInOtherNetwork,
  plugIn,
  rebootWithoutUplink,
  removeLinks,
} from './reboot.js'
import { Rig, type RigOptions, vxlanConfig } from './rig.js'
import type { Selvedged, SelvedgedOptions } from './selvedged.js'

/** Two hosts in one network; the first has been switched off, its uplink is gone, and etcd is away. */
async function switchedOff(config: object = vxlanConfig, options: RigOptions = {}) {
  const rig = await Rig.create(config, options)
  try {
    const second = rig.start(1)
    const far = await second.addPod()
    const first = rig.start(0)
    const { subnet, ipv6Subnet, mtu = 0 } = await first.ready()
    await addOtherNetwork(rig)
    const uplink = await rebootWithoutUplink(rig, first)
    await rig.etcd.kill()
    const subnets = [subnet, ipv6Subnet].filter((text) => text !== undefined)
    return { rig, uplink, second, far, subnets, mtu, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() }
  } catch (error) {
    await rig[Symbol.asyncDispose]()
    throw error
  }
}

/** The first host's agent, which starts as what the node was. */
async function startsAsBefore(
  { rig, subnets, mtu }: Awaited<ReturnType<typeof switchedOff>>,
  options: SelvedgedOptions = {},
): Promise<Selvedged> {
  const agent = rig.start(0, options)
  const { subnet, ipv6Subnet, ...ready } = await agent.ready()
  expect([subnet, ipv6Subnet].filter((text) => text !== undefined)).toEqual(subnets)
  expect(ready.mtu).toBe(mtu)
  await agent.logged(/^waiting for an uplink/)
  return agent
}

test('without a cache, it joins as soon as an uplink comes, however long it has tried', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const far = await rig.start(1).addPod()
  const uplink = await removeLinks(rig.lab.host(0))
  await addOtherNetwork(rig)
  const agent = rig.start(0)
  // By then it waits for longer from one try to the next.
  await until('several tries', () =>
    agent.logs.some(({ delayMs }) => Number(delayMs) > 1_000) ? true : undefined,
  )
  await plugIn(rig, uplink)
  await configureInOtherNetwork(agent.host)
  const up = performance.now()
  const { subnets, mtu } = { ...(await agent.ready()), subnets: [(await agent.subnetEnv()).subnet ?? ''] }
  printTime('no cache: the uplink has an address until subnet.env is written', performance.now() - up)
  const near = await agent.host.addPod({ subnets, mtu: mtu ?? 0 })
  await pingUntilReached(near, far.addresses[0] ?? '')
})

test('an uplink of IPv6 alone', async () => {
  const config = {
    EnableIPv4: false,
    EnableIPv6: true,
    IPv6Network: 'fd00:10:244::/48',
    Backend: { Type: 'vxlan' },
  }
  await using host = await switchedOff(config, { ipv4: false, ipv6: true, etcdAddress: 'fd99::1' })
  const { rig, uplink, far, subnets, mtu } = host
  const agent = await startsAsBefore(host)
  await plugIn(rig, uplink)
  await configureInOtherNetwork(agent.host, 'eth0', 'ipv6')
  await agent.logged(/^the uplink is there/)
  await rig.etcd.start()
  const near = await agent.host.addPod({ subnets, mtu })
  await pingUntilReached(near, far.addresses[0] ?? '')
  expect([...(await rig.etcd.leases()).values()].join()).toContain('"PublicIPv6":"fd88::1"')
})

describe('flags that name what is not there yet', () => {
  test.each<[flag: string, device: string]>([
    ['--iface=wwan0', 'wwan0'],
    ['--iface-regex=^wwan', 'wwan7'],
    ['--iface=192.168.88.1', 'wwan0'],
    ['--public-ip=192.168.88.1', 'wwan0'],
  ])('%s', async (flag, device) => {
    await using host = await switchedOff()
    const { rig, uplink, far, subnets, mtu } = host
    const agent = await startsAsBefore(host, { args: [flag] })
    // The card that it had has an address, which is no uplink for such a flag.
    await plugIn(rig, uplink)
    await agent.host.ip('address', 'add', '192.168.99.1/24', 'dev', 'eth0')
    await plugIn(rig, uplink, { device, mac: '02:00:00:00:00:77' })
    await configureInOtherNetwork(agent.host, device)
    expect(await agent.logged(/^the uplink is there/)).toMatchObject({
      interface: device,
      ipv4: '192.168.88.1',
    })
    await rig.etcd.start()
    const near = await agent.host.addPod({ subnets, mtu })
    await pingUntilReached(near, far.addresses[0] ?? '')
  })
})

test('the network has another config by the time the uplink comes', async () => {
  await using host = await switchedOff()
  const { rig, uplink, second, subnets, mtu } = host
  const agent = await startsAsBefore(host)
  const { pid } = agent
  await rig.etcd.start()
  await rig.etcd.putConfig({ ...vxlanConfig, Backend: { Type: 'vxlan', VNI: 7 } })
  await second.stop()
  await rig.start(1).ready()
  await plugIn(rig, uplink)
  await configureInOtherNetwork(agent.host)
  await until('the device of the new config to take the place of the former one', async () => {
    const links = await agent.host.ip('-d', 'link', 'show')
    return links.includes('vxlan id 7 ') && !links.includes('vxlan id 1 ') ? true : undefined
  })
  const near = await agent.host.addPod({ subnets, mtu })
  for (const address of host.far.addresses) await pingUntilReached(near, address)
  expect(agent.pid).toBe(pid)
  expect(agent.hasEnded).toBe(false)
})

/** Of Debian's package faketime. */
const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`

test('its clock starts in 1970, and jumps to the right time once the network is there', async () => {
  await using host = await switchedOff()
  const { rig, uplink, far, subnets, mtu } = host
  const time = join(rig.lab.directory, 'time')
  await writeFile(time, '@1970-01-01 00:01:00\n')
  const agent = await startsAsBefore(host, {
    variables: {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: time,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  })
  expect(agent.logs.map(({ time }) => new Date(Number(time)).getUTCFullYear())).toContain(1970)
  await plugIn(rig, uplink)
  await configureInOtherNetwork(agent.host)
  await agent.logged(/^the uplink is there/)
  await rig.etcd.start()
  const near = await agent.host.addPod({ subnets, mtu })
  await pingUntilReached(near, far.addresses[0] ?? '')

  await writeFile(time, '+0\n')
  // A lease is renewed by the clock that jumps as well as by the one that does not; the next packets tell.
  const from = agent.logs.length
  await agent.host.ip(
    'route',
    'delete',
    far.addresses[0]?.replace(/\.\d+$/, '.0/24') ?? '',
    'dev',
    'flannel.1',
  )
  const { time: now } = await agent.logged(/^another program changed the overlay's entries/, { from })
  expect(new Date(Number(now)).getUTCFullYear()).toBeGreaterThan(2020)
  await pingUntilReached(near, far.addresses[0] ?? '')
  expect((await agent.subnetEnv()).subnet).toBe(subnets[0])
  expect([...(await rig.etcd.leases()).keys()]).toHaveLength(2)
  expect(agent.logs.filter(({ msg }) => msg.startsWith('lease lost'))).toEqual([])
})
