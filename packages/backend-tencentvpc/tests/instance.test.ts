/** Where an instance runs, and the credentials of its role: the metadata. */
import type { Backend, Driver, NodeContext } from '@selvedge/core'
import { type Fault, TencentCloud } from '@selvedge/lab'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TencentVpcOptions, VpcRouteResource } from '../src/index.js'
import { vpcRoute } from '../src/resource.js'
import { idOf, KEY, load } from './node.js'

const ADDRESS = '192.168.5.2'
const SCOPE = { aliases: [], links: [], networks: ['10.244.0.0/16'] }
const ROUTE = vpcRoute({ destination: '10.244.1.0/24', gateway: ADDRESS })

let cloud: TencentCloud
beforeEach(async () => {
  cloud = await TencentCloud.start()
})
afterEach(() => cloud[Symbol.asyncDispose]())

const driverOf = (backend: Backend) => backend.drivers?.({} as NodeContext)[0] as Driver<VpcRouteResource>

/** Answers for the metadata of these paths. */
function metadata(path: RegExp, answer: (response: Parameters<Fault>[1], usual: () => string) => void): void {
  cloud.faults.push((request, response, usual) => {
    if (!path.test(request.path)) return false
    answer(response, usual)
    return true
  })
}

describe('the metadata', () => {
  beforeEach(() => {
    cloud.keys.push(KEY)
    cloud.addInstance(ADDRESS)
  })

  test('that cannot be reached are an error that names them, and where this works', async () => {
    const loading = load(cloud, ADDRESS, { metadataUrl: 'http://127.0.0.1:1/latest/meta-data' })
    await expect(loading).rejects.toMatchObject({
      code: 'DRIVER_REFUSED',
      message: expect.stringMatching(
        /asking for the instance's metadata at http:\/\/127\.0\.0\.1:1\/latest\/meta-data\/instance-id: .*; tencent-vpc works on an instance of Tencent Cloud alone/,
      ),
    })
  })

  test.each<[what: string, answer: (response: Parameters<Fault>[1]) => void, says: RegExp]>([
    ['never answer', () => {}, /timeout/],
    ['begin to answer', (response) => void response.write('ins-'), /timeout/],
    ['refuse', (response) => response.writeHead(403).end(), /status 403/],
    [
      'lead elsewhere',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /redirect/,
    ],
    ['never end', (response) => void response.write('x'.repeat(1_000_000)), /more than 65536 bytes/],
  ])('that %s are an error within seconds', async (_what, answer, says) => {
    metadata(/instance-id$/, answer)
    await expect(load(cloud, ADDRESS, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'DRIVER_REFUSED',
      message: expect.stringMatching(says),
    })
  })

  test('that fail once are asked again', async () => {
    let asked = 0
    cloud.faults.push(({ path }, response) => {
      if (!path.endsWith('/instance-id')) return false
      asked += 1
      if (asked === 1) response.destroy()
      return asked === 1
    })
    await load(cloud, ADDRESS)
    expect(asked).toBe(2)
  })

  test.each([
    ['an empty one', ''],
    ['one of HTML', '<html>'],
    ['one with another path in it', '../../secret'],
  ])('of an instance in no VPC, with %s for its id, are an error that says so', async (_what, text) => {
    metadata(/vpc-id$/, (response) => response.end(text))
    await expect(load(cloud, ADDRESS)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('tencent-vpc needs an instance (CVM) in a VPC'),
    })
  })
})

