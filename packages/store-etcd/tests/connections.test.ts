import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@selvedge/lab'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { attributesOf, TestNetwork } from './network.js'

let etcd: EtcdServer

beforeAll(async () => {
  etcd = await EtcdServer.start()
})

afterAll(() => etcd[Symbol.asyncDispose]())

/** Connections to etcd that have not been closed: it has one to itself. */
async function openConnections(): Promise<number> {
  const port = etcd.port.toString(16).toUpperCase().padStart(4, '0')
  const [, ...lines] = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n')
  return lines.filter((line) => {
    const [, , remote = '', state] = line.trim().split(/\s+/)
    // 06 is TIME_WAIT: closed by both sides.
    return remote.endsWith(`:${port}`) && state !== '06'
  }).length
}

/** The same once those of earlier tests are closed: a number that stays for 200 ms. */
async function idleConnections(): Promise<number> {
  return until('connections of earlier tests to be closed', async () => {
    const before = await openConnections()
    await sleep(200)
    return (await openConnections()) === before ? before : undefined
  })
}

describe('the addresses of etcd', () => {
  it('are known at once if they are given, and none is forgotten', async () => {
    const endpoints = ['https://10.0.0.5:2379', 'http://[fd00::5]', 'http://etcd.invalid', etcd.endpoint]
    await using manager = new EtcdSubnetManager({ endpoints, prefix: '/nowhere' })
    expect(manager.addresses()).toEqual(['10.0.0.5', 'fd00::5', '127.0.0.1'])
  })

  it('are those that a name resolves to, even if etcd is away, and those of connections', async () => {
    const endpoint = `http://localhost:${etcd.port}`
    await using manager = new EtcdSubnetManager({ endpoints: [endpoint], prefix: '/nowhere' })
    expect(manager.addresses()).toEqual([])
    await manager.releaseLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
    expect(manager.addresses()).toContain('127.0.0.1')
    await using away = new EtcdSubnetManager({ endpoints: ['http://localhost:1'], patienceMs: 100 })
    await expect(away.getNetworkConfig()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await until('the name to be resolved', () => away.addresses().includes('127.0.0.1') || undefined)
  })

  it('are given by the caller for a client of its own', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const manager = network.manager({ client: network.admin, addresses: ['10.0.0.5'] })
    await manager.getNetworkConfig()
    expect(manager.addresses()).toEqual(['10.0.0.5'])
  })
})

describe('a store that is disposed of', () => {
  it.for([0, 1, 2, 5, 20])('%i ms after its first call leaves no connection behind', async (afterMs) => {
    const before = await idleConnections()
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const manager = new EtcdSubnetManager({ endpoints: [etcd.endpoint], prefix: '/nowhere' })
        const call = manager.releaseLease({ subnet: '10.99.1.0/24', attributes: { publicIp: '192.0.2.1' } })
        const settled = call.catch(() => {})
        await sleep(afterMs)
        await manager[Symbol.asyncDispose]()
        await settled
      }),
    )
    await until(
      'every connection to be closed',
      async () => (await openConnections()) === before || undefined,
    )
  })

  it('has had one connection for its calls and its watch', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const before = await idleConnections()
    const manager = network.manager()
    await manager.acquireLease({ attributes: attributesOf(1) })
    const abort = new AbortController()
    const watch = manager.watchLeases({ signal: abort.signal })
    await watch.next()
    expect((await openConnections()) - before).toBe(1)
    abort.abort()
    await watch.next()
    await manager[Symbol.asyncDispose]()
    await until('it to be closed', async () => (await openConnections()) === before || undefined)
  })
})
