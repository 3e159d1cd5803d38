import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DriverEvent } from '@selvedge/core'
import { Lab, type Namespace, until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandLineOfWatcher } from '../src/command.js'
import { RulesetDriver } from '../src/firewall.js'
import { type Firewall, firewall, type IptablesVariant, type RulesetResource } from '../src/index.js'
import { MODES, type Network, put, remove, rulesets, write } from './rulesets.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
})

const FIRST: Network = { network: '10.244.0.0/16', subnet: '10.244.1.0/24' }
const SECOND: Network = { network: '10.99.0.0/16', subnet: '10.99.7.0/24' }

const SCOPE = { aliases: [], links: [], networks: [] }
const textsOf = async (driver: Firewall) =>
  (await driver.snapshot(SCOPE)).map(({ key, text }) => `${key}\n${text}`)
const textsIn = (resources: readonly RulesetResource[]) => resources.map(({ key, text }) => `${key}\n${text}`)

/** Rules of other programs, before and behind ours, in all that holds rules. */
async function addForeignRules(host: Namespace): Promise<void> {
  for (const variant of ['nft', 'legacy']) {
    await host.exec(`iptables-${variant}-restore`, ['--noflush'], {
      input:
        '*nat\n:KUBE-POSTROUTING - [0:0]\n-A KUBE-POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE\n' +
        '-A POSTROUTING -j KUBE-POSTROUTING\n-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE\nCOMMIT\n' +
        '*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A FORWARD -i docker0 -j ACCEPT\nCOMMIT\n',
    })
  }
  await host.exec('nft', [
    'table inet firewalld { chain forward { type filter hook forward priority 10; policy accept; }; }',
  ])
}

/** How many processes are started meanwhile. */
async function spawnedBy(act: () => Promise<unknown>): Promise<number> {
  let count = 0
  const onSpawn = () => {
    count += 1
  }
  subscribe('child_process', onSpawn)
  await act().finally(() => unsubscribe('child_process', onSpawn))
  return count
}

const OURS_OR_A_DATE = /FLANNEL|flannel|^#/
/** All rules of the host but ours, without what changes by itself. */
async function foreignRules(host: Namespace): Promise<string> {
  const texts = await Promise.all([
    ...['iptables-nft-save', 'iptables-legacy-save'].map((program) => host.exec(program)),
    host.exec('nft', ['list table inet firewalld']),
  ])
  return texts
    .join('\n')
    .split('\n')
    .filter((line) => !OURS_OR_A_DATE.test(line))
    .join('\n')
}

describe.each(MODES)('%s', (_, enableNFTables, iptables) => {
  test('holds exactly the rules of a node: written, changed, restored, removed; no rule of others moves', async () => {
    const host = await lab.addHost()
    const namespace = `/run/netns/${host.namespace}`
    await addForeignRules(host)
    const foreign = await foreignRules(host)
    const first = rulesets(enableNFTables, FIRST)
    await using driver = firewall({ namespace, iptables })
    expect(await textsOf(driver)).toEqual([])
    // For each family: what is there is read, changed, and read again.
    expect(await spawnedBy(() => write(driver, first.map(put)))).toBe(6)
    expect(await textsOf(driver)).toEqual(textsIn(first))
    expect(await foreignRules(host)).toBe(foreign)

    // A restart finds what is there, and a put of it changes nothing: the handles of the rules stay.
    const handles = () => host.exec('nft', ['-a', 'list ruleset'])
    const before = await handles()
    await using again = firewall({ namespace, iptables })
    expect(await textsOf(again)).toEqual(textsIn(first))
    await write(again, first.map(put))
    expect(await handles()).toBe(before)

    const changed = rulesets(enableNFTables, SECOND, {
      exceptions: ['192.0.2.0/24', '198.51.100.7/32', 'fd01::7/128'],
    })
    await write(driver, changed.map(put))
    expect(await textsOf(driver)).toEqual(textsIn(changed))
    expect(await foreignRules(host)).toBe(foreign)

    // Each of ours in turn is deleted by another program.
    const tool = (...args: string[]) => host.exec(`iptables-${iptables}`, args)
    const jump = ['-m', 'comment', '--comment', 'flanneld masq', '-j', 'FLANNEL-POSTRTG']
    const damages = enableNFTables
      ? [
          () => host.exec('nft', ['flush chain ip flannel-ipv4 postrtg']),
          () => host.exec('nft', ['delete table ip flannel-ipv4']),
          () => host.exec('nft', ['add rule ip6 flannel-ipv6 forward drop']),
        ]
      : [
          () => tool('-t', 'nat', '-D', 'FLANNEL-POSTRTG', '3'),
          () => tool('-t', 'nat', '-F', 'FLANNEL-POSTRTG'),
          () => tool('-t', 'nat', '-D', 'POSTROUTING', ...jump),
          () => tool('-t', 'nat', '-A', 'POSTROUTING', ...jump),
          () => tool('-I', 'FLANNEL-FWD', '-j', 'DROP'),
        ]
    for (const damage of damages) {
      await damage()
      expect(await textsOf(again)).not.toEqual(textsIn(changed))
      await write(driver, changed.map(put))
      expect(await textsOf(again)).toEqual(textsIn(changed))
      expect(await foreignRules(host)).toBe(foreign)
    }
    expect((await driver.counts()).length).toBeGreaterThan(0)
    await write(driver, changed.map(remove))
    expect(await textsOf(again)).toEqual([])
    expect(await foreignRules(host)).toBe(foreign)
    expect(await driver.preflight?.([])).toEqual([
      expect.stringContaining('both iptables-nft and iptables-legacy'),
      expect.stringContaining('firewalld runs here'),
    ])
    expect(await spawnedBy(async () => driver.preflight?.([]))).toBe(0)
  })
})

