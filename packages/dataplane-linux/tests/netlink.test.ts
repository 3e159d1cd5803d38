import { readlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { vxlan } from '../src/link-types/vxlan.js'
import {
  inNamespace,
  type MessageWriter,
  NetlinkConnection,
  NetlinkError,
  NetlinkMonitor,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../src/netlink/index.js'
import {
  AF_BRIDGE,
  AF_INET,
  isDeletion,
  type LinkMessage,
  type RouteRequest,
  RTM_DELROUTE,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_LINK,
  readLink,
  readNeighbour,
  readRoute,
  writeGetLink,
  writeGetNeighbours,
  writeGetRoutes,
  writeNeighbour,
  writeNewLink,
  writeRoute,
} from '../src/rtnetlink/index.js'
import { TestNamespace, until } from './namespace.js'

let namespace: TestNamespace
let connection: NetlinkConnection

beforeEach(() => {
  namespace = new TestNamespace()
  namespace.ip('link add parent type veth peer name other')
  namespace.ip('address add 192.168.64.3/24 dev parent')
  namespace.ip('link set parent up')
  namespace.ip('link set other up')
  connection = new NetlinkConnection({ namespace: namespace.path })
})

afterEach(async () => {
  await connection[Symbol.asyncDispose]()
  namespace[Symbol.dispose]()
})

const links = (): Promise<LinkMessage[]> => connection.dump('reading links', writeGetLink, readLink)

async function linkNamed(name: string): Promise<LinkMessage> {
  const link = (await links()).find((candidate) => candidate.name === name)
  if (link === undefined) throw new Error(`no link ${name}`)
  return link
}

async function makeVxlan(): Promise<LinkMessage> {
  const parent = await linkNamed('parent')
  await connection.request(
    'creating flannel.1',
    (writer, flags, sequence) =>
      writeNewLink(writer, flags | NLM_F_CREATE | NLM_F_EXCL, sequence, {
        name: 'flannel.1',
        mtu: 1450,
        address: 'c6:d2:32:6f:8f:44',
        kind: 'vxlan',
        up: true,
        writeData: (data) =>
          vxlan.encode(
            { vni: 1, port: 8472, local: '192.168.64.3', parent: 'parent', learning: false, gbp: true },
            data,
            () => parent.index,
          ),
      }),
    () => undefined,
  )
  // The kernel ignores an alias in the request that creates a link.
  await connection.request(
    'marking flannel.1',
    (writer, flags, sequence) =>
      writeNewLink(writer, flags, sequence, { name: 'flannel.1', alias: 'selvedge test' }),
    () => undefined,
  )
  return linkNamed('flannel.1')
}

/** Peer number `index`'s route, as a large cluster has them. */
const routeOf = (index: number, oif: number): RouteRequest => ({
  destination: `10.${index >> 8}.${index & 255}.0/24`,
  table: 254,
  protocol: 157,
  gateway: `10.${index >> 8}.${index & 255}.0`,
  oif,
  onLink: true,
})

const putRoutes = (count: number, oif: number) =>
  batch(connection, count, (writer, index, sequence) =>
    writeRoute(
      writer,
      RTM_NEWROUTE,
      NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE,
      sequence,
      routeOf(index, oif),
    ),
  )

/** Sends requests that are numbers, and returns the failures by number. */
async function batch(
  to: NetlinkConnection,
  count: number,
  write: (writer: MessageWriter, number: number, sequence: number) => void,
): Promise<ReadonlyMap<number, NetlinkError>> {
  const requests = Array.from({ length: count }, (_, number) => ({ number }))
  const failures = await to.batch(requests, {
    write: (writer, { number }, sequence) => write(writer, number, sequence),
    describe: ({ number }) => `request ${number}`,
  })
  return new Map([...failures].map(([{ number }, error]) => [number, error]))
}

const routes = () =>
  connection.dump(
    'reading routes',
    (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, { family: AF_INET, protocol: 157 }),
    readRoute,
  )

describe('request', () => {
  it('creates a link that ip shows as requested', async () => {
    const link = await makeVxlan()
    expect(link).toMatchObject({ mtu: 1450, address: 'c6:d2:32:6f:8f:44', alias: 'selvedge test' })
    const [shown] = namespace.ipJson('link show dev flannel.1')
    expect(shown).toMatchObject({
      ifname: 'flannel.1',
      mtu: 1450,
      address: 'c6:d2:32:6f:8f:44',
      ifalias: 'selvedge test',
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 1, local: '192.168.64.3', link: 'parent', port: 8472, learning: false, gbp: true },
      },
    })
    expect(shown?.flags).toContain('UP')
  })

  it('rejects with the kernel’s errno and its own words', async () => {
    await makeVxlan()
    await expect(makeVxlan()).rejects.toMatchObject({
      name: 'NetlinkError',
      reason: 'refused',
      errno: 'EEXIST',
      message: expect.stringContaining('creating flannel.1: the kernel answered EEXIST'),
    })
    const badMtu = connection.request(
      'setting the MTU of flannel.1',
      (writer, flags, sequence) => writeNewLink(writer, flags, sequence, { name: 'flannel.1', mtu: 100_000 }),
      () => undefined,
    )
    await expect(badMtu).rejects.toThrow(/EINVAL: mtu greater than device maximum/)
  })

  it('returns what was asked for', async () => {
    const [link] = await connection.request(
      'looking up parent',
      (writer, flags, sequence) => writeGetLink(writer, flags, sequence, { name: 'parent' }),
      readLink,
    )
    expect(link).toMatchObject({ name: 'parent', kind: 'veth' })
  })

  it('rejects with the signal’s own reason, and once closed with an error that says so', async () => {
    const reason = new Error('enough')
    const aborted = connection.dump('reading links', writeGetLink, readLink, {
      signal: AbortSignal.abort(reason),
    })
    await expect(aborted).rejects.toBe(reason)
    const closed = new NetlinkConnection({ namespace: namespace.path })
    await closed[Symbol.asyncDispose]()
    await expect(closed.dump('reading links', writeGetLink, readLink)).rejects.toMatchObject({
      reason: 'closed',
    })
  })
})

