/**
 * `selvedge leases copy`, as a process, between a real etcd and real files of the local store: what conflicts, what other
 * programs write meanwhile, and what is left of a copy that was killed.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Rig } from '../rig.js'
import { vxlanRecord as record } from './lease-record.js'
import { type RunSelvedge, SELVEDGE, selvedgeIn } from './selvedge.js'

const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } }

let rig: Rig
beforeAll(async () => {
  rig = await Rig.create(CONFIG, { hosts: 1 })
})
afterAll(() => rig[Symbol.asyncDispose]())

const onEtcd = (prefix = '/coreos.com/network'): RunSelvedge =>
  selvedgeIn(rig.lab.switch, ['--etcd-endpoints', rig.etcd.endpoint, `--etcd-prefix=${prefix}`])
const toEtcd = (prefix: string): readonly string[] => [
  '--to-etcd-endpoints',
  rig.etcd.endpoint,
  `--to-etcd-prefix=${prefix}`,
]

/** The leases in etcd under a prefix, each by its key with the address of its node. */
async function nodesAt(prefix: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await onEtcd(prefix)('leases', 'list', '--json')
  const { leases }: { leases: { key: string; publicIp: string }[] } = JSON.parse(stdout)
  return new Map(leases.map(({ key, publicIp }) => [key, publicIp]))
}

test('config, leases and reservations are copied from etcd to a file and back; again, it changes nothing', async () => {
  await rig.etcd.putWithTerm('10.244.40.0-24', record('192.0.2.40'))
  await rig.etcd.put('10.244.41.0-24', record('192.0.2.41'))
  const target = ['--to-local-store', join(rig.lab.directory, 'copied.mdb')]
  const first = JSON.parse((await onEtcd()('leases', 'copy', ...target, '--json')).stdout)
  expect(first).toMatchObject({
    configWritten: true,
    copied: ['10.244.40.0-24'],
    reserved: ['10.244.41.0-24'],
    present: [],
  })
  const again = JSON.parse((await onEtcd()('leases', 'copy', ...target, '--json')).stdout)
  expect(again).toMatchObject({ configWritten: false, copied: [], reserved: [] })
  expect(again.present).toHaveLength(2)

  const back = selvedgeIn(rig.lab.switch, [
    '--local-store',
    join(rig.lab.directory, 'copied.mdb'),
    '--to-etcd-endpoints',
    rig.etcd.endpoint,
    '--to-etcd-prefix=/copied/network',
  ])
  expect(await back('leases', 'copy')).toMatchObject({ status: 0, stderr: '' })
  const listed = await onEtcd()('leases', 'list', '--json', '--etcd-prefix=/copied/network')
  expect(JSON.parse(listed.stdout).leases).toEqual([
    expect.objectContaining({ key: '10.244.40.0-24', reserved: false, backendType: 'vxlan' }),
    expect.objectContaining({ key: '10.244.41.0-24', reserved: true }),
  ])
  await rig.etcd.deleteAll()
})

test('a copy that is only planned writes nothing, says what it would, and names each conflict', async () => {
  await rig.etcd.putWithTerm('10.244.50.0-24', record('192.0.2.50'))
  await rig.etcd.put('10.244.51.0-24', record('192.0.2.51'))
  const file = join(rig.lab.directory, 'planned.mdb')
  const target = ['--to-local-store', file]
  const planned = await onEtcd()('leases', 'copy', ...target, '--dry-run', '--json')
  expect(planned).toMatchObject({ status: 2, stderr: '' })
  expect(JSON.parse(planned.stdout)).toMatchObject({
    dryRun: true,
    configWritten: true,
    copied: ['10.244.50.0-24'],
    reserved: ['10.244.51.0-24'],
    conflicts: [],
  })
  expect(existsSync(file)).toBe(false)
  expect((await onEtcd()('leases', 'copy', ...target)).status).toBe(0)
  expect((await onEtcd()('leases', 'copy', ...target, '--dry-run')).status).toBe(0)

  // A node with another subnet there, and one whose subnet is another's there; the third could be copied.
  await rig.etcd.delete('10.244.51.0-24')
  await rig.etcd.put('10.244.52.0-24', record('192.0.2.51'))
  await rig.etcd.delete('10.244.50.0-24')
  await rig.etcd.put('10.244.50.0-24', record('192.0.2.55'))
  await rig.etcd.put('10.244.53.0-24', record('192.0.2.53'))
  const refused = await onEtcd()('leases', 'copy', ...target, '--dry-run')
  expect(refused.status).toBe(3)
  const text = refused.stdout.replaceAll(/\n\s+/g, ' ')
  expect(text).toContain('10.244.52.0-24 of 192.0.2.51 has 10.244.51.0-24 there')
  expect(text).toContain('10.244.50.0-24 of 192.0.2.55 overlaps 10.244.50.0-24 of 192.0.2.50')
  const local = selvedgeIn(rig.lab.switch, ['--local-store', file])
  expect(JSON.parse((await local('leases', 'list', '--json')).stdout).count).toBe(2)
  await rig.etcd.deleteAll()
})

