import { randomInt } from 'node:crypto'
import { chmod, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '@selvedge/conformance'
import { Lab, type NetworkList, type Plugin, PluginFailure, ping, Runtime, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callForAll } from './call-for-all.js'

let lab: Lab
let runtime: Runtime
let networks = 0

const KILLS = 16
/** With so many at once, on one processor. */
const LONGEST_CALL_MS = 1_000

beforeAll(async () => {
  lab = await Lab.create({ hosts: 1 })
  runtime = await Runtime.create(lab.host(0), lab.directory)
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
})

const IPV4 = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n'
const IPV6 = 'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00::1/64\n'
const REST = 'FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n'

interface Files {
  readonly name: string
  readonly subnetFile: string
  readonly dataDir: string
  /** Where host-local keeps its addresses. */
  readonly addresses: string
}

/** A network of its own for a test: a subnet.env, and a bridge that no other has. */
async function network(subnetEnv: string | undefined): Promise<Files> {
  networks += 1
  const name = `net${networks}`
  const folder = join(lab.directory, name)
  const subnetFile = `${folder}.env`
  if (subnetEnv !== undefined) await writeFile(subnetFile, subnetEnv)
  return { name, subnetFile, dataDir: `${folder}-kept`, addresses: `${folder}-addresses` }
}

const flannel = ({ name, subnetFile, dataDir, addresses }: Files, delegate: object = {}): Plugin => ({
  type: 'flannel',
  subnetFile,
  dataDir,
  delegate: { bridge: `br-${name}`, ...delegate },
  ipam: { dataDir: addresses },
})

const list = (files: Files, cniVersion: string, ...more: Plugin[]): NetworkList => ({
  name: files.name,
  cniVersion,
  plugins: [flannel(files), ...more],
})

const filesIn = async (folder: string): Promise<readonly string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })

/** The addresses that host-local has given away. */
const addressesOf = async ({ name, addresses }: Files): Promise<readonly string[]> =>
  (await filesIn(join(addresses, name))).filter((file) => /[.:]\d|::/.test(file) && !file.startsWith('last'))

const failureOf = async (call: Promise<unknown>): Promise<{ code: number; msg: string }> => {
  const error = await call.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(PluginFailure)
  return { code: (error as PluginFailure).code, msg: (error as Error).message }
}

test.each([
  ['IPv4', IPV4, ['10.1.0.0/16'], ['10.1.17.0/24']],
  [
    'IPv4 with two networks',
    IPV4.replace('/16', '/16,192.168.0.0/16'),
    ['10.1.0.0/16', '192.168.0.0/16'],
    ['10.1.17.0/24'],
  ],
  ['a list of which one is broken', IPV4.replace('/16', '/16,nonsense'), ['10.1.0.0/16'], ['10.1.17.0/24']],
  ['IPv6', IPV6, ['fc00::/48'], ['fc00::/64']],
  ['dual-stack', IPV4 + IPV6, ['10.1.0.0/16', 'fc00::/48'], ['10.1.17.0/24', 'fc00::/64']],
])(
  '%s: as the plugin of flannel, ADD keeps what its delegate gets, and DEL undoes it',
  async (_, env, routes, subnets) => {
    const files = await network(env + REST)
    const { name } = files
    // Without a version, as in the tests of flannel's plugin.
    const asked = { ...flannel(files), name }
    const container = await runtime.container()
    const call = (verb: string) => runtime.call(verb, 'flannel', asked, { container, ifName: 'eth0' })

    const result = JSON.parse(await call('ADD'))
    expect([result.ip4, result.ip6].filter((ip) => ip !== undefined)).toHaveLength(subnets.length)
    expect(JSON.parse(await readFile(join(files.dataDir, container.id), 'utf8'))).toEqual({
      bridge: `br-${name}`,
      ipMasq: false,
      ipam: {
        dataDir: files.addresses,
        routes: routes.map((dst) => ({ dst })),
        ranges: subnets.map((subnet) => [{ subnet }]),
        type: 'host-local',
      },
      isGateway: true,
      mtu: 1472,
      name,
      type: 'bridge',
    })
    expect(await addressesOf(files)).toHaveLength(subnets.length)
    await call('DEL')
    expect(await filesIn(files.dataDir)).toEqual([])
    expect(await addressesOf(files)).toEqual([])
    expect(await container.netns.ip('-json', 'link', 'show')).not.toContain('eth0')
    await call('DEL')
  },
)