describe('dump', () => {
  it('is filtered by the kernel', async () => {
    const { index } = await makeVxlan()
    await putRoutes(3, index)
    namespace.ip('route add 172.16.0.0/12 via 192.168.64.1')
    expect((await routes()).map((route) => route.destination)).toEqual([
      '10.0.0.0/24',
      '10.0.1.0/24',
      '10.0.2.0/24',
    ])
  })

  /** More links than one part of a dump holds; the kernel makes the next part when this one has been read. */
  function addManyLinks(): void {
    namespace.ipBatch(
      Array.from({ length: 80 }, (_, index) => `link add a${index} type veth peer name b${index}`),
    )
  }

  it('lets the event loop turn while a table is read', async () => {
    addManyLinks()
    let isDone = false
    let turns = 0
    const count = (): void => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    await connection.dump('reading links', writeGetLink, () => {
      for (const until = performance.now() + 1; performance.now() < until; );
    })
    isDone = true
    expect(turns).toBeGreaterThan(3)
  })

  it('is restarted if it was interrupted', async () => {
    addManyLinks()
    let passes = 0
    const names = await connection.dump('reading links', writeGetLink, (message) => {
      const { index, name } = readLink(message)
      if (index === 1) passes += 1
      if (index === 1 && passes < 3) namespace.ip(`link add late${passes} type bridge`)
      return name
    })
    expect(passes).toBe(3)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toHaveLength(165)
    expect(names).toContain('late2')
  })

  it('rejects if it is interrupted every time', async () => {
    addManyLinks()
    let passes = 0
    const reading = connection.dump('reading links', writeGetLink, (message) => {
      const { index } = readLink(message)
      if (index !== 1) return
      passes += 1
      namespace.ip(passes % 2 === 1 ? 'link add late type bridge' : 'link del late')
    })
    await expect(reading).rejects.toMatchObject({ reason: 'interrupted' })
    expect(passes).toBe(20)
    await expect(links()).resolves.toHaveLength(163)
  })

  it('rejects if a message cannot be decoded, and leaves the connection usable', async () => {
    addManyLinks()
    const failure = new TypeError('unreadable')
    const reading = connection.dump('reading links', writeGetLink, () => {
      throw failure
    })
    await expect(reading).rejects.toMatchObject({ cause: failure })
    await expect(links()).resolves.toHaveLength(163)
  })
})

describe('batch', () => {
  it('carries out thousands, and returns exactly those that failed', async () => {
    const { index } = await makeVxlan()
    const failures = await batch(connection, 10_000, (writer, number, sequence) =>
      writeRoute(writer, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, sequence, {
        ...routeOf(number, number % 1000 === 7 ? 4711 : index),
        // Without gateways, for which the kernel needs quadratic time (README).
        gateway: undefined,
        onLink: false,
        scope: 253,
      }),
    )
    expect([...failures.keys()]).toEqual(Array.from({ length: 10 }, (_, thousand) => thousand * 1000 + 7))
    expect(failures.get(7)).toMatchObject({ errno: 'ENODEV' })
    expect(await routes()).toHaveLength(9_990)
  })

  it('attributes every failure if all fail', async () => {
    const failures = await batch(connection, 9_000, (writer, number, sequence) =>
      writeRoute(writer, RTM_DELROUTE, NLM_F_REQUEST, sequence, routeOf(number, 1)),
    )
    expect(failures.size).toBe(9_000)
    expect(new Set([...failures.values()].map(({ errno }) => errno))).toEqual(new Set(['ESRCH']))
  })

  it('reports answers that the receive buffer was too small for as lost', async () => {
    const small = new NetlinkConnection({ namespace: namespace.path, receiveBuffer: 4096 })
    const failures = await batch(small, 3_000, (writer, number, sequence) =>
      writeRoute(writer, RTM_DELROUTE, NLM_F_REQUEST, sequence, routeOf(number, 1)),
    )
    expect(failures.size).toBe(3_000)
    expect(failures.get(0)).toMatchObject({ errno: 'ESRCH' })
    expect(failures.get(2_999)).toMatchObject({ reason: 'lost', operation: 'request 2999' })
    // The connection stays usable.
    await expect(small.dump('reading links', writeGetLink, readLink)).resolves.toHaveLength(3)
    await small[Symbol.asyncDispose]()
  })

  it('writes fdb entries that bridge shows', async () => {
    const { index } = await makeVxlan()
    const failures = await batch(connection, 2, (writer, number, sequence) =>
      writeNeighbour(writer, RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, sequence, {
        family: AF_BRIDGE,
        index,
        destination: `192.168.64.${number + 4}`,
        macAddress: `c6:d2:32:6f:8f:0${number}`,
      }),
    )
    expect(failures.size).toBe(0)
    const shown = namespace.bridgeJson('fdb show dev flannel.1')
    expect(shown.sort((a, b) => String(a.mac).localeCompare(String(b.mac)))).toMatchObject([
      { mac: 'c6:d2:32:6f:8f:00', dst: '192.168.64.4', flags: ['self'], state: 'permanent' },
      { mac: 'c6:d2:32:6f:8f:01', dst: '192.168.64.5', flags: ['self'], state: 'permanent' },
    ])
    const entries = await connection.dump(
      'reading fdb',
      (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family: AF_BRIDGE, index }),
      readNeighbour,
    )
    const read = entries.map(({ macAddress, destination, differs }) => [macAddress, destination, differs])
    expect(read.sort()).toEqual([
      ['c6:d2:32:6f:8f:00', '192.168.64.4', false],
      ['c6:d2:32:6f:8f:01', '192.168.64.5', false],
    ])
  })
})