test('the other mode’s rules are found and removed; a tool that is missing is named', async () => {
  const host = await lab.addHost()
  const namespace = `/run/netns/${host.namespace}`
  await using driver = firewall({ namespace, iptables: 'nft' })
  await write(driver, rulesets(false, FIRST).map(put))
  await write(driver, rulesets(true, FIRST).map(put))
  const both = await driver.snapshot(SCOPE)
  expect(both.map(({ key }) => key)).toEqual([
    'ruleset iptables ipv4',
    'ruleset iptables ipv6',
    'ruleset nftables ipv4',
    'ruleset nftables ipv6',
  ])
  await write(driver, both.filter(({ mode }) => mode === 'iptables').map(remove))
  expect(await textsOf(driver)).toEqual(textsIn(rulesets(true, FIRST)))
  await using without = new RulesetDriver({ namespace, iptables: 'no-such' as IptablesVariant })
  expect(await textsOf(without)).toEqual(textsIn(rulesets(true, FIRST)))
  const [result] = await without.apply(rulesets(false, FIRST).map(put))
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'UNSUPPORTED', message: expect.stringContaining('install the package iptables') },
  })
})

test.each(MODES.filter(([name]) => name !== 'iptables-legacy'))(
  '%s: changes by others are reported, and nothing is run while there are none',
  async (_, enableNFTables, iptables) => {
    const host = await lab.addHost()
    const desired = rulesets(enableNFTables, FIRST)
    await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables })
    const stop = new AbortController()
    const changes: DriverEvent[] = []
    const watching = (async () => {
      for await (const event of driver.watch?.({ signal: stop.signal }) ?? []) changes.push(event)
    })()
    await write(driver, desired.map(put))
    const isFree = async () => (await spawnedBy(() => driver.snapshot(SCOPE))) === 0 || undefined
    await until('a snapshot for which nothing is run', isFree)
    expect(changes).toEqual([])
    await host.exec('nft', [
      enableNFTables ? 'flush chain ip flannel-ipv4 forward' : 'flush chain ip filter FLANNEL-FWD',
    ])
    await until('a change', () => changes.length > 0 || undefined)
    expect(changes[0]).toMatchObject({ type: 'changed', by: { name: 'nft' } })
    expect(await textsOf(driver)).not.toEqual(textsIn(desired))
    await write(driver, desired.map(put))
    expect(await textsOf(driver)).toEqual(textsIn(desired))
    stop.abort()
    await watching
  },
)

test('a start reads everything once', async () => {
  // Once for each process, it looks whether there is a program by which the monitor ends with this process.
  await commandLineOfWatcher({ program: 'nft', args: [], namespace: undefined })
  const host = await lab.addHost()
  await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables: 'nft' })
  const stop = new AbortController()
  const watching = (async () => {
    for await (const _ of driver.watch?.({ signal: stop.signal }) ?? []);
  })()
  // Two modes of two families, and the monitor that reports what changes.
  expect(await spawnedBy(() => driver.snapshot(SCOPE))).toBe(5)
  expect(await spawnedBy(() => driver.snapshot(SCOPE))).toBe(0)
  stop.abort()
  await watching
})

