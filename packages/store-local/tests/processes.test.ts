import { readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@selvedge/conformance'
import type { Lease, LeaseEvent, NetworkConfig } from '@selvedge/core'
import { open } from 'lmdb'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LocalSubnetManager, type LocalSubnetManagerOptions } from '../src/index.js'
import { inspectLmdbFile } from '../src/lmdb/format-check.js'
import { NodeProcess, temporaryFolder } from './processes.js'

const network = { Network: '10.99.0.0/16', SubnetMin: '10.99.10.0', SubnetMax: '10.99.33.0' }
const SLOTS = 24
const attributesOf = (node: number) => ({ publicIp: `192.0.2.${node}` })

async function storePath(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(() => folder[Symbol.asyncDispose]())
  return `${folder.path}/leases.mdb`
}

/** Processes that are ready to be commanded; killed at the end. */
async function nodes(count: number, options: LocalSubnetManagerOptions): Promise<NodeProcess[]> {
  const all = Array.from({ length: count }, () => new NodeProcess(options))
  onTestFinished(() => Promise.all(all.map((node) => node.kill())).then(() => undefined))
  await Promise.all(all.map((node) => node.ready()))
  return all
}

function managerOf(options: LocalSubnetManagerOptions): LocalSubnetManager {
  const manager = new LocalSubnetManager(options)
  onTestFinished(() => manager[Symbol.asyncDispose]())
  return manager
}

/** What a watch reports first. */
async function snapshot(manager: LocalSubnetManager): Promise<readonly Lease[]> {
  for await (const event of manager.watchLeases({ signal: new AbortController().signal })) {
    if (event.type === 'snapshot') return event.leases
  }
  throw new Error('the watch ended without a snapshot')
}