describe('monitor', () => {
  it('distinguishes own writes from those of others', async () => {
    const { index } = await makeVxlan()
    const received: { destination: string | undefined; gone: boolean; port: number }[] = []
    const monitor = new NetlinkMonitor({
      namespace: namespace.path,
      groups: [RTNLGRP_IPV4_ROUTE],
      onNotification: (message) =>
        received.push({
          destination: readRoute(message)?.destination,
          gone: isDeletion(message.type),
          port: message.port,
        }),
      onOverrun: () => expect.fail('nothing can overrun here'),
      onError: (error) => expect.fail(String(error)),
    })
    await putRoutes(1, index)
    namespace.ip('route del 10.0.0.0/24')
    await until('both are received', () => received.length >= 2)
    monitor.close()
    expect(received).toEqual([
      { destination: '10.0.0.0/24', gone: false, port: connection.port },
      { destination: '10.0.0.0/24', gone: true, port: expect.not.toSatisfy((p) => p === connection.port) },
    ])
  })

  it('receives only what others cause if it ignores a port', async () => {
    const { index } = await makeVxlan()
    const received: (string | undefined)[] = []
    const monitor = new NetlinkMonitor({
      namespace: namespace.path,
      groups: [RTNLGRP_IPV4_ROUTE],
      ignoredPort: connection.port,
      onNotification: (message) => received.push(readRoute(message)?.destination),
      onOverrun: () => expect.fail('nothing can overrun here'),
      onError: (error) => expect.fail(String(error)),
    })
    await putRoutes(1_000, index)
    namespace.ip('route add 172.16.0.0/12 via 192.168.64.1')
    await until('the other’s is received', () => received.length > 0)
    monitor.close()
    expect(received).toEqual(['172.16.0.0/12'])
  })

  it('survives an overrun and reports it', async () => {
    const { index } = await makeVxlan()
    let overruns = 0
    let notifications = 0
    const monitor = new NetlinkMonitor({
      namespace: namespace.path,
      groups: [RTNLGRP_IPV4_ROUTE, RTNLGRP_LINK],
      receiveBuffer: 4096,
      onNotification: () => {
        notifications += 1
      },
      onOverrun: () => {
        overruns += 1
      },
      onError: (error) => expect.fail(String(error)),
    })
    await putRoutes(1_000, index)
    await until('the overrun is reported', () => overruns > 0)
    const before = notifications
    namespace.ip('route add 172.16.0.0/12 via 192.168.64.1')
    await until('it receives again', () => notifications > before)
    monitor.close()
    expect(before).toBeLessThan(1_000)
  })
})

describe('inNamespace', () => {
  const own = () => readlinkSync('/proc/thread-self/ns/net')

  it('returns also if the body throws', () => {
    const home = own()
    expect(inNamespace(namespace.path, own)).not.toBe(home)
    expect(own()).toBe(home)
    const failure = new Error('inside')
    expect(() =>
      inNamespace(namespace.path, () => {
        throw failure
      }),
    ).toThrow(failure)
    expect(own()).toBe(home)
  })

  it('rejects a file that is none', () => {
    const home = own()
    const failures = [
      ['/run/netns/slv-none', /opening network namespace.*ENOENT/],
      ['/proc/thread-self/ns/uts', /not a network namespace/],
    ] as const
    for (const [path, message] of failures) {
      const enter = () => inNamespace(path, own)
      expect(enter).toThrow(NetlinkError)
      expect(enter).toThrow(expect.objectContaining({ reason: 'absent' }))
      expect(enter).toThrow(message)
    }
    expect(own()).toBe(home)
  })
})
