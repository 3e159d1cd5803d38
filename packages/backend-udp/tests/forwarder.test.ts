/** The forwarder on a real TUN device and real sockets, turn by turn, in the network namespaces of a lab. */
import { closeSync, openSync } from 'node:fs'
import { type Host, Lab } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CounterName, ProxyCounters } from '../src/proxy/counters.js'
import { Forwarder } from '../src/proxy/forwarder.js'
import { type Libc, loadLibc } from '../src/proxy/libc.js'
import { udpProxy } from '../src/resource.js'

const CLONE_NEWNET = 0x40000000
const PORT = 8285
const [OWN, PEER, STRANGER] = ['192.168.77.1', '192.168.77.2', '192.168.77.3']
const proxy = udpProxy({
  device: 'flannel0',
  mtu: 1472,
  port: PORT,
  addresses: [OWN],
  subnets: ['10.5.1.0/24'],
  networks: ['10.5.0.0/16'],
})

let lab: Lab
let libc: Libc
let wake: number
let forwarder: Forwarder
const counters = new ProxyCounters()

beforeAll(async () => {
  lab = await Lab.create({ hosts: 3 })
  libc = loadLibc()
  wake = libc.eventfd(0, 0o4000)
  const host = lab.host(0)
  await host.ipBatch(['tuntap add flannel0 mode tun', 'address add 10.5.1.0/32 dev flannel0'])
  await host.ipBatch(['link set flannel0 mtu 1472 up', 'route add 10.5.0.0/16 dev flannel0'])
  forwarder = new Forwarder(libc, counters, wake)
  forwarder.peers.put({ subnet: '10.5.2.0/24', address: PEER, port: PORT })
  inNamespace(host, () => forwarder.attach(proxy))
})
afterAll(async () => {
  forwarder?.detach()
  libc?.close(wake)
  await lab?.[Symbol.asyncDispose]()
})

/** Sockets and devices belong to the namespace that they were opened in. */
function inNamespace(host: Host, body: () => void): void {
  const [home, there] = ['/proc/thread-self/ns/net', `/run/netns/${host.namespace}`].map((path) =>
    openSync(path, 'r'),
  )
  try {
    if (libc.setns(Number(there), CLONE_NEWNET) !== 0) throw new Error(`setns: ${libc.errno()}`)
    try {
      body()
    } finally {
      if (libc.setns(Number(home), CLONE_NEWNET) !== 0) process.abort()
    }
  } finally {
    closeSync(Number(home))
    closeSync(Number(there))
  }
}

/** What has been counted since the call. */
function counting(): () => Partial<Record<CounterName, number>> {
  const before = counters.read()
  return () => {
    const now = Object.entries(counters.read()) as [CounterName, number][]
    return Object.fromEntries(
      now.map(([name, count]) => [name, count - before[name]] as const).filter(([, count]) => count !== 0),
    )
  }
}