test('two networks of one container: what is kept for one is not the other’s, flannel’s files among them', async () => {
  const [one, two] = [await network(IPV4 + REST), await network(IPV4.replaceAll('10.1.', '10.2.') + REST)]
  // As two networks whose dataDir is flannel's default.
  const second = { ...two, dataDir: one.dataDir }
  const lists = { eth0: list(one, '1.0.0'), net1: list(second, '1.0.0') }
  const container = await runtime.container()
  for (const [ifName, asked] of Object.entries(lists)) await runtime.add(asked, container, { ifName })
  expect(await container.netns.ip('-4', '-brief', 'address')).toMatch(
    /eth0.* 10\.1\.17\.2\/24.*net1.* 10\.2\.17\.2\/24/s,
  )
  for (const [ifName, asked] of Object.entries(lists)) await runtime.check(asked, container, { ifName })

  // What flannel's plugin would have left: one file a container, of the network that came last.
  const kept = await readFile(join(one.dataDir, `${container.id}@net1`), 'utf8')
  await runtime.del(lists.eth0, container)
  await writeFile(join(one.dataDir, container.id), kept)
  await writeFile(join(one.dataDir, `${container.id}@net1`), 'broken')
  expect(await addressesOf(second)).toEqual(['10.2.17.2'])
  await runtime.del(lists.net1, container, { ifName: 'net1' })
  expect(await addressesOf(second)).toEqual([])
})

test('DEL succeeds without subnet.env, without a kept config and on a broken one, and leaves no address', async () => {
  const files = await network(IPV4 + REST)
  const asked = list(files, '1.0.0')
  for (const damage of ['gone', '{"half', '[]', '{}']) {
    const container = await runtime.container()
    await runtime.add(asked, container)
    expect(await addressesOf(files)).toHaveLength(1)
    const kept = join(files.dataDir, container.id)
    if (damage === 'gone') await lab.host(0).exec('rm', [kept, files.subnetFile])
    else await writeFile(kept, damage)
    await runtime.del(asked, container)
    expect(await addressesOf(files)).toEqual([])
    expect(await filesIn(files.dataDir)).toEqual([])
    await writeFile(files.subnetFile, IPV4 + REST)
  }
})

test('CHECK finds what has changed: the interface, its addresses, its routes, its MTU, the bridge, the node’s subnet', async () => {
  const files = await network(IPV4 + REST)
  const asked = list(files, '1.0.0')
  const container = await runtime.container()
  await runtime.add(asked, container)
  await runtime.check(asked, container)
  const { netns } = container
  const host = lab.host(0)
  const problem = async () => (await failureOf(runtime.check(asked, container))).msg

  await writeFile(files.subnetFile, IPV4.replace('10.1.17.1', '10.1.18.1') + REST)
  expect(await problem()).toContain("the address 10.1.17.2 is outside this node's 10.1.18.0/24")
  await writeFile(files.subnetFile, IPV4 + REST)
  await netns.ip('link', 'set', 'eth0', 'mtu', '1400')
  expect(await problem()).toContain('its MTU is 1400 bytes, and not 1472')
  await netns.ip('link', 'set', 'eth0', 'mtu', '1472')
  await netns.ip('route', 'delete', '10.1.0.0/16')
  expect(await problem()).toContain('the route to 10.1.0.0/16 is gone')
  await netns.ip('route', 'add', '10.1.0.0/16', 'via', '10.1.17.1')
  await host.ip('link', 'set', `br-${files.name}`, 'down')
  expect(await problem()).toContain(`the bridge br-${files.name} is down`)
  await host.ip('link', 'set', `br-${files.name}`, 'up')
  await runtime.check(asked, container)
  await netns.ip('address', 'flush', 'dev', 'eth0')
  expect(await problem()).toContain('the address 10.1.17.2/24 is gone')
  await netns.ip('link', 'delete', 'eth0')
  expect(await problem()).toContain('the interface eth0 is gone')
  const elsewhere = { id: container.id, netns: Object.assign(Object.create(netns), { namespace: 'no-such' }) }
  expect(await failureOf(runtime.check(asked, elsewhere))).toMatchObject({ code: 3 })
})

