import { type Host, Lab, Namespace, run, table, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { firewall, type IptablesVariant } from '../src/index.js'
import { MODES, put, remove, rulesets, write } from './rulesets.js'
import { datagramsWithoutRoom, Station } from './station.js'

/**
 * A node and what is around it: a pod of its own, a pod of a peer behind the overlay's link, a host outside. Each test
 * packet is real; what the receiver sees as its source is the verdict.
 */
const ADDRESSES = {
  4: {
    pod: '10.244.1.5',
    gateway: '10.244.1.1',
    peer: '10.244.2.5',
    link: '198.18.0.1',
    linkPeer: '198.18.0.2',
    outside: '192.0.2.9',
    node: '192.0.2.1',
    group: '239.1.1.1',
  },
  6: {
    pod: 'fd00:0:0:1::5',
    gateway: 'fd00:0:0:1::1',
    peer: 'fd00:0:0:2::5',
    link: 'fd18::1',
    linkPeer: 'fd18::2',
    outside: 'fd99::9',
    node: 'fd99::1',
    group: 'ff05::1:1',
  },
} as const
const FAMILIES = [4, 6] as const
type Family = (typeof FAMILIES)[number]

const KEPT = 'kept'
const NODE = 'masqueraded'

/** By name: who sends, from which address; who receives, at which. */
const FLOWS = [
  ['pod', 'pod', 'peer', 'peer', KEPT],
  ['pod', 'pod', 'outside', 'outside', NODE],
  ['peer', 'peer', 'pod', 'pod', KEPT],
  ['peer', 'peer', 'outside', 'outside', NODE],
  ['outside', 'outside', 'pod', 'pod', KEPT],
  ['outside', 'outside', 'peer', 'peer', NODE],
  ['node', 'node', 'pod', 'pod', KEPT],
  ['node', 'node', 'peer', 'peer', NODE],
  ['node', 'gateway', 'outside', 'outside', NODE],
  ['node', 'gateway', 'outside', 'group', KEPT],
  ['outside', 'outside', 'pod', 'node', KEPT], // a hostPort of the pod
] as const

/** Set on packets by their source port, before our rules see them. */
const MARKS = [
  { mark: 0, sourcePort: 4000 },
  { mark: 0x4000, sourcePort: 4001 },
  { mark: 0x1_4000, sourcePort: 4002 },
  { mark: 0x1_0000, sourcePort: 4003 },
] as const

/** A port for each mode, since a flow that is known keeps its verdict. */
const portOf = (mode: string): number => 5000 + MODES.findIndex(([name]) => name === mode)
/** For the streams that see a mode start. */
const startPortOf = (mode: string): number => portOf(mode) + 100

const SURROUNDINGS = `
table inet test {
  chain by_source_port {
    udp sport 4001 meta mark set 0x4000
    udp sport 4002 meta mark set 0x14000
    udp sport 4003 meta mark set 0x10000
  }
  chain marks_in { type filter hook prerouting priority mangle; jump by_source_port; }
  chain marks_out { type filter hook output priority mangle; jump by_source_port; }
  chain host_port {
    type nat hook prerouting priority dstnat;
    ip daddr 192.0.2.1 udp dport 5000-5002 dnat ip to 10.244.1.5
    ip6 daddr fd99::1 udp dport 5000-5002 dnat ip6 to fd00:0:0:1::5
  }
}
`.replaceAll('; }', ';\n}')

let lab: Lab
let host: Host
const stations = new Map<string, Station>()

/** What stands around the node, by its name. */
const around = (name: string): Namespace => new Namespace(`${host.namespace}${name}`)

beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
  host = await lab.addHost()
  const namespaces = ['pod', 'peer', 'outside'].map((name) => [name, around(name)] as const)
  await run('ip', ['-batch', '-'], {
    input: namespaces.map(([, { namespace }]) => `netns add ${namespace}\n`).join(''),
  })
  for (const [name, namespace] of namespaces) {
    await host.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace.namespace)
  }
  const [four, six] = [ADDRESSES[4], ADDRESSES[6]]
  const own = (address: string, device: string, length: number) =>
    `address add ${address}/${length} dev ${device} nodad`
  await host.ipBatch([
    ...namespaces.map(([name]) => `link set ${name} up`),
    ...[four, six].flatMap((at, i) => [
      own(at.gateway, 'pod', i === 0 ? 24 : 64),
      own(at.link, 'peer', i === 0 ? 24 : 64),
      own(at.node, 'outside', i === 0 ? 24 : 64),
    ]),
    'route add 10.244.2.0/24 via 198.18.0.2',
    'route add fd00:0:0:2::/64 via fd18::2',
  ])
  for (const [name, namespace] of namespaces) {
    const key = name as 'pod' | 'peer' | 'outside'
    const near = { pod: 'gateway', peer: 'link', outside: 'node' } as const
    await namespace.ipBatch([
      'link set lo up',
      'link set eth0 up',
      ...[four, six].flatMap((at, i) => [
        own(key === 'peer' ? at.linkPeer : at[key], 'eth0', i === 0 ? 24 : 64),
        ...(key === 'peer' ? [own(at.peer, 'lo', i === 0 ? 32 : 128)] : []),
      ]),
      ...[four, six].map((at) => `route add default via ${at[near[key]]}`),
    ])
    stations.set(name, new Station(namespace))
  }
  stations.set('node', new Station(host))
  await host.exec('nft', [SURROUNDINGS])
  const ports = MODES.flatMap(([name]) => [portOf(name), startPortOf(name)])
  await station('pod').listen(ports, [four.pod, six.pod])
  await station('peer').listen(ports, [four.peer, six.peer])
  await station('outside').listen(ports, [four.outside, six.outside], [four.group, six.group], 'eth0')
})
afterAll(async () => {
  for (const one of stations.values()) await one[Symbol.asyncDispose]()
  await lab[Symbol.asyncDispose]()
})