test('if something conflicts with what is there nothing is written, neither config, leases nor a file', async () => {
  await rig.etcd.putWithTerm('10.244.60.0-24', record('192.0.2.60'))
  await rig.etcd.putWithTerm('10.244.61.0-24', record('192.0.2.61'))
  await rig.etcd.put('10.244.62.0-24', record('192.0.2.62'))
  const prefix = '/refused/network'
  // A network that has reservations, and no config yet.
  await rig.etcd.putAt(`${prefix}/subnets/10.244.60.0-24`, record('192.0.2.99'))
  const refused = await onEtcd()('leases', 'copy', ...toEtcd(prefix), '--json')
  expect(refused.status).toBe(3)
  expect(JSON.parse(refused.stdout)).toMatchObject({
    ...{ dryRun: false, configWritten: false, copied: [], reserved: [] },
    conflicts: ['10.244.60.0-24 of 192.0.2.60 overlaps 10.244.60.0-24 of 192.0.2.99'],
  })
  expect(JSON.parse(refused.stderr).error.message).toMatch(/nothing is copied: 1 lease conflicts/)
  expect(await nodesAt(prefix)).toEqual(new Map([['10.244.60.0-24', '192.0.2.99']]))
  expect((await onEtcd(prefix)('config', 'show')).status).toBe(5)

  const skipped = await onEtcd()('leases', 'copy', ...toEtcd(prefix), '--skip-conflicts')
  expect(skipped).toMatchObject({ status: 0, stderr: '' })
  expect(skipped.stdout).toMatch(/^Conflicts +1, not copied\n10\.244\.60\.0-24 of 192\.0\.2\.60 overlaps/m)
  const copied = await nodesAt(prefix)
  expect([...copied.values()]).toEqual(['192.0.2.99', '192.0.2.61', '192.0.2.62'])
  const again = await onEtcd()('leases', 'copy', ...toEtcd(prefix), '--skip-conflicts', '--json')
  expect(JSON.parse(again.stdout)).toMatchObject({ copied: [], reserved: [], conflicts: [{}] })

  // Two leases of the source exclude each other: a file that would hold one of them is not even made.
  await rig.etcd.put('10.244.60.0-23', record('192.0.2.63'))
  const file = join(rig.lab.directory, 'refused.mdb')
  expect((await onEtcd()('leases', 'copy', '--to-local-store', file)).status).toBe(3)
  expect(existsSync(file)).toBe(false)
  await rig.etcd.deleteAll()
})

/** Leases enough for a copy to be interrupted among them. */
const MANY = 60
/** What clients have sent by then. */
const HALF_WAY_BYTES = 15_000

interface Held extends AsyncDisposable {
  readonly endpoint: string
  /** Resolves once everything is held back. */
  readonly held: Promise<unknown>
  goOn(): void
}