test('STATUS says that no address is free, GC frees those of containers that are gone, and of no others', async () => {
  // Six addresses; the bridge has the first.
  const files = await network(IPV4.replace('10.1.17.1/24', '10.1.17.1/29') + REST)
  const asked = list(files, '1.0.0')
  // Debian's plugins do not know CNI 1.1.
  expect(await failureOf(runtime.status(list(files, '1.1.0')))).toMatchObject({
    code: 50,
    msg: expect.stringContaining('plugin bridge does not know CNI version 1.1.0'),
  })
  const collected = join(lab.directory, 'collected')
  const modern = `echo '{"cniVersion":"1.1.0","supportedVersions":["1.1.0"]}'; [ $CNI_COMMAND = GC ] && cat > ${collected}; true`
  await standIn('modern', modern)
  const status = { ...asked, cniVersion: '1.1.0', plugins: [flannel(files, { type: 'modern' })] }
  await runtime.status(status)
  const containers = await runtime.containers(5)
  for (const container of containers) await runtime.add(asked, container)
  expect(await failureOf(runtime.status(status))).toMatchObject({
    code: 50,
    msg: expect.stringContaining('no address is free: containers use all 5 of 10.1.17.0/29'),
  })
  const [first, second, ...gone] = containers
  // The host has rebooted, and one file of this plugin is lost.
  for (const { netns } of gone) await lab.host(0).exec('ip', ['netns', 'delete', netns.namespace])
  await lab.host(0).exec('rm', [join(files.dataDir, gone[0]?.id ?? '')])
  expect(
    await failureOf(
      runtime.call('GC', 'flannel', { ...status.plugins[0], name: files.name, cniVersion: '1.1.0' }),
    ),
  ).toMatchObject({ code: 7 })
  const valid = [first, second].map((container) => ({ containerID: container?.id ?? '', ifname: 'eth0' }))
  await runtime.gc(status, valid)
  expect(await addressesOf(files)).toEqual(['10.1.17.2', '10.1.17.3'])
  expect(new Set(await filesIn(files.dataDir))).toEqual(new Set([first?.id, second?.id]))
  expect(JSON.parse(await readFile(collected, 'utf8'))).toMatchObject({
    name: files.name,
    'cni.dev/valid-attachments': valid,
  })
  await runtime.status(status)
  if (first !== undefined) await runtime.check(asked, first)
})

test('what the delegate is given, answers and refuses passes through: types of Multus’ users, by stand-ins', async () => {
  const files = await network(IPV4 + REST)
  const answer = '{"cniVersion":"1.1.0","ips":[],"own":"result"}'
  const received = join(lab.directory, 'received')
  await standIn(
    'macvlan',
    `cat > ${received}; echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME" >> ${received}; echo '${answer}'`,
  )
  await standIn(
    'refusing',
    `echo '{"cniVersion":"1.1.0","code":117,"msg":"no such master","details":"eth9"}'; exit 1`,
  )
  await standIn('silent', 'exit 3')
  await standIn(
    'unable',
    `[ $CNI_COMMAND = VERSION ] && echo '{"supportedVersions":["1.1.0"]}' && exit; ` +
      `echo '{"code":50,"msg":"no carrier"}'; exit 1`,
  )
  const ipam = { type: 'whereabouts', range: '10.1.17.0/28', gateway: '10.1.17.1', exclude: ['10.1.17.4/32'] }
  const container = await runtime.container()
  const call = (verb: string, delegate: object) =>
    runtime.call(
      verb,
      'flannel',
      {
        ...flannel(files),
        name: files.name,
        cniVersion: '1.1.0',
        delegate,
        ipam,
        runtimeConfig: { mac: '02:00:00:00:00:01' },
      },
      { container, ifName: 'net1' },
    )
  expect(
    await call('ADD', {
      type: 'macvlan',
      master: 'eth0',
      hairpinMode: true,
      isDefaultGateway: true,
      mtu: 1300,
    }),
  ).toBe(`${answer}\n`)
  const [config = '', environment] = (await readFile(received, 'utf8'))
    .replace('}ADD', '}\nADD')
    .trim()
    .split('\n')
  expect(environment).toBe(`ADD ${container.id} net1`)
  expect(JSON.parse(config)).toEqual({
    cniVersion: '1.1.0',
    name: files.name,
    type: 'macvlan',
    master: 'eth0',
    hairpinMode: true,
    isDefaultGateway: true,
    mtu: 1300,
    ipMasq: false,
    runtimeConfig: { mac: '02:00:00:00:00:01' },
    ipam: { ...ipam, ranges: [[{ subnet: '10.1.17.0/24' }]], routes: [{ dst: '10.1.0.0/16' }] },
  })
  expect(await failureOf(call('ADD', { type: 'refusing' }))).toEqual({ code: 117, msg: 'no such master' })
  expect(await failureOf(call('DEL', { type: 'refusing' }))).toEqual({ code: 117, msg: 'no such master' })
  expect(await failureOf(call('ADD', { type: 'silent' }))).toEqual({
    code: 999,
    msg: 'plugin silent ended with 3, and did not say why',
  })
  expect(await failureOf(call('ADD', { type: 'no-such' }))).toMatchObject({
    code: 5,
    msg: expect.stringContaining('"no-such"'),
  })
  expect(await failureOf(call('STATUS', { type: 'unable' }))).toEqual({ code: 50, msg: 'no carrier' })
  expect(await failureOf(call('ADD', { name: 'x' }))).toMatchObject({ code: 7 })
})

