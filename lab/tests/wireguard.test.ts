import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  Capture,
  type CapturedPacket,
  type Host,
  type Lab,
  type Member,
  PingStream,
  pingMatrix,
  pingUntilReached,
  until,
} from '../src/index.js'
import { joinedLab } from './setup.js'

const DEVICE = 'flannel-wg'

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
  test('every pod reaches every pod, and nothing of it is on the wire in plain', async () => {
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

test('an agent that is killed and started again keeps the sessions: no packet is lost', async () => {
  await using joined = await joinedLab(
    { ...networks.IPv4.config, Backend: { Type: 'wireguard' } },
    { hosts: 2 },
  )
  const [first, second] = [joined.member(0), joined.member(1)]
  await reachAll(joined.members)
  const before = await get(joined.lab, first.host)
  const stream = await PingStream.start(first.pod, `${second.pod.addresses[0]}`)
  for (const { host, agent } of [first, second]) {
    await agent.kill()
    await joined.network.startAgent(host).waitFor('in-sync')
  }
  expect(await stream.stop()).toMatchObject({ lost: 0 })
  const after = await get(joined.lab, first.host)
  expect(handshakes(after)).toEqual(handshakes(before))
})

test('a key rotated on one side, and whatever another program deletes, is put right', async () => {
  await using joined = await joinedLab(
    { ...networks.IPv4.config, Backend: { Type: 'wireguard' } },
    { hosts: 2 },
  )
  const { lab, network } = joined
  const [first, second] = [joined.member(0), joined.member(1)]
  await reachAll(joined.members)
  const before = await get(lab, first.host)

  const [peer = ''] = before.match(/^public_key=.*$/m) ?? []
  await set(lab, first.host, `${peer}\nremove=true`)
  await until('the peer', async () => (await get(lab, first.host)).includes(peer) || undefined)
  await set(lab, first.host, `${peer}\nreplace_allowed_ips=true`)
  await until(
    'the allowed IPs',
    async () => (await get(lab, first.host)).includes('allowed_ip=') || undefined,
  )
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)

  await first.host.ip('link', 'delete', DEVICE)
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)

  // Its wireguard-go ends. Meanwhile its device is there, and keeps the network's packets from any other way.
  rmSync(socketOf(lab, first.host))
  expect(await first.host.ip('route', 'get', `${second.pod.addresses[0]}`)).toContain(`dev ${DEVICE}`)
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)

  await second.agent.stop()
  rmSync(join(dirname(network.subnetEnvOf(second.host)), 'wgkey'))
  await network.startAgent(second.host).waitFor('in-sync')
  await until('the new key', async () => !(await get(lab, first.host)).includes(peer) || undefined)
  await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
})

async function reachAll(members: readonly Member[]): Promise<void> {
  for (const { pod } of members) {
    for (const other of members)
      for (const address of other.pod.addresses) await pingUntilReached(pod, address)
  }
}

const socketOf = (lab: Lab, host: Host): string => join(lab.directory, host.name, `${DEVICE}.sock`)

/** What the host's device answers to `get=1`. */
const get = (lab: Lab, host: Host): Promise<string> => uapi(lab, host, 'get=1\n\n')

const set = async (lab: Lab, host: Host, lines: string): Promise<void> => {
  expect(await uapi(lab, host, `set=1\n${lines}\n\n`)).toBe('errno=0\n\n')
}

async function uapi(lab: Lab, host: Host, request: string): Promise<string> {
  const { connect } = await import('node:net')
  const socket = connect(socketOf(lab, host)).setEncoding('utf8')
  try {
    socket.write(request)
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
      if (answer.endsWith('\n\n')) return answer
    }
    throw new Error('the connection ended')
  } finally {
    socket.destroy()
  }
}

const handshakes = (text: string): readonly string[] => text.match(/^last_handshake_time_n?sec=.*$/gm) ?? []

/** How many of the packets have these bytes somewhere, in hexadecimal. */
const count = (packets: readonly CapturedPacket[], pattern: string): number =>
  packets.filter(({ bytes }) => bytes.includes(Buffer.from(pattern, 'hex'))).length