describe('processes on one store', () => {
  it(`${SLOTS} that join a network of exactly ${SLOTS} subnets at once each get their own`, async () => {
    const path = await storePath()
    const all = await nodes(SLOTS, { path, config: network })
    const began = performance.now()
    const leases = await Promise.all(
      all.map((node, index) => node.call('acquireLease', { attributes: attributesOf(index + 1) })),
    )
    console.log(`${SLOTS} processes joined in ${Math.round(performance.now() - began)} ms`)
    expect(new Set(leases.map((lease) => Reflect.get(Object(lease), 'subnet'))).size).toBe(SLOTS)
    const manager = managerOf({ path })
    expect(await snapshot(manager)).toHaveLength(SLOTS)
    await expect(manager.acquireLease({ attributes: attributesOf(99) })).rejects.toMatchObject({
      code: 'SUBNETS_EXHAUSTED',
    })
  })

  it('that offer different configs at once all see the same one', async () => {
    const path = await storePath()
    const all = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const [node] = await nodes(1, { path, config: { Network: `10.${index}.0.0/16` } })
        if (node === undefined) throw new Error('no process')
        return node
      }),
    )
    const configs = await Promise.all(all.map((node) => node.call('getNetworkConfig')))
    const networks = configs.map((config) => (config as NetworkConfig).ipv4?.network)
    expect(new Set(networks).size).toBe(1)
    expect(networks[0]).toMatch(/^10\.[0-7]\.0\.0\/16$/)
  })

  it('that are killed at any moment lose nothing acknowledged, and block no other process', async () => {
    const path = await storePath()
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
    console.log(`seed ${seed}`)
    const random = seededRandom(seed)
    const manager = managerOf({ path, config: network })
    const witness = await manager.acquireLease({ attributes: attributesOf(200) })
    for (let round = 0; round < 12; round += 1) {
      const all = await nodes(3, { path })
      for (const [index, node] of all.entries()) node.begin('churn', `192.0.2.${index + 1}`)
      await Promise.all(all.map((node) => node.next((message) => message.acknowledged === 'put')))
      await sleep(random() * 150)
      await Promise.all(all.map((node) => node.kill()))

      const began = performance.now()
      await manager.renewLease(witness)
      expect(performance.now() - began, `a renewal after a kill, seed ${seed}`).toBeLessThan(2000)
      const leases = await snapshot(manager)
      for (const [index, node] of all.entries()) {
        expectAcknowledged(leases, node, `192.0.2.${index + 1}`, `seed ${seed}, round ${round}`)
      }
    }
    expect(inspectLmdbFile(await readFile(path)).fault).toBeUndefined()
  })

  it('report every change to each other at once, and go on when one is killed', async () => {
    const path = await storePath()
    const [writer, watcher] = await nodes(2, { path, config: network })
    if (writer === undefined || watcher === undefined) throw new Error('no processes')
    watcher.begin('watch')
    await watcher.next(({ event }) => event?.type === 'snapshot')
    const lease = (await writer.call('acquireLease', { attributes: attributesOf(1) })) as Lease
    const delays: number[] = []
    for (let sequence = 1; sequence <= 200; sequence += 1) {
      const wanted = { ...lease, attributes: { ...attributesOf(1), backendData: { sequence } } }
      await writer.call('renewLease', wanted)
      const acknowledged = Date.now()
      const reported = await watcher.next(
        ({ event }) => event?.type === 'put' && sequenceOf(event.lease) === sequence,
      )
      delays.push(Math.max(0, (reported.at ?? 0) - acknowledged))
    }
    delays.sort((a, b) => a - b)
    console.log(`a change reported to another process after p50 ${delays[100]} ms, p99 ${delays[197]} ms`)
    expect(delays[100], 'the poll alone takes up to a second').toBeLessThan(500)
    const sequences = watcher.messages.flatMap(({ event }) =>
      event?.type === 'put' ? [sequenceOf(event.lease)] : [],
    )
    expect(sequences).toEqual([0, ...Array.from({ length: 200 }, (_, index) => index + 1)])

    await writer.kill()
    const manager = managerOf({ path })
    await manager.releaseLease(lease)
    await watcher.next(({ event }) => event?.type === 'delete')
  })

  it('end the lease of a process that was killed when its term is over', async () => {
    const path = await storePath()
    const options = { path, config: network, leaseTermMs: 1500 }
    const [node] = await nodes(1, options)
    const lease = (await node?.call('acquireLease', { attributes: attributesOf(1) })) as Lease
    await node?.kill()
    const events: LeaseEvent[] = []
    for await (const event of managerOf(options).watchLeases({ signal: AbortSignal.timeout(20_000) })) {
      events.push(event)
      if (event.type === 'delete') break
    }
    expect(events.map(({ type }) => type)).toEqual(['snapshot', 'delete'])
    expect(Date.now()).toBeGreaterThanOrEqual(lease.expiresAt ?? 0)
  })

  it('report in time that one is stopped while it holds the lock, still read, and go on when it is killed', async () => {
    const path = await storePath()
    const options = { path, config: network, lockTimeoutMs: 300 }
    const manager = managerOf(options)
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    const [holder, starting] = await nodes(2, options)
    holder?.begin('holdLock')
    await holder?.next(({ announced }) => announced !== undefined)

    const held = {
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`thread ${holder?.child.pid}`),
    }
    await expect(manager.renewLease(lease)).rejects.toMatchObject(held)
    expect(await snapshot(manager)).toEqual([lease])
    await expect(starting?.call('getNetworkConfig')).rejects.toMatchObject(held)
    const abort = new AbortController()
    const waiting = managerOf({ ...options, lockTimeoutMs: 60_000 }).acquireLease(
      { attributes: attributesOf(2) },
      abort,
    )
    abort.abort('no more time')
    await expect(waiting).rejects.toBe('no more time')

    await holder?.kill()
    await expect(manager.renewLease(lease)).resolves.toMatchObject({ subnet: lease.subnet })
  })

  it('go on with a new file when theirs is removed', async () => {
    const path = await storePath()
    const manager = managerOf({ path, config: network })
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    const watch = manager.watchLeases({ signal: AbortSignal.timeout(20_000) })
    expect((await watch.next()).value).toEqual({ type: 'snapshot', leases: [lease] })
    await rm(path)
    await rm(`${path}-lock`)
    expect((await watch.next()).value).toEqual({ type: 'snapshot', leases: [] })
    await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    const again = await manager.acquireLease({ attributes: attributesOf(1), previous: lease })
    expect(again.subnet).toBe(lease.subnet)
    await watch.return()
  })

  it('go on when their lock file is removed in use: nothing is lost, damaged or ended', async () => {
    const path = await storePath()
    const options = { path, config: network }
    const all: NodeProcess[] = []
    const join = async () => {
      const [node] = await nodes(1, options)
      if (node === undefined) throw new Error('no process')
      all.push(node)
      node.begin('churn', `192.0.2.${all.length}`)
      await node.next(({ acknowledged }) => acknowledged === 'put')
    }
    for (let count = 0; count < 4; count += 1) await join()
    for (let round = 0; round < 8; round += 1) {
      await rm(`${path}-lock`)
      await join()
      await sleep(20)
    }
    const faults = all.flatMap(({ child, messages, stderr }) => [
      ...messages.flatMap(({ error }) => (error === undefined ? [] : [`${error.code}: ${error.message}`])),
      ...(child.exitCode === null && child.signalCode === null ? [] : [`${child.signalCode} ${stderr}`]),
    ])
    expect(faults).toEqual([])
    await Promise.all(all.map((node) => node.kill()))
    const leases = await snapshot(managerOf({ path }))
    for (const [index, node] of all.entries()) {
      expectAcknowledged(leases, node, `192.0.2.${index + 1}`, 'at the end')
    }
    expect(inspectLmdbFile(await readFile(path)).fault).toBeUndefined()
  })

  it('take on a file of format 1, whose records have no versions', async () => {
    const path = await storePath()
    const root = open({ path, noSubdir: true, encoding: 'json' })
    const meta = root.openDB('meta', { encoding: 'json' })
    await meta.put('format', 1)
    await meta.put('revision', 7)
    await meta.put('config', JSON.stringify(network))
    const value = '{"PublicIP":"192.0.2.1","PublicIPv6":null}'
    await root.openDB('leases', { encoding: 'string' }).put('10.99.12.0-24', value)
    await root.close()
    const manager = managerOf({ path })
    expect(await snapshot(managerOf({ path }))).toEqual([
      { subnet: '10.99.12.0/24', attributes: { publicIp: '192.0.2.1' } },
    ])
    const found = await manager.acquireLease({ attributes: { publicIp: '192.0.2.1' } })
    expect(found).toMatchObject({ subnet: '10.99.12.0/24', created: 0, version: 8 })
    const other = await manager.acquireLease({ attributes: { publicIp: '192.0.2.2' } })
    expect(other).toMatchObject({ created: 9, version: 9 })
    await manager[Symbol.asyncDispose]()
  })

  it('refuse a file of a newer format, and one of another program, and leave both as they are', async () => {
    for (const [format, said] of [
      ['newer', /its format is 3, and this version knows none after 2/],
      ['foreign', /it is a database of another program/],
    ] as const) {
      const path = await storePath()
      const root = open({ path, noSubdir: true, encoding: 'json' })
      if (format === 'newer') await root.openDB('meta', { encoding: 'json' }).put('format', 3)
      else await root.put('something', 'else')
      await root.close()
      const before = await readFile(path)
      const opening = managerOf({ path, config: network }).getNetworkConfig()
      await expect(opening).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        message: expect.stringMatching(said),
      })
      expect((await readFile(path)).equals(before)).toBe(true)
    }
  })
})

const sequenceOf = (lease: Lease | undefined): number =>
  Number(Reflect.get(Object(lease?.attributes.backendData), 'sequence') ?? 0)

/** What a process last acknowledged is in the store. */
function expectAcknowledged(
  leases: readonly Lease[],
  node: NodeProcess,
  publicIp: string,
  when: string,
): void {
  const last = node.messages.filter(({ acknowledged, announced }) => acknowledged ?? announced).at(-1)
  // Between the acknowledgement of a release and that of the next lease either is right, and so is the other way round.
  if (last?.acknowledged !== 'put') return
  const lease = leases.find(({ attributes }) => attributes.publicIp === publicIp)
  const where = `${when}, node ${publicIp}: ${JSON.stringify(last)}`
  expect(lease?.subnet, where).toBe(last.lease?.subnet)
  expect(sequenceOf(lease), where).toBeGreaterThanOrEqual(sequenceOf(last.lease))
}