/** Turns until something has been counted; each waits for half a second at most. */
async function turnUntilCounted(count: () => object): Promise<object> {
  for (let turns = 0; turns < 20 && Object.keys(count()).length === 0; turns += 1) {
    forwarder.turn()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return count()
}

/** Sends a datagram, in hexadecimal, from a host to the forwarder. Perl is part of every Debian. */
const send = (from: Host, hex: string, times = 1): Promise<string> =>
  from.exec('perl', [
    '-MIO::Socket::INET',
    '-e',
    `defined IO::Socket::INET->new(Proto => 'udp', PeerAddr => '${OWN}:${PORT}')->send(pack('H*', '${hex}') x ${times}) or die $!`,
  ])

/** UDP without a payload. */
const packet = (source: string, destination: string): string => {
  const address = (text: string) => Buffer.from(text.split('.').map(Number)).toString('hex')
  return `4500001c000000004011${'0000'}${address(source)}${address(destination)}03e803e900080000`
}

test.each<[string, number, string, Partial<Record<CounterName, number>>]>([
  ['a packet of its own', 1, packet('10.5.2.9', '10.5.1.9'), { receivedPackets: 1, receivedBytes: 28 }],
  ['what its host sends', 1, packet('192.168.77.2', '10.5.1.9'), { receivedPackets: 1, receivedBytes: 28 }],
  ["another node's packet", 1, packet('10.5.3.9', '10.5.1.9'), { foreignSource: 1 }],
  ['our own packet', 1, packet('10.5.1.7', '10.5.1.9'), { foreignSource: 1 }],
  ['a packet for another node', 1, packet('10.5.2.9', '10.5.3.9'), { foreignDestination: 1 }],
  ['a packet for anybody else', 1, packet('10.5.2.9', '192.168.77.1'), { foreignDestination: 1 }],
  ['half a packet', 1, packet('10.5.2.9', '10.5.1.9').slice(0, 30), { malformed: 1 }],
  ['a packet and more', 1, `${packet('10.5.2.9', '10.5.1.9')}00`, { malformed: 1 }],
  ['nothing', 1, '', { malformed: 1 }],
  ['text', 1, Buffer.from('hello').toString('hex'), { malformed: 1 }],
  ['IPv6 over IPv4', 1, `6000000000001140${'20'.repeat(32)}`, { malformed: 1 }],
  ['a packet from a stranger', 2, packet('10.5.2.9', '10.5.1.9'), { unknownSource: 1 }],
])('from a peer, or a stranger, comes %s', async (_, from, hex, expected) => {
  const count = counting()
  await send(lab.host(from), hex)
  expect(await turnUntilCounted(count)).toEqual(expected)
})

test('from a peer comes the largest datagram there is', async () => {
  const count = counting()
  await send(lab.host(1), 'ff', 65_507)
  expect(await turnUntilCounted(count)).toEqual({ malformed: 1 })
})

test('a packet for a peer goes there, and one for nobody is answered', async () => {
  const host = lab.host(0)
  const ping = async (address: string) => {
    const count = counting()
    const answer = host.exec('sh', ['-c', `ping -n -c 1 -W 1 ${address} || true`])
    const counted = await turnUntilCounted(count)
    return { counted, answer: await answer }
  }
  expect((await ping('10.5.2.9')).counted).toEqual({ sentPackets: 1, sentBytes: 84 })
  const { counted, answer } = await ping('10.5.3.9')
  expect(counted).toEqual({ noRoute: 1 })
  expect(answer).toMatch(/From 10\.5\.0\.0 .*Destination Net Unreachable/)
  expect(STRANGER).toBe(lab.host(2).addresses[0])
})

test('what has changed is attached anew: another port, another device, and back', async () => {
  const host = lab.host(0)
  await host.ip('tuntap', 'add', 'other0', 'mode', 'tun')
  const listening = () => host.exec('cat', ['/proc/net/udp'])
  const at = (port: number) => port.toString(16).toUpperCase()
  inNamespace(host, () => forwarder.attach({ ...proxy, port: 9000 }))
  expect(await listening()).toContain(`:${at(9000)} `)
  expect(await listening()).not.toContain(`:${at(PORT)} `)
  inNamespace(host, () => forwarder.attach({ ...proxy, port: 9000, device: 'other0' }))
  // Linux says so within a second.
  await expect
    .poll(() => host.ip('-json', 'link', 'show', 'flannel0'), { timeout: 10_000 })
    .toContain('NO-CARRIER')
  expect(await listening()).toContain(`:${at(9000)} `)
  inNamespace(host, () => forwarder.attach(proxy))
  const count = counting()
  await send(lab.host(1), packet('10.5.2.9', '10.5.1.9'))
  expect(await turnUntilCounted(count)).toEqual({ receivedPackets: 1, receivedBytes: 28 })
})

test('a device that is gone detaches it; one that is not there, or not persistent, is not attached to', async () => {
  const host = lab.host(0)
  await host.ip('link', 'delete', 'flannel0')
  for (let turns = 0; turns < 20 && forwarder.isAttached; turns += 1) forwarder.turn()
  expect(forwarder.isAttached).toBe(false)
  expect(() => inNamespace(host, () => forwarder.attach(proxy))).toThrow(/attaching to flannel0: .*ENODEV/)
  expect(await host.ip('link', 'show')).not.toContain('flannel0')
  await host.ip('tuntap', 'add', 'flannel0', 'mode', 'tun')
  inNamespace(host, () => forwarder.attach(proxy))
  expect(forwarder.isAttached).toBe(true)
})