test('200 containers at once get 200 addresses, and give all of them back', async () => {
  const files = await network(IPV4 + REST)
  const config = { ...flannel(files), name: files.name, cniVersion: '1.0.0' }
  const containers = await runtime.containers(200)
  const results = await callForAll({ host: lab.host(0), runtime }, 'ADD', config, containers)
  expect(new Set(results.map(({ ips }) => ips?.[0]?.address)).size).toBe(200)
  const [first] = containers
  const { address = '' } = results[150]?.ips?.[0] ?? {}
  expect(await ping(first?.netns ?? lab.host(0), address.replace(/\/.*/, ''))).toMatchObject({ lost: 0 })
  await callForAll({ host: lab.host(0), runtime }, 'DEL', config, containers)
  expect(await addressesOf(files)).toEqual([])
  expect(await filesIn(files.dataDir)).toEqual([])
})

test.each(['ADD', 'DEL'])(
  'a plugin that is killed at any moment of its %s leaves nothing that GC does not free',
  async (verb) => {
    const files = await network(IPV4 + REST)
    const config = { ...flannel(files), name: files.name, cniVersion: '1.0.0' }
    const containers = await runtime.containers(KILLS)
    if (verb === 'DEL') {
      await callForAll({ host: lab.host(0), runtime }, 'ADD', config, containers)
      expect(await addressesOf(files)).toHaveLength(KILLS)
    }
    const seed = Number(process.env.SELVEDGE_SEED ?? randomInt(2 ** 31))
    console.log(`${verb}: seed ${seed}`)
    const random = seededRandom(seed)
    // One in each part of the time that they take, all at once: the first ends before it has read its config.
    const kills = containers.map((container, i) =>
      runtime.killAfter(((i + random()) / KILLS) * LONGEST_CALL_MS, verb, config, container),
    )
    expect(await Promise.all(kills), `seed ${seed}`).toContain(true)
    const collecting = { name: files.name, cniVersion: '1.1.0', plugins: [flannel(files)] }
    // A delegate outlives the plugin that is killed, and may only then take its address.
    await until(`an end of what was left (seed ${seed})`, async () => {
      const kept = await filesIn(files.dataDir)
      // What is half written is another call's for a minute.
      for (const name of kept) await utimes(join(files.dataDir, name), 0, 0)
      await runtime.gc(collecting, [])
      return kept.length + (await addressesOf(files)).length === 0 || undefined
    })
    // A runtime that was not told of the end asks again.
    for (const container of containers.slice(0, 2))
      await runtime.call('DEL', 'flannel', config, { container, ifName: 'eth0' })
    // All of them can be used again.
    const again = await callForAll(
      { host: lab.host(0), runtime },
      'ADD',
      config,
      await runtime.containers(KILLS),
    )
    expect(new Set(again.map(({ ips }) => ips?.[0]?.address)).size).toBe(KILLS)
  },
)

/** A plugin that a test writes, in the language of the shell. */
async function standIn(type: string, script: string): Promise<void> {
  const path = join(runtime.folder, type)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}
