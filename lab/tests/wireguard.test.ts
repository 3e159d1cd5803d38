import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  Capture,
  type CapturedPacket,
  count,
  type Host,
  Lab,
  type Member,
  Network,
  PingStream,
  pingMatrix,
  pingUntilReached,
  until,
  WireguardDevice,
} from '../src/index.js'
import { joinedLab } from './setup.js'
import { BY, CHOSEN, HAS_KERNEL_WIREGUARD } from './wireguard-here.js'

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
  ['IPv4', {}, ['IPv4 51820']],
  ['IPv6 only', {}, ['IPv6 51821']],
  ['dual-stack', { PSK: Buffer.alloc(32, 9).toString('base64') }, ['IPv4 51820', 'IPv6 51821']],
  // Between private addresses.
  ['dual-stack', { Mode: 'auto' }, ['IPv4 51820']],
  ['dual-stack', { Mode: 'ipv4' }, ['IPv4 51820']],
  ['dual-stack', { Mode: 'ipv6', ListenPort: 4500 }, ['IPv6 4500']],
] as const)('%s, %j, over %j', (name, settings, carriers) => {
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
    expect(new Set(packets.flatMap(wireguardOver))).toEqual(new Set(carriers))
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

test(`${BY}, a PSK that another program changes is put right, and another one in the config is used`, async () => {
  const configWith = (byte: number) => ({
    ...networks.IPv4.config,
    Backend: { Type: 'wireguard', PSK: Buffer.alloc(32, byte).toString('base64') },
  })
  await using joined = await joinedLab(configWith(1), { hosts: 2 })
  const { lab, network } = joined
  const devices = joined.members.map(({ host }) => new WireguardDevice(lab, host))
  const haveAll = (byte: number) => async () => {
    const peers = (await Promise.all(devices.map((device) => device.peers()))).flat()
    const is = ({ presharedKey }: { presharedKey: string }) =>
      presharedKey === Buffer.alloc(32, byte).toString('base64')
    return (peers.length === 2 && peers.every(is)) || undefined
  }
  const [first, second] = [joined.member(0), joined.member(1)]
  await reachAll(joined.members)
  await until('the PSK', haveAll(1))

  const [device] = devices
  const [peer] = (await device?.peers()) ?? []
  await device?.set('peer', `${peer?.publicKey}`, 'preshared-key', '/dev/null')
  await until('the PSK to be back', haveAll(1))

  {
    await using subnets = network.subnets()
    await subnets.setNetworkConfig(configWith(2))
  }
  for (const { agent, host } of joined.members) {
    await agent.stop()
    await network.startAgent(host).waitFor('in-sync')
  }
  await until('the other PSK', haveAll(2))
  // The sessions that there were go on. A new one is by the new PSK.
  await first.host.ip('link', 'delete', 'flannel-wg')
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
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
    // A wireguard-go that is being started again has no socket yet.
    const keys = (await device.peers().catch(() => [])).map((one) => one.publicKey)
    return (keys.length === 1 && !keys.includes(publicKey)) || undefined
  })
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
})

/** The family and the port of a packet of WireGuard, by what all of its messages begin with: a type, and three zeros. */
function wireguardOver({ bytes }: CapturedPacket): string[] {
  const isIpv6 = bytes.readUInt16BE(12) === 0x86dd
  const udp = isIpv6 ? 54 : 34
  const isUdp = bytes[isIpv6 ? 20 : 23] === 17 && bytes.length >= udp + 12
  if (!isUdp || !/^0[1-4]000000$/.test(bytes.toString('hex', udp + 8, udp + 12))) return []
  return [`IPv${isIpv6 ? 6 : 4} ${bytes.readUInt16BE(udp + 2)}`]
}

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