function station(name: string): Station {
  const found = stations.get(name)
  if (found === undefined) throw new Error(`no station ${name}`)
  return found
}

interface Case {
  readonly label: string
  readonly expected: string
  readonly id: string
  readonly receiver: string
  readonly sender: string
  readonly source: string
  readonly isMulticast: boolean
}

/** Sends a datagram of every kind; what became of each is known once all have been answered. */
async function verdicts(mode: string): Promise<readonly (Case & { readonly verdict: string })[]> {
  const cases: Case[] = []
  for (const family of FAMILIES) {
    for (const { mark, sourcePort } of MARKS) {
      for (const flow of FLOWS) cases.push(sendOne(mode, family, mark, sourcePort, flow))
    }
  }
  // A masqueraded flow is answered like any other: the answer finds its way back.
  const missing = () => [
    ...[...stations.values()].flatMap(({ failures }) => failures),
    ...cases
      .filter(
        ({ sender, receiver, id, isMulticast }) =>
          !station(receiver).received.has(id) || !(isMulticast || station(sender).answered.has(id)),
      )
      .map(({ id }) => id),
  ]
  await until('datagrams and their answers', () => missing().length === 0 || undefined).catch((error) => {
    throw new Error(`missing: ${missing().join('; ')}`, { cause: error })
  })
  return cases.map((one) => ({
    ...one,
    verdict: station(one.receiver).received.get(one.id) === one.source ? KEPT : NODE,
  }))
}

function sendOne(
  mode: string,
  family: Family,
  mark: number,
  sourcePort: number,
  [sender, from, receiver, to, unmarked]: (typeof FLOWS)[number],
): Case {
  const at = ADDRESSES[family]
  const isMulticast = to === 'group'
  const id = `${mode} ${family} ${mark} ${sender} ${from} ${receiver} ${to}`
  const device = isMulticast ? (family === 4 ? at.node : 'outside') : undefined
  station(sender).send({ id, from: at[from], sourcePort, to: at[to], port: portOf(mode), device })
  return {
    label: `IPv${family}  ${at[from]} to ${at[to]}, mark 0x${mark.toString(16)}`,
    expected: (mark & 0x4000) === 0 ? unmarked : KEPT,
    id,
    sender,
    receiver,
    source: at[from],
    isMulticast,
  }
}

test('the same verdict for every packet, by iptables, its legacy variant and nftables', async () => {
  const rows: string[][] = []
  for (const [mode, enableNFTables, iptables] of MODES) {
    await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables })
    const desired = rulesets(enableNFTables, { network: '10.244.0.0/16', subnet: '10.244.1.0/24' })
    await write(driver, desired.map(put))
    for (const [i, { label, expected, verdict }] of (await verdicts(mode)).entries()) {
      rows[i] ??= [label, expected]
      rows[i]?.push(verdict)
    }
    await write(driver, desired.map(remove))
  }
  const head = ['packet', 'expected', ...MODES.map(([name]) => name)]
  process.stdout.write(`${table([head, ...rows]).join('\n')}\n`)
  expect(rows).toEqual(rows.map(([label, expected]) => [label, expected, expected, expected, expected]))
})