describe("the instance's role", () => {
  const without = { credentials: undefined }
  const role = (given: TencentVpcOptions = {}) => load(cloud, ADDRESS, { ...without, ...given })

  test('gives credentials, with their token', async () => {
    cloud.addInstance(ADDRESS, { role: 'edge' })
    const driver = driverOf(await role())
    expect(await driver.apply([{ type: 'put', resource: ROUTE }])).toEqual([{ ok: true }])
    expect(await driver.snapshot(SCOPE)).toEqual([ROUTE])
    expect(cloud.keys).toHaveLength(1)
  })

  test('is asked again before they end, and what it gave is good until then', async () => {
    cloud.addInstance(ADDRESS, { role: 'edge' })
    cloud.roleTermMs = 10 * 60_000
    let offMs = 0
    const clock = {
      now: () => Date.now() + offMs,
      monotonic: () => performance.now() + offMs,
      sleep: async () => {},
    }
    const driver = driverOf(await role({ clock, pollMs: 0 }))
    offMs = 4 * 60_000
    await driver.snapshot(SCOPE)
    expect(cloud.keys).toHaveLength(1)
    offMs = 6 * 60_000
    let isBroken = true
    cloud.faults.push(({ path }, response) => {
      if (!isBroken || !path.includes('/cam/')) return false
      response.writeHead(500).end()
      return true
    })
    await driver.snapshot(SCOPE)
    expect(cloud.keys).toHaveLength(1)
    isBroken = false
    offMs = 7 * 60_000
    await driver.snapshot(SCOPE)
    expect(cloud.keys).toHaveLength(2)
    cloud.keys.shift()
    await driver.snapshot(SCOPE)
  })

  test('is asked again at once if the API does not accept what it gave', async () => {
    cloud.addInstance(ADDRESS, { role: 'edge' })
    const driver = driverOf(await role())
    cloud.keys.length = 0
    expect(await driver.apply([{ type: 'put', resource: ROUTE }])).toEqual([{ ok: true }])
  })

  test('that the instance does not have is an error that says what there is to do', async () => {
    cloud.addInstance(ADDRESS)
    await expect(role()).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(/no CAM role; bind a CAM role .* AccessKeyID and AccessKeySecret/),
    })
  })

  test.each<[what: string, change: (found: Record<string, unknown>) => unknown, says: string]>([
    ['without a token', ({ Token: _, ...found }) => found, 'lack Token'],
    ['with an empty key', (found) => ({ ...found, TmpSecretKey: '' }), 'lack TmpSecretKey'],
    ['with a line break in the id', (found) => ({ ...found, TmpSecretId: 'a\nHost: b' }), 'lack TmpSecretId'],
    ['without an end', (found) => ({ ...found, ExpiredTime: 'soon' }), 'lack ExpiredTime'],
    ['that failed', () => ({ Code: 'Failed', TmpSecretKey: 'SeCrEt' }), 'answer with Failed'],
    ['of nothing', () => null, 'lack TmpSecretId'],
  ])('of which the metadata speak %s is an error, without a secret', async (_what, change, says) => {
    cloud.addInstance(ADDRESS, { role: 'edge' })
    metadata(/credentials\/edge$/, (response, usual) =>
      response.end(JSON.stringify(change(JSON.parse(usual())))),
    )
    const error = await role().catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringContaining(says) })
    expect(error.message).not.toMatch(/role-secret|SeCrEt|token-\d/)
  })

  test('half of which is written is an error, without a secret', async () => {
    cloud.addInstance(ADDRESS, { role: 'edge' })
    metadata(/credentials\/edge$/, (response, usual) => response.end(usual().slice(0, -30)))
    const error = await role().catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(`${error.message}${error.cause?.message ?? ''}`).not.toMatch(/role-secret/)
  })
})

test('of several interfaces, the one that packets to peers leave by counts', async () => {
  cloud.keys.push(KEY)
  cloud.addInstance(ADDRESS, { subnet: 'subnet-first' })
  cloud.vpc.tables.push({ id: 'rtb-second', main: false, subnets: ['subnet-second'], routes: [] })
  const second = '52:54:00:00:00:02'
  metadata(/macs\/$/, (response) => response.end(`52:54:00:BF:B3:51/\n${second}/`))
  metadata(new RegExp(`${second}/vpc-id`), (response) => response.end(cloud.vpc.id))
  metadata(new RegExp(`${second}/subnet-id`), (response) => response.end('subnet-second'))
  const backend = await load(cloud, ADDRESS, { macAddress: '525400000002' })
  await driverOf(backend).apply([{ type: 'put', resource: ROUTE }])
  expect(cloud.toText()).toBe(`rtb-second 10.244.1.0/24 NORMAL_CVM ${ADDRESS} 'selvedge ${idOf(ADDRESS)}'`)
})