async function holdEtcd(port: number): Promise<Held> {
  const program = fileURLToPath(new URL('holding-proxy.mjs', import.meta.url))
  const { hostname, port: target } = new URL(rig.etcd.endpoint)
  const args = [program, String(port), hostname, target, String(HALF_WAY_BYTES)]
  const child: Child = rig.lab.switch.spawn(process.execPath, args)
  const closed = once(child, 'close')
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part) => {
      said += part
    })
  }
  const saying = (word: string) =>
    until(`the proxy to say ${word}`, () => said.includes(word) || undefined, { timeoutMs: 30_000 })
  await saying('listening')
  return {
    endpoint: `http://127.0.0.1:${port}`,
    held: saying('held'),
    goOn: () => void child.kill('SIGUSR2'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

async function putMany(): Promise<readonly string[]> {
  const nodes = Array.from({ length: MANY }, (_, index) => 100 + index)
  const leases = new Map(nodes.map((node) => [`10.244.${node}.0-24`, record(`192.0.2.${node}`)]))
  await rig.etcd.putAll(leases, 86_400)
  await rig.etcd.put('10.244.99.0-24', record('192.0.2.99'))
  return [...leases.keys()]
}

test('what another program writes there meanwhile stays, and is named; everything else is copied', async () => {
  const keys = await putMany()
  const prefix = '/meanwhile/network'
  await using proxy = await holdEtcd(4001)
  const target = [`--to-etcd-endpoints=${proxy.endpoint}`, `--to-etcd-prefix=${prefix}`]
  const copying = onEtcd()('leases', 'copy', ...target)
  await proxy.held
  const before = await nodesAt(prefix)
  expect(before.size).toBeGreaterThan(0)
  const taken = keys.findLast((key) => !before.has(key)) ?? ''
  expect(taken).not.toBe('')
  await rig.etcd.putAt(`${prefix}/subnets/${taken}`, record('192.0.2.250'))
  proxy.goOn()
  const { status, stderr } = await copying
  expect(status).toBe(3)
  const text = stderr.replaceAll(/\n +/g, ' ')
  expect(text).toMatch(
    new RegExp(`another program wrote there meanwhile: ${taken} of [\\d.]+ cannot have its subnet`),
  )
  expect(text).toContain(`${MANY - 1} of ${MANY} leases and 1 of 1 reservations are copied`)
  expect(text).toContain('the network config is written, and stays')
  const after = await nodesAt(prefix)
  expect([...after.keys()].sort()).toEqual([...keys, '10.244.99.0-24'].sort())
  expect(after.get(taken)).toBe('192.0.2.250')
  // From now on it is refused as a whole.
  const again = await onEtcd()('leases', 'copy', ...toEtcd(prefix))
  expect(again).toMatchObject({ status: 3, stderr: expect.stringContaining('nothing is copied') })
  await rig.etcd.deleteAll()
})

test('a copy that was killed half-way is finished by another, or by two at once', async () => {
  const keys = await putMany()
  const prefix = '/killed/network'
  await using proxy = await holdEtcd(4002)
  const killed = rig.lab.switch.spawn(process.execPath, [
    ...[SELVEDGE, 'leases', 'copy', '--etcd-endpoints', rig.etcd.endpoint],
    ...[`--to-etcd-endpoints=${proxy.endpoint}`, `--to-etcd-prefix=${prefix}`],
  ])
  const closed = once(killed, 'close')
  await proxy.held
  killed.kill('SIGKILL')
  await closed
  const half = await nodesAt(prefix)
  expect(half.size).toBeGreaterThan(0)
  expect(half.size).toBeLessThan(MANY)
  const copy = () => onEtcd()('leases', 'copy', ...toEtcd(prefix), '--json')
  const both = await Promise.all([copy(), copy()])
  for (const { status, stderr } of both) expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const documents = both.map(({ stdout }) => JSON.parse(stdout))
  expect(new Set(documents.flatMap(({ copied }) => copied))).toEqual(
    new Set(keys.filter((key) => !half.has(key))),
  )
  expect([...(await nodesAt(prefix)).keys()].sort()).toEqual([...keys, '10.244.99.0-24'].sort())
  expect(JSON.parse((await copy()).stdout)).toMatchObject({ copied: [], reserved: [], configWritten: false })
  await rig.etcd.deleteAll()
})