test('no packet meets half a ruleset: a thousand new flows a second, over restarts, changes of networks and of modes', async () => {
  const NETWORK = '10.244.0.0/16'
  const first = { network: NETWORK, subnet: '10.244.1.0/24' }
  const exceptions = Array.from({ length: 100 }, (_, i) => `203.0.113.${i}/32`)
  const driver = (iptables: IptablesVariant) =>
    firewall({ namespace: `/run/netns/${host.namespace}`, iptables })
  await using nft = driver('nft')
  await using legacy = driver('legacy')
  await write(nft, rulesets(false, first).map(put))
  const { pod, outside, node } = ADDRESSES[4]
  const withoutRoom = await datagramsWithoutRoom(around('outside'))
  const end = station('pod').stream('stream', pod, outside, portOf('nftables'))
  const seen = () => [...station('outside').received].filter(([id]) => id.startsWith('stream '))
  /** Another process, which knows nothing of what was written before. */
  const restart = async (iptables: IptablesVariant, enableNFTables: boolean) => {
    await using again = driver(iptables)
    await write(again, rulesets(enableNFTables, first).map(put))
  }
  // Each change in the midst of the stream.
  const changes: (() => Promise<void>)[] = [
    () => restart('nft', false),
    () => write(nft, rulesets(false, first, { exceptions }).map(put)),
    () => write(nft, rulesets(false, { network: NETWORK, subnet: '10.244.9.0/24' }).map(put)),
    () => write(nft, rulesets(false, { network: '10.244.0.0/15', subnet: '10.244.1.0/24' }).map(put)),
    () => write(nft, [...rulesets(true, first).map(put), ...rulesets(false, first).map(remove)]),
    () => restart('nft', true),
    () => write(nft, rulesets(true, first, { exceptions }).map(put)),
    () => write(nft, rulesets(true, { network: NETWORK, subnet: '10.244.9.0/24' }).map(put)),
    async () => {
      await write(legacy, rulesets(false, first).map(put))
      await write(nft, rulesets(true, first).map(remove))
    },
    () => restart('legacy', false),
    () => write(legacy, rulesets(false, first, { exceptions }).map(put)),
    () => write(legacy, rulesets(false, { network: NETWORK, subnet: '10.244.9.0/24' }).map(put)),
  ]
  for (const change of changes) {
    const before = seen().length
    await until('packets before the change', () => seen().length > before + 50 || undefined)
    await change()
  }
  const sent = await end()
  const lost = async () => sent - seen().length - (await withoutRoom())
  await until('the last packet', async () => (await lost()) === 0 || undefined).catch(() => undefined)
  const sources = seen().map(([, from]) => from)
  expect({
    lost: await lost(),
    unmasqueraded: sources.filter((from) => from !== node).length,
  }).toEqual({
    lost: 0,
    unmasqueraded: 0,
  })
  expect(sent).toBeGreaterThan(changes.length * 50)
  await write(legacy, rulesets(false, first).map(remove))
})

test.each(MODES)(
  '%s: no packet is lost at the start; from one packet on all are masqueraded',
  async (mode, enableNFTables, iptables) => {
    const desired = rulesets(enableNFTables, { network: '10.244.0.0/16', subnet: '10.244.1.0/24' })
    await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables })
    const { pod, outside, node } = ADDRESSES[4]
    const id = `start of ${mode}`
    const withoutRoom = await datagramsWithoutRoom(around('outside'))
    const end = station('pod').stream(id, pod, outside, startPortOf(mode))
    const seen = () => [...station('outside').received].filter(([one]) => one.startsWith(`${id} `))
    const hasSeen = (more: number, from: string) =>
      until(
        `packets from ${from}`,
        () => seen().filter(([, source]) => source === from).length > more || undefined,
      )
    await hasSeen(50, pod)
    await write(driver, desired.map(put))
    await hasSeen(50, node)
    const sent = await end()
    const lost = async () => sent - seen().length - (await withoutRoom())
    await until('the last packet', async () => (await lost()) <= 0 || undefined)
    const sources = seen().map(([, from]) => from)
    expect(new Set(sources.slice(sources.indexOf(node)))).toEqual(new Set([node]))
    await write(driver, desired.map(remove))
  },
)