test('on iptables-legacy, only that is read again when rules of nftables are held', async () => {
  const host = await lab.addHost()
  const desired = rulesets(true, FIRST)
  await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables: 'legacy' })
  const stop = new AbortController()
  const watching = (async () => {
    for await (const _ of driver.watch?.({ signal: stop.signal }) ?? []);
  })()
  await write(driver, desired.map(put))
  // The two programs of the legacy variant.
  const isCheap = async () => (await spawnedBy(() => driver.snapshot(SCOPE))) === 2 || undefined
  await until('a snapshot that reads iptables-legacy alone', isCheap)
  stop.abort()
  await watching
})

test('the rulesets of two overlays on one host do not meet', async () => {
  const host = await lab.addHost()
  const namespace = `/run/netns/${host.namespace}`
  for (const [enableNFTables, iptables] of [
    [false, 'nft'],
    [false, 'legacy'],
    [true, 'nft'],
  ] as const) {
    await using plain = firewall({ namespace, iptables })
    await using iot = firewall({ namespace, iptables, name: 'iot' })
    const [first, second] = [
      rulesets(enableNFTables, FIRST),
      rulesets(enableNFTables, SECOND, { name: 'iot' }),
    ]
    await write(plain, first.map(put))
    await write(iot, second.map(put))
    expect(await textsOf(plain)).toEqual(textsIn(first))
    expect(await textsOf(iot)).toEqual(textsIn(second))
    expect(await iot.apply(first.map(put))).toMatchObject([
      { ok: false, error: { code: 'INVALID_CONFIG', message: expect.stringContaining("the name 'iot'") } },
      { ok: false },
    ])
    await write(plain, first.map(remove))
    expect(await textsOf(iot)).toEqual(textsIn(second))
    await write(iot, second.map(remove))
    expect(await textsOf(iot)).toEqual([])
  }
  expect(() => firewall({ name: 'a name with spaces' })).toThrow(/1 to 12 letters/)
})

test.each(['legacy', 'nft'] as const)(
  'iptables-%s: a change is found by the timer if the kernel does not report it',
  async (iptables) => {
    const host = await lab.addHost()
    const desired = rulesets(false, FIRST)
    const namespace = `/run/netns/${host.namespace}`
    await using driver = firewall({ namespace, iptables, resyncIntervalMs: 50 })
    const stop = new AbortController()
    let changes = 0
    const watching = (async () => {
      for await (const _ of driver.watch?.({ signal: stop.signal }) ?? []) changes += 1
    })()
    await write(driver, desired.map(put))
    await driver.snapshot(SCOPE)
    await host.exec(`iptables-${iptables}`, ['-F', 'FLANNEL-FWD'])
    await until('a change', () => changes > 0 || undefined)
    expect(await textsOf(driver)).not.toEqual(textsIn(desired))
    stop.abort()
    await watching
  },
)

test('what another program changes between two writes is reported', async () => {
  const host = await lab.addHost()
  const [ipv4, ipv6] = rulesets(true, FIRST).map(put)
  if (ipv4 === undefined || ipv6 === undefined) throw new Error('two families')
  await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables: 'nft' })
  const stop = new AbortController()
  let changes = 0
  const watching = (async () => {
    for await (const _ of driver.watch?.({ signal: stop.signal }) ?? []) changes += 1
  })()
  await driver.snapshot(SCOPE)
  await write(driver, [ipv4])
  await host.exec('nft', ['flush chain ip flannel-ipv4 forward'])
  await write(driver, [ipv6])
  await until('a change', () => changes > 0 || undefined)
  stop.abort()
  await watching
})

test('five thousand exceptions, by iptables and by nftables', async () => {
  const host = await lab.addHost()
  const exceptions = Array.from({ length: 5_000 }, (_, i) => `100.${64 + (i >> 8)}.${i & 255}.0/24`)
  await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables: 'nft' })
  for (const enableNFTables of [false, true]) {
    const desired = rulesets(enableNFTables, FIRST, { exceptions })
    await write(driver, desired.map(put))
    expect(await textsOf(driver)).toEqual(textsIn(desired))
    await write(driver, desired.map(remove))
  }
})
