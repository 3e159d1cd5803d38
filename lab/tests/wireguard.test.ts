import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  Capture,
  count,
  type Host,
  Lab,
  type Member,
  Network,
  PingStream,
  pingMatrix,
  pingUntilReached,
  until,
} from '../src/index.js'
import { joinedLab } from './setup.js'
import { BY, CHOSEN, HAS_KERNEL_WIREGUARD, WireguardDevice } from './wireguard-device.js'

const networks = {
  IPv4: { config: { Network: '10.244.0.0/16' }, lab: {} },
  'IPv6 only': {
    config: { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd44::/48' },
    lab: { ipv4: false, ipv6: true },
  },
  'dual-stack': {
    config: { Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd44::/48' },
    lab: { ipv6: true },
  },
}

/** What pods' pings are filled with, so that they are known in any encapsulation that does not encrypt. */
const PATTERN = '5e1bed6e'

describe.each([
  ['IPv4', {}],
  ['IPv6 only', {}],
  ['dual-stack', { PSK: Buffer.alloc(32, 9).toString('base64') }],
  ['dual-stack', { Mode: 'auto' }],
] as const)('%s, %j', (name, settings) => {
  test(`${BY}, every pod reaches every pod, and nothing of it is on the wire in plain`, async () => {
    const { config, lab: options } = networks[name]
    const network = { ...config, Backend: { Type: 'wireguard', ...settings } }
    await using joined = await joinedLab(network, { hosts: 3, ...options })
    const file = join(joined.lab.directory, 'wire.pcap')
    const capture = await Capture.start(joined.lab.switch, { device: 'br0', file })
    const pods = joined.members.map(({ pod }) => pod)
    await reachAll(joined.members)
    for (const entry of await pingMatrix(pods, pods)) expect(entry).toMatchObject({ lost: 0 })
    const [first, second] = [joined.member(0), joined.member(1)]
    for (const address of second.pod.addresses) {
      await first.pod.exec('ping', ['-c', '3', '-i', '0.1', '-p', PATTERN, address])
    }
    const packets = await capture.stop()
    expect(count(packets, PATTERN)).toBe(0)
    // Three echo requests and their answers in each family, to WireGuard's port or from it.
    const ports = name === 'IPv6 only' ? ['ca6d'] : ['ca6c']
    for (const port of ports) expect(count(packets, port)).toBeGreaterThan(5)
  })
})

test.runIf(HAS_KERNEL_WIREGUARD)(
  "a host by the kernel's WireGuard and one by wireguard-go reach each other, in both families in one tunnel",
  async () => {
    const { config, lab: options } = networks['dual-stack']
    const backend = { Type: 'wireguard', Mode: 'auto', PSK: Buffer.alloc(32, 9).toString('base64') }
    const wireguard = { h1: 'kernel', h2: 'userspace' } as const
    const network = { ...config, Backend: backend }
    await using joined = await joinedLab(network, { hosts: 2, ...options }, { wireguard })
    const kinds = joined.members.map(({ host }) => kindOf(host))
    expect(await Promise.all(kinds)).toEqual(['wireguard', 'tun'])
    await reachAll(joined.members)

    // Each in turn changes to what the other has: the device is made again as another.
    const swapped = await Network.create(joined.lab, network, {
      wireguard: { h1: 'userspace', h2: 'kernel' },
    })
    for (const { host, agent } of joined.members) {
      await agent.stop()
      await swapped.startAgent(host).waitFor('in-sync')
      await reachAll(joined.members)
    }
    expect(await Promise.all(joined.members.map(({ host }) => kindOf(host)))).toEqual(['tun', 'wireguard'])
  },
)

test.runIf(!HAS_KERNEL_WIREGUARD)(
  "NOT TESTED: a host by the kernel's WireGuard and one by wireguard-go: this kernel has no WireGuard, and says so",
  async () => {
    await using lab = await Lab.create({ hosts: 1 })
    const network = await Network.create(
      lab,
      { ...networks.IPv4.config, Backend: { Type: 'wireguard' } },
      { wireguard: { h1: 'kernel' } },
    )
    await expect(network.startAgent(lab.host(0)).ready()).rejects.toThrow(/this kernel has no WireGuard/)
  },
)

test(`${BY}, an agent that is killed and started again keeps the sessions: no packet is lost`, async () => {
  await using joined = await joinedLab(
    { ...networks.IPv4.config, Backend: { Type: 'wireguard' } },
    { hosts: 2 },
  )
  const [first, second] = [joined.member(0), joined.member(1)]
  const device = new WireguardDevice(joined.lab, first.host)
  await reachAll(joined.members)
  const before = await device.peers()
  const stream = await PingStream.start(first.pod, `${second.pod.addresses[0]}`)
  for (const { host, agent } of [first, second]) {
    await agent.kill()
    await joined.network.startAgent(host).waitFor('in-sync')
  }
  expect(await stream.stop()).toMatchObject({ lost: 0 })
  const handshakes = (peers: typeof before) => peers.map(({ latestHandshake }) => latestHandshake)
  expect(handshakes(await device.peers())).toEqual(handshakes(before))
})

test(`${BY}, a key rotated on one side, and whatever another program deletes, is put right`, async () => {
  await using joined = await joinedLab(
    { ...networks.IPv4.config, Backend: { Type: 'wireguard' } },
    { hosts: 2 },
  )
  const { lab, network } = joined
  const [first, second] = [joined.member(0), joined.member(1)]
  const device = new WireguardDevice(lab, first.host)
  await reachAll(joined.members)
  const [peer] = await device.peers()
  if (peer === undefined) throw new RangeError('a peer')
  const { publicKey, allowedIps } = peer

  await device.set('peer', publicKey, 'remove')
  await until('the peer', async () => (await device.peers())[0]?.publicKey === publicKey || undefined)
  await device.set('peer', publicKey, 'allowed-ips', '')
  const isWhole = async () => `${(await device.peers())[0]?.allowedIps}` === `${allowedIps}` || undefined
  await until('the allowed IPs', isWhole)
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)

  await first.host.ip('link', 'delete', device.name)
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)

  if (CHOSEN === 'userspace') {
    // Its wireguard-go ends. Meanwhile its device is there, and keeps the network's packets from any other way.
    rmSync(device.socket)
    const way = await first.host.ip('route', 'get', `${second.pod.addresses[0]}`)
    expect(way).toContain(`dev ${device.name}`)
    await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
  }

  await second.agent.stop()
  rmSync(join(dirname(network.subnetEnvOf(second.host)), 'wgkey'))
  await network.startAgent(second.host).waitFor('in-sync')
  await until('the new key', async () => {
    const keys = (await device.peers()).map((one) => one.publicKey)
    return (keys.length === 1 && !keys.includes(publicKey)) || undefined
  })
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
})

async function reachAll(members: readonly Member[]): Promise<void> {
  for (const { pod } of members) {
    for (const other of members)
      for (const address of other.pod.addresses) await pingUntilReached(pod, address)
  }
}

/** The type of the link. */
const kindOf = async (host: Host): Promise<string> => {
  const [link] = JSON.parse(await host.ip('-json', '-details', 'link', 'show', 'flannel-wg'))
  return link.linkinfo.info_kind
}
