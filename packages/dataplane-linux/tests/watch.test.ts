import { execFileSync, spawn } from 'node:child_process'
import type { Driver, DriverEvent } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { KernelCache } from '../src/cache/kernel-cache.js'
import { KernelState } from '../src/cache/kernel-state.js'
import { linux } from '../src/index.js'
import { collectLinkTypes } from '../src/link-types/index.js'
import { NetlinkConnection } from '../src/netlink/index.js'
import { readLink, writeGetLink } from '../src/rtnetlink/index.js'
import { watchKernel } from '../src/watch/watch.js'
import { TestNamespace, until } from './namespace.js'
import { deletes, done, peer, puts, SCOPE, vxlan } from './overlay-samples.js'

let namespace: TestNamespace
let driver: Driver<KernelResource>
let controller: AbortController
let events: AsyncIterator<DriverEvent>
let next: Promise<IteratorResult<DriverEvent>>

beforeEach(async () => {
  namespace = new TestNamespace()
  // Otherwise eth0's link-local address is a change a second or two later, when it turns out to be unique.
  for (const scope of ['all', 'default']) {
    namespace.exec('sysctl', '-qw', `net.ipv6.conf.${scope}.accept_dad=0`)
  }
  namespace.addExternalInterface('192.168.0.1/24')
  driver = linux({ namespace: namespace.path, interface: 'eth0', nexthopThreshold: 4 })
  controller = new AbortController()
  await driver.snapshot(SCOPE)
  watch()
  await done(driver, puts(vxlan()))
  await driver.snapshot(SCOPE)
  await settle()
})

afterEach(async () => {
  controller.abort()
  await driver[Symbol.asyncDispose]()
  namespace[Symbol.dispose]()
})

function watch(): void {
  const watching = driver.watch?.({ signal: controller.signal })
  if (watching === undefined) throw new Error('no watch')
  events = watching[Symbol.asyncIterator]()
  next = events.next()
}

/** The type of the next event, or `quiet` where none comes within `milliseconds`. */
async function within(milliseconds: number): Promise<string> {
  const quiet = new Promise<string>((resolve) => setTimeout(resolve, milliseconds, 'quiet'))
  const first = await Promise.race([
    next.then(({ value, done: isDone }) => (isDone ? 'end' : value.type)),
    quiet,
  ])
  if (first !== 'quiet' && first !== 'end') next = events.next()
  return first
}

/** Waits until everything that has happened is reported. */
async function settle(): Promise<void> {
  while ((await within(150)) !== 'quiet') await driver.snapshot(SCOPE)
}

/** Collects the events of a watch with a cache of its own, until the test aborts it. */
function collect(cache: KernelCache, ownPort: number, receiveBuffer?: number) {
  const { signal } = controller
  const reported: string[] = []
  const watching = watchKernel({
    namespace: namespace.path,
    ownPort,
    hasNexthops: true,
    cache,
    linkTypes: collectLinkTypes([]),
    signal,
    receiveBuffer,
  })
  const reader = (async () => {
    for await (const { type } of watching) reported.push(type)
  })()
  return { reported, reader }
}

const QUIET = 200

