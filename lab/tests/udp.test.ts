import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Host,
  type Namespace,
  PingStream,
  ping,
  pingMatrix,
  pingUntilReached,
  until,
} from '../src/index.js'
import { type JoinedLab, joinedLab, printTime } from './setup.js'

const DEVICE = 'flannel0'
const config = {
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/48',
  Backend: { Type: 'udp' },
}

let joined: JoinedLab
beforeAll(async () => {
  joined = await joinedLab(config, { hosts: 3, ipv6: true })
})
afterAll(() => joined?.[Symbol.asyncDispose]())

/** What ping prints of one request. */
const answerTo = (from: Namespace, ...args: readonly string[]): Promise<string> =>
  from.exec('sh', ['-c', `ping -n -c 1 -W 2 ${args.join(' ')} || true`])

/** Prints the digest of what the first connection brings. Perl is part of every Debian. */
const RECEIVES = `
$| = 1;
my $server = IO::Socket::IP->new(Listen => 1, LocalHost => '::', LocalPort => shift, V6Only => 0) or die $@;
print "listening\\n";
my $digest = Digest::SHA->new(256);
$digest->addfile($server->accept);
print $digest->hexdigest, "\\n";
`
/** Sends bytes that differ from one another, and prints their digest. */
const SENDS = `
my ($host, $port, $left) = @ARGV;
my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port) or die $@;
my $digest = Digest::SHA->new(256);
for (my $n = 0; $left > 0; $n++) {
  my $bytes = substr(pack('N*', map { $n * 16384 + $_ } 1 .. 16384), 0, $left);
  $digest->add($bytes);
  $left -= length $bytes;
  while (length $bytes) { substr($bytes, 0, syswrite($socket, $bytes) // die $!) = '' }
}
print $digest->hexdigest, "\\n";
`

/** How many packets have gone over the device. */
async function packetsOf(host: Host): Promise<{ rx: number; tx: number }> {
  const [link] = JSON.parse(await host.ip('-json', '-stats', 'link', 'show', DEVICE))
  return { rx: link.stats64.rx.packets, tx: link.stats64.tx.packets }
}

const ownAddress = (subnet = ''): string => subnet.slice(0, subnet.indexOf('/'))

async function device(host: Host): Promise<object> {
  const [link] = JSON.parse(await host.ip('-json', '-details', 'link', 'show', DEVICE))
  return { index: link.ifindex, mtu: link.mtu, alias: link.ifalias, persist: link.linkinfo.info_data.persist }
}

describe('a packet', () => {
  test.each([0, 1])(
    'that has gone too far is answered by the host where its TTL ends (address %d)',
    async (n) => {
      const [first, second] = [joined.member(0), joined.member(1)]
      const target = second.pod.addresses[n] ?? ''
      // An IPv4 host takes no packet with an address of its own from a device: see errorSources.
      const own = n === 0 ? '10.244.0.0' : ownAddress(first.lease.ipv6Subnet)
      // One for the host's forwarding, and none is left for the proxy; then one for that, and none for the other host's.
      expect(await answerTo(first.pod, '-t', '2', target)).toMatch(
        new RegExp(`From ${own} .*(Time to live exceeded|Hop limit)`),
      )
      expect(await answerTo(first.pod, '-t', '3', target)).toMatch(/Time to live exceeded|Hop limit/)
      expect(await answerTo(first.pod, '-t', '4', target)).toContain(' 0% packet loss')
    },
  )

  test.each([
    ['10.244.250.9', /From 10\.244\.0\.0 .*Destination Net Unreachable/],
    ['fd00:10:244:fa::9', /From fd00:10:244:\w+:: .*Destination unreachable: No route/],
  ])('for a subnet that nobody has leased is answered: %s', async (address, answer) => {
    expect(await answerTo(joined.member(0).pod, address)).toMatch(answer)
  })
})

test.each([0, 1])('a TCP stream arrives as it was sent, many segments at a time (address %d)', async (n) => {
  const BYTES = 16_000_000
  const [from, to] = [joined.member(0), joined.member(2)]
  const server = to.pod.spawn('perl', ['-MDigest::SHA', '-MIO::Socket::IP', '-e', RECEIVES, '9000'])
  let printed = ''
  server.stdout.setEncoding('utf8').on('data', (chunk) => {
    printed += chunk
  })
  await until('the receiver to listen', () => printed.startsWith('listening\n') || undefined)
  const before = await Promise.all([packetsOf(from.host), packetsOf(to.host)])
  const args = [
    '-MDigest::SHA',
    '-MIO::Socket::IP',
    '-e',
    SENDS,
    `${to.pod.addresses[n]}`,
    '9000',
    `${BYTES}`,
  ]
  const sent = await from.pod.exec('perl', args, { timeoutMs: 50_000 })
  await until('the receiver to have it all', () => printed.split('\n').length > 2 || undefined)
  expect(printed).toBe(`listening\n${sent}`)
  const after = await Promise.all([packetsOf(from.host), packetsOf(to.host)])
  // What the kernel hands over, and takes, in one packet is several datagrams between the hosts.
  const segments = BYTES / from.mtu
  expect((after[0]?.tx ?? 0) - (before[0]?.tx ?? 0)).toBeLessThan(segments / 2)
  expect((after[1]?.rx ?? 0) - (before[1]?.rx ?? 0)).toBeLessThan(segments / 2)
})

