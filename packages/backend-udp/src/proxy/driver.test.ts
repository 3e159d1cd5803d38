import { isOverlayError } from '@selvedge/core'
import { expect, it } from 'vitest'
import { udpPeer, udpProxy } from '../resource.js'
import { COUNTER_NAMES, ProxyCounters } from './counters.js'
import { UdpDriver } from './driver.js'

const proxy = udpProxy({
  device: 'flannel0',
  mtu: 1472,
  port: 8285,
  addresses: ['192.0.2.1'],
  subnets: ['10.5.1.0/24'],
  networks: ['10.5.0.0/16'],
})
const peer = udpPeer({ device: 'flannel0', subnet: '10.5.2.0/24', address: '192.0.2.2', port: 8285 })

it('opens nothing before it is used, and can be disposed of twice', async () => {
  const driver = new UdpDriver({ namespace: '/nowhere' })
  expect(await driver.snapshot()).toEqual([])
  await driver[Symbol.asyncDispose]()
  await driver[Symbol.asyncDispose]()
  await expect(driver.snapshot()).rejects.toMatchObject({ code: 'CLOSED' })
})

it('reports a thread that ends, has nothing from then on, and starts another when asked again', async () => {
  await using driver = new UdpDriver({ namespace: '/nowhere' })
  const reports = driver.watch({ signal: new AbortController().signal })
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const report = reports.next().then(
      () => undefined,
      (error: unknown) => error,
    )
    const results = await driver.apply([
      { type: 'put', resource: proxy },
      { type: 'put', resource: peer },
    ])
    expect(results).toHaveLength(2)
    for (const result of results) {
      expect(result.ok).toBe(false)
      expect(!result.ok && isOverlayError(result.error, 'DRIVER_REFUSED')).toBe(true)
    }
    expect(await driver.snapshot()).toEqual([])
    if (attempt === 0) expect(isOverlayError(await report)).toBe(true)
  }
})

it('reports what it has carried and dropped, each reason from 0', async () => {
  const counters = new ProxyCounters()
  await using driver = new UdpDriver({ counters })
  expect(driver.traffic()).toEqual({
    sent: { packets: 0, bytes: 0 },
    received: { packets: 0, bytes: 0 },
    dropped: {
      malformed: 0,
      unknown_source: 0,
      foreign_source: 0,
      foreign_destination: 0,
      no_route: 0,
      ttl_exceeded: 0,
      too_big: 0,
      refused: 0,
    },
  })
  for (const [index, name] of COUNTER_NAMES.entries()) counters.add(name, index + 1)
  const { sent, received, dropped } = driver.traffic()
  expect([...Object.values(sent), ...Object.values(received), ...Object.values(dropped)].sort()).toEqual(
    COUNTER_NAMES.map((_, index) => index + 1).sort(),
  )
})

it('has nothing to do for what is not there', async () => {
  await using driver = new UdpDriver({ namespace: '/nowhere' })
  const deletes = [proxy, peer].map((resource) => ({ type: 'delete', resource }) as const)
  expect(await driver.apply(deletes)).toEqual([{ ok: true }, { ok: true }])
})