describe('is not woken', () => {
  it('by its own writes, also through nexthop objects', async () => {
    const peers = Array.from({ length: 50 }, (_, index) => peer(index))
    const all = peers.flatMap(({ fdb, neighbour, route }) => [fdb, neighbour, route])
    await done(driver, puts(...all))
    expect(await within(QUIET)).toBe('quiet')
    await done(driver, deletes(...all.reverse()))
    expect(await within(QUIET)).toBe('quiet')
  })

  it('by pods that come and go, their bridge, addresses, neighbours and routes', async () => {
    namespace.ip('link add cni0 type bridge')
    namespace.ip('link set cni0 up')
    namespace.ip('address add 10.244.1.1/24 dev cni0')
    for (let pod = 0; pod < 5; pod += 1) {
      namespace.ip(`link add veth${pod} type veth peer name pod${pod}`)
      namespace.ip(`link set veth${pod} master cni0 up`)
      namespace.ip(`link set pod${pod} up`)
      namespace.ip(`neighbour add 10.244.1.${pod + 2} lladdr 02:cc:00:00:00:0${pod} dev cni0 nud permanent`)
      namespace.ip(`route add 172.16.${pod}.0/24 via 10.244.1.${pod + 2} dev cni0`)
      namespace.ip(`link del veth${pod}`)
    }
    expect(await within(QUIET)).toBe('quiet')
  })

  it('by another overlay on the host', async () => {
    const other = linux({ namespace: namespace.path })
    const theirs = vxlan({
      name: 'flannel.9',
      alias: 'another',
      settings: { vni: 9, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
    })
    namespace.ip('route add 172.16.0.0/24 via 192.168.0.9 dev eth0 proto 157')
    await done(other, puts(theirs))
    namespace.ip('route add 172.17.0.0/24 via 172.17.0.0 dev flannel.9 onlink proto 157')
    await other[Symbol.asyncDispose]()
    expect(await within(QUIET)).toBe('quiet')
  })

  it('by policy rules that do not decide by the destination alone', async () => {
    namespace.ip('rule add from 10.244.1.7 lookup 100')
    namespace.ip('rule add fwmark 0x8/0xf to 192.168.0.7 lookup 100')
    namespace.ip('rule add iif eth0 lookup 100')
    namespace.ip('-6 rule add ipproto udp dport 53 lookup 100')
    expect(await within(QUIET)).toBe('quiet')
  })

  it('by what passes on its own link: entries that are not permanent', async () => {
    namespace.ip('neighbour add 10.0.9.1 lladdr 02:cc:00:00:00:01 dev flannel.1 nud stale')
    namespace.ip('neighbour del 10.0.9.1 dev flannel.1')
    namespace.bridge('fdb add 02:cc:00:00:00:02 dev flannel.1 dst 192.168.0.9 self dynamic')
    expect(await within(QUIET)).toBe('quiet')
  })
})

describe('is woken', () => {
  it('by the external interface that goes and comes back', async () => {
    namespace.ip('link del eth0')
    expect(await within(5_000)).toBe('changed')
    await settle()
    namespace.ip('link add eth0 type veth peer name wire')
    expect(await within(5_000)).toBe('changed')
    await settle()
    namespace.ip('address add 192.168.0.5/24 dev eth0')
    expect(await within(5_000)).toBe('changed')
  })

  it('by a route that sends part of the host’s own network to a gateway, and by its end', async () => {
    namespace.ip('route add 192.168.0.128/25 via 192.168.0.9 dev eth0')
    expect(await within(5_000)).toBe('changed')
    await settle()
    namespace.ip('route del 192.168.0.128/25')
    expect(await within(5_000)).toBe('changed')
  })

  it('by a link that goes down, with which the kernel drops routes of the host’s own network silently', async () => {
    namespace.ip('link add tun1 type veth peer name tun1p')
    namespace.ip('link set tun1 up')
    namespace.ip('route add 192.168.0.200 dev tun1')
    await settle()
    await driver.externalInterface?.()
    namespace.ip('link set tun1p up') // says nothing about peers
    expect(await within(QUIET)).toBe('quiet')
    namespace.ip('link set tun1 down')
    expect(await within(5_000)).toBe('changed')
  })

  it('by a policy rule for part of the host’s own network, by a change of its table, and by its end', async () => {
    for (const line of [
      'rule add to 192.168.0.128/25 lookup 100',
      'route add 192.0.0.0/8 via 192.168.0.9 dev eth0 table 100',
      'rule del to 192.168.0.128/25',
      '-6 rule add to fd00::/64 lookup 100',
    ]) {
      namespace.ip(line)
      expect(await within(5_000), line).toBe('changed')
      await settle()
    }
  })

  it('by a default route that comes', async () => {
    namespace.ip('route add default via 192.168.0.254')
    expect(await within(5_000)).toBe('changed')
  })

  it('once for a hundred changes that come at once', async () => {
    await done(driver, puts(...Array.from({ length: 100 }, (_, index) => peer(index).fdb)))
    namespace.exec(
      'sh',
      '-c',
      Array.from(
        { length: 100 },
        (_, index) => `bridge fdb del ${peer(index).fdb.macAddress} dev flannel.1 self`,
      ).join(';'),
    )
    expect(await within(5_000)).toBe('changed')
    let more = 0
    while ((await within(QUIET)) !== 'quiet') more += 1
    // The queue holds one while the reader is busy with another.
    expect(more).toBeLessThan(100)
  })

  it('by a nexthop object of ours that is deleted, and the routes with it', async () => {
    await done(driver, puts(...Array.from({ length: 10 }, (_, index) => peer(index).route)))
    const [nexthop] = namespace.ipJson('nexthop show')
    namespace.ip(`nexthop del id ${nexthop?.id}`)
    expect(await within(5_000)).toBe('changed')
  })
})

it('a change that comes while a snapshot is being read is judged by what was read', async () => {
  const [read, notRead] = [peer(0).neighbour, peer(1).neighbour]
  await done(driver, puts(read, notRead))
  const connection = new NetlinkConnection({ namespace: namespace.path })
  const cache = new KernelCache()
  const links = await connection.dump('reading links', writeGetLink, readLink)
  const link = links.find(({ name }) => name === 'flannel.1')
  const stateWith = (...keys: string[]): KernelState => {
    const state = new KernelState(SCOPE, 157)
    if (link !== undefined) state.ownLinks.set(link.index, link.name)
    for (const key of keys) state.neighbours.add(key)
    return state
  }
  cache.ensure(() => stateWith(read.key, notRead.key))
  const { reported, reader } = collect(cache, connection.port)
  /** A snapshot that takes so long that the notification arrives before it ends. */
  const reading = (gone: string, state: KernelState): Promise<unknown> =>
    cache.refresh(async () => {
      namespace.ip(`neighbour del ${gone} dev flannel.1`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      return { state }
    })
  await reading(notRead.address, stateWith(read.key))
  expect(reported, 'read after the deletion').toEqual([])
  await reading(read.address, stateWith(read.key))
  await until('the change is reported', () => reported.length > 0)
  expect(reported, 'read before the deletion').toEqual(['changed'])
  controller.abort()
  await reader
  await connection[Symbol.asyncDispose]()
})

describe('when the driver writes thousands of fdb entries', () => {
  const peers = Array.from({ length: 20_000 }, (_, index) => peer(index))

  it('it is woken by an entry that another process replaces meanwhile', async () => {
    const [victims, others] = [peers.slice(0, 100), peers.slice(100)]
    await done(driver, puts(...victims.map(({ fdb }) => fdb)))
    const wrong = victims.map(({ fdb }) => `fdb replace ${fdb.macAddress} dev flannel.1 dst 192.0.2.99`)
    const writing = done(driver, puts(...others.map(({ fdb }) => fdb)))
    await Promise.all([writing, namespace.bridgeBatchOnce(others[0]?.fdb.macAddress ?? '', wrong)])
    expect(await within(5_000)).toBe('changed')
  })

  it('it is not woken by its own', async () => {
    await done(driver, puts(...peers.map(({ fdb }) => fdb)))
    expect(await within(1_000)).toBe('quiet')
  })

  it('it is not woken by those that a snapshot overtakes', async () => {
    await done(driver, puts(...peers.map(({ fdb }) => fdb)))
    await driver.snapshot(SCOPE)
    expect(await within(1_000)).toBe('quiet')
  })

  it('it is woken by one that is deleted, and by one that is replaced afterwards', async () => {
    await done(driver, puts(...peers.slice(0, 1_000).map(({ fdb }) => fdb)))
    namespace.bridge(`fdb del ${peer(0).fdb.macAddress} dev flannel.1`)
    expect(await within(5_000)).toBe('changed')
    await driver.snapshot(SCOPE)
    namespace.bridge(`fdb replace ${peer(1).fdb.macAddress} dev flannel.1 dst 192.0.2.99`)
    expect(await within(5_000)).toBe('changed')
  })
})

describe('names the program that changed something', () => {
  /** `ip`, which stays until the test ends. */
  function lastingIp(): { readonly pid: number; run(command: string): void } {
    const child = spawn('ip', ['-n', namespace.name, '-batch', '-'], { stdio: ['pipe', 'ignore', 'ignore'] })
    onTestFinished(() => void child.kill())
    return { pid: child.pid ?? 0, run: (command) => void child.stdin.write(`${command}\n`) }
  }

  const route = () => done(driver, puts(peer(1).fdb, peer(1).neighbour, peer(1).route))

  it('by its process id, and by its name while it runs', async () => {
    await route()
    await settle()
    const { pid, run } = lastingIp()
    run(`route del ${peer(1).route.destination}`)
    expect((await next).value).toEqual({ type: 'changed', by: { pid, name: 'ip' } })
  })

  it('not by the name of a process that happens to have its id', async () => {
    await route()
    await settle()
    // In a new pid namespace the process has a small id, such as 1, which here belongs to another process.
    execFileSync('unshare', [
      '--pid',
      '--fork',
      'ip',
      '-n',
      namespace.name,
      'link',
      'set',
      'flannel.1',
      'down',
    ])
    const { by } = (await next).value
    expect(by === undefined || by.name === undefined).toBe(true)
  })

  it('of several changes by the program of the first', async () => {
    await route()
    await settle()
    const { pid, run } = lastingIp()
    run(`neighbour del ${peer(1).neighbour.address} dev flannel.1`)
    const entries = () => namespace.ip('neighbour show dev flannel.1')
    await until('the neighbour is gone', () => !entries().includes(peer(1).neighbour.address))
    namespace.ip(`route del ${peer(1).route.destination}`)
    expect((await next).value).toMatchObject({ by: { pid } })
  })
})

it('an overrun is reported, and the watch goes on', async () => {
  const connection = new NetlinkConnection({ namespace: namespace.path })
  const links = await connection.dump('reading links', writeGetLink, readLink)
  const cache = new KernelCache()
  const state = cache.ensure(() => new KernelState(SCOPE, 157))
  for (const { index, name } of links) if (name === 'flannel.1') state.ownLinks.set(index, name)
  const { reported, reader } = collect(cache, connection.port, 4096)
  // Written by another connection, so that each is foreign.
  await done(driver, puts(...Array.from({ length: 2_000 }, (_, index) => peer(index).neighbour)))
  const deadline = performance.now() + 5_000
  while (!reported.includes('overrun') && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(reported).toContain('overrun')
  controller.abort()
  await reader
  await connection[Symbol.asyncDispose]()
})