test('the device, deleted by another, is back with its addresses, its routes and its peers', async () => {
  const { host, pod } = joined.member(0)
  const target = joined.member(1).pod
  const before = await Promise.all([host.ip('route'), host.ip('-6', 'route', 'show', 'dev', DEVICE)])
  const start = performance.now()
  await host.ip('link', 'delete', DEVICE)
  for (const address of target.addresses) await pingUntilReached(pod, address)
  printTime('udp: the device deleted, pods reach each other again', performance.now() - start)
  await expect
    .poll(() => Promise.all([host.ip('route'), host.ip('-6', 'route', 'show', 'dev', DEVICE)]))
    .toEqual(before)
})

test('put down and up again, the device carries packets as before', async () => {
  const { host, pod } = joined.member(2)
  await host.ip('link', 'set', DEVICE, 'down')
  for (const address of joined.member(1).pod.addresses) await pingUntilReached(pod, address)
})

test('stopped or killed and started again, an agent finds its device, and no other host loses a packet', async () => {
  const { host, agent, lease } = joined.member(1)
  const before = await device(host)
  const routes = await host.ip('route')
  const streams = await streamsOfAllPods()

  await agent.kill()
  expect(await device(host)).toEqual(before)
  const second = joined.network.startAgent(host)
  expect((await second.ready()).lease.subnet).toBe(lease.subnet)
  await second.waitFor('in-sync')
  expect(await device(host)).toEqual(before)
  await second.stop()
  // Packets for peers have nowhere else to go while no agent runs.
  expect((await ping(joined.member(1).pod, `${joined.member(0).pod.addresses[0]}`, { count: 1 })).lost).toBe(
    1,
  )
  const third = joined.network.startAgent(host)
  await third.ready()
  await third.waitFor('in-sync')
  expect(await device(host)).toEqual(before)
  expect((await host.ip('route')).replaceAll(/ linkdown/g, '')).toBe(routes)

  const results = await Promise.all(
    streams.map(async ({ stream, ...pair }) => ({ ...pair, ...(await stream.stop()) })),
  )
  const [affected, others] = [true, false].map((is) =>
    results.filter(({ from, to }) => [from, to].includes(joined.member(1).pod.name) === is),
  )
  expect(others).toHaveLength(4)
  expect(others?.filter(({ lost }) => lost > 0)).toEqual([])
  expect(affected?.filter(({ sent, lost }) => lost >= sent)).toEqual([])
  printTime(
    'udp: the longest gap of the host whose agent was killed, then stopped',
    Math.max(...(affected ?? []).map(({ longestGapMs }) => longestGapMs)),
  )
  const pods = joined.members.map(({ pod }) => pod)
  const matrix = await pingMatrix([...pods, ...joined.lab.hosts], pods)
  expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
})

/** Echo requests every 20 ms from each pod to each address of every other. */
function streamsOfAllPods(): Promise<readonly { from: string; to: string; stream: PingStream }[]> {
  const pods = joined.members.map(({ pod }) => pod)
  const pairs = pods.flatMap((from) =>
    pods.filter((to) => to !== from).flatMap((to) => to.addresses.map((address) => ({ from, to, address }))),
  )
  return Promise.all(
    pairs.map(async ({ from, to, address }) => ({
      from: from.name,
      to: to.name,
      stream: await PingStream.start(from, address, 20),
    })),
  )
}

test('at rest, an agent takes next to no time of a processor', async () => {
  const { host } = joined.member(0)
  const pids = (await host.exec('ip', ['netns', 'pids', host.namespace])).trim().split('\n')
  const ticks = async (): Promise<number> => {
    const stats = await Promise.all(
      pids.map((pid) => host.exec('cat', [`/proc/${pid}/stat`]).catch(() => '')),
    )
    return stats
      .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
      .reduce((sum, fields) => sum + Number(fields[11] ?? 0) + Number(fields[12] ?? 0), 0)
  }
  const before = await ticks()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  // In hundredths of a second: a loop that does not wait would take a hundred.
  expect((await ticks()) - before).toBeLessThan(40)
})
