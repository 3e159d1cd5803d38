import type { Driver, NodeContext } from '@selvedge/core'
import { type Fault, refused, TencentCloud } from '@selvedge/lab'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TencentVpcOptions, VpcRouteResource } from '../src/index.js'
import { vpcRoute } from '../src/resource.js'
import { idOf, KEY, load } from './node.js'

const ADDRESS = '192.168.5.2'
const SUBNET = '10.244.1.0/24'
const SCOPE = { aliases: [], links: [], networks: ['10.244.0.0/16'] }
const ROUTE = vpcRoute({ destination: SUBNET, gateway: ADDRESS })
const MINE = `rtb-main ${SUBNET} NORMAL_CVM ${ADDRESS} 'selvedge ${idOf(ADDRESS)}'`

let cloud: TencentCloud
beforeEach(async () => {
  cloud = await TencentCloud.start()
  cloud.keys.push(KEY)
  cloud.addInstance(ADDRESS)
})
afterEach(() => cloud[Symbol.asyncDispose]())

async function driver(options: TencentVpcOptions = {}): Promise<Driver<VpcRouteResource>> {
  const backend = await load(cloud, ADDRESS, options)
  return backend.drivers?.({} as NodeContext)[0] as Driver<VpcRouteResource>
}

/** Goes wrong with the first so many requests for an action, and counts them. */
function spoil(action: string, times: number, fault: (...args: Parameters<Fault>) => void): { met: number } {
  const counted = { met: 0 }
  cloud.faults.push((...args) => {
    if (args[0].action !== action || counted.met >= times) return false
    counted.met += 1
    fault(...args)
    return true
  })
  return counted
}

const json = (text: string) => (_request: unknown, response: Parameters<Fault>[1]) => {
  response.setHeader('content-type', 'application/json')
  response.end(text)
}

const countOf = (action: string) => cloud.requests.filter((one) => one.action === action).length

describe('a read is repeated', () => {
  test.each<[what: string, times: number, fault: (...args: Parameters<Fault>) => void]>([
    ['after RequestLimitExceeded', 3, json(refused('RequestLimitExceeded', 'Too many requests.'))],
    [
      'after one of its kinds',
      3,
      json(refused('RequestLimitExceeded.UinLimitExceeded', 'Too many requests.')),
    ],
    ['after an internal error', 3, json(refused('InternalServerError', 'Try again.'))],
    [
      'after a status of a proxy',
      1,
      (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>'),
    ],
    ['after a connection that ends without an answer', 1, (_, response) => void response.destroy()],
    [
      'after half an answer',
      1,
      (_request, response, usual) => {
        const text = usual()
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
        response.write(text.slice(0, text.length / 2), () => response.destroy())
      },
    ],
    [
      'after an answer that ends in the middle, as if it were whole',
      1,
      (request, response, usual) => json(usual().slice(0, -40))(request, response),
    ],
    ['after an answer that is no answer of the API', 1, json('{}')],
    ['after none in time', 1, () => {}],
  ])('%s', async (_what, times, fault) => {
    const one = await driver({ timeoutMs: 300 })
    const counted = spoil('DescribeRouteTables', times, fault)
    expect(await one.snapshot(SCOPE)).toEqual([])
    expect(counted.met).toBe(times)
  })
})

describe('a read that goes on failing', () => {
  test.each<[what: string, says: RegExp, fault: (...args: Parameters<Fault>) => void]>([
    [
      'by a limit',
      /RequestLimitExceeded: Too many.*other callers of this account/,
      json(refused('RequestLimitExceeded', 'Too many.')),
    ],
    ['by silence', /asking Tencent's API to DescribeRouteTables: .*timeout/, () => {}],
    ['by another text', /asking Tencent's API to DescribeRouteTables: .*JSON/i, json('<html>')],
    [
      'by an answer without tables',
      /reading the answer .*no TotalCount/,
      json('{"Response":{"RequestId":"r"}}'),
    ],
    [
      'by a table without routes',
      /reading the answer .*no RouteSet/,
      json('{"Response":{"TotalCount":1,"RouteTableSet":[{"RouteTableId":"rtb-1"}]}}'),
    ],
    [
      'by a route that is none',
      /reading the answer .*no RouteId/,
      json('{"Response":{"TotalCount":1,"RouteTableSet":[{"RouteTableId":"rtb-1","RouteSet":[null]}]}}'),
    ],
    [
      'by a route whose number is too large to be read exactly',
      /reading the answer .*no RouteId/,
      json(
        '{"Response":{"TotalCount":1,"RouteTableSet":[{"RouteTableId":"rtb-1","RouteSet":[{"RouteId":9007199254740993}]}]}}',
      ),
    ],
  ])('%s is an error that says what was answered', async (_what, says, fault) => {
    const one = await driver({ timeoutMs: 200 })
    spoil('DescribeRouteTables', 100, fault)
    await expect(one.snapshot(SCOPE)).rejects.toMatchObject({
      code: 'DRIVER_REFUSED',
      message: expect.stringMatching(says),
    })
  })

  test.each<[what: string, page: (offset: number) => { TotalCount: number; ids: number[] }]>([
    ['has a page missing', (offset) => ({ TotalCount: 150, ids: offset === 0 ? range(0, 100) : [] })],
    ['has half a page', () => ({ TotalCount: 150, ids: range(0, 40) })],
    [
      'has a table twice, and another not',
      (offset) => ({ TotalCount: 150, ids: offset === 0 ? range(0, 100) : range(99, 50) }),
    ],
    ['changes its size', (offset) => ({ TotalCount: 150 + offset, ids: range(offset, 100) })],
  ])('because the list %s is never taken for whole', async (_what, page) => {
    const one = await driver()
    cloud.faults.push((request, response) => {
      if (request.action !== 'DescribeRouteTables') return false
      const { TotalCount, ids } = page(offsets.shift() ?? 0)
      const RouteTableSet = ids.map((id) => ({ RouteTableId: `rtb-${id}`, Main: id === 0, RouteSet: [] }))
      json(JSON.stringify({ Response: { TotalCount, RouteTableSet, RequestId: 'r' } }))(request, response)
      return true
    })
    const offsets = Array.from({ length: 20 }, (_, index) => (index % 2) * 100)
    await expect(one.snapshot(SCOPE)).rejects.toMatchObject({ code: 'READ_INTERRUPTED' })
  })

  const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

  test('keeps what was read before while it is watched, and the watch reports it', async () => {
    const one = await driver({ timeoutMs: 200 })
    await one.apply([{ type: 'put', resource: ROUTE }])
    const stop = new AbortController()
    const events = one.watch?.({ signal: stop.signal })[Symbol.asyncIterator]()
    const next = events?.next()
    spoil('DescribeRouteTables', 100, json(refused('InternalError', 'Down.')))
    await expect(next).rejects.toThrow(/InternalError: Down/)
    expect(await one.snapshot(SCOPE)).toEqual([ROUTE])
    stop.abort()
  })
})

describe('a write', () => {
  const put = async (one: Driver<VpcRouteResource>) => {
    const [result] = await one.apply([{ type: 'put', resource: ROUTE }])
    return result
  }

  test('that the API refuses for now is repeated', async () => {
    const one = await driver()
    spoil('CreateRoutes', 3, json(refused('RequestLimitExceeded', 'Too many requests.')))
    expect(await put(one)).toEqual({ ok: true })
    expect(cloud.toText()).toBe(MINE)
  })

  test('whose answer is lost is not repeated, and found to be done', async () => {
    const one = await driver()
    spoil('CreateRoutes', 1, (_request, response, usual) => {
      usual()
      response.destroy()
    })
    expect(await put(one)).toMatchObject({ ok: false, stale: true, error: { code: 'DRIVER_REFUSED' } })
    expect(countOf('CreateRoutes')).toBe(1)
    expect(await one.snapshot(SCOPE)).toEqual([ROUTE])
    expect(await put(one)).toEqual({ ok: true })
    expect(countOf('CreateRoutes')).toBe(1)
    expect(cloud.toText()).toBe(MINE)
  })

  test('that another was faster with is a conflict', async () => {
    const one = await driver()
    spoil('CreateRoutes', 1, json(refused('InvalidParameterValue.Duplicate', 'It exists.')))
    expect(await put(one)).toMatchObject({ ok: false, error: { code: 'RESOURCE_CONFLICT' } })
  })

  test('of a route that has gone meanwhile is a success if it deletes it', async () => {
    const one = await driver()
    await put(one)
    spoil('DeleteRoutes', 1, json(refused('ResourceNotFound', 'It is gone.')))
    expect(await one.apply([{ type: 'delete', resource: ROUTE }])).toEqual([{ ok: true }])
  })

  test('ends with the reason of a signal, whatever the API does', async () => {
    const one = await driver()
    const stop = new AbortController()
    const reason = new Error('enough')
    spoil('CreateRoutes', 1, () => stop.abort(reason))
    await expect(one.apply([{ type: 'put', resource: ROUTE }], { signal: stop.signal })).rejects.toBe(reason)
  })
})

describe('what the API does not accept', () => {
  const denied = async (options: TencentVpcOptions = {}) => {
    const error = await driver(options).catch((thrown: unknown) => thrown as Error)
    expect(error).toMatchObject({ code: 'ACCESS_DENIED' })
    return String((error as Error).message)
  }

  test('a wrong key is named by where it is from, and not shown', async () => {
    const message = await denied({ credentials: { ...KEY, secretKey: 'another-secret' } })
    expect(message).toMatch(
      /refused DescribeRouteTables: AuthFailure.SignatureFailure: .*those of the agent's environment/,
    )
    expect(message).not.toContain('another-secret')
  })

  test('an id that it repeats is not shown', async () => {
    const message = await denied({ credentials: { secretId: 'AKIDunknown', secretKey: 'x-y-z' } })
    expect(message).toContain('AuthFailure.SecretIdNotFound: The SecretId … is not found.')
  })

  test('a clock that is off is named, with what it says', async () => {
    cloud.now = () => Date.now() - 10 * 60_000
    expect(await denied()).toMatch(/AuthFailure.SignatureExpire: .*this host's clock says 20\d\d-.*set it/)
  })

  test('a right that is missing is named', async () => {
    spoil('DescribeRouteTables', 100, json(refused('UnauthorizedOperation', 'No.')))
    expect(await denied()).toMatch(/grant the agent's environment or options DescribeRouteTables/)
  })

  test('another region', async () => {
    const error = await load(cloud, ADDRESS, { section: { Region: 'eu-frankfurt' } }).catch(
      (thrown) => thrown,
    )
    expect(error).toMatchObject({
      code: 'DRIVER_REFUSED',
      message: expect.stringContaining(
        'UnsupportedRegion: No such region. (request request-1); correct Region',
      ),
    })
  })

  test('control characters and long texts are kept out of the message', async () => {
    spoil('DescribeRouteTables', 100, json(refused('FailedOperation', `\u001b[31m${'long '.repeat(5_000)}`)))
    const { message } = await driver().catch((thrown) => thrown)
    expect(message).not.toContain('\u001b')
    expect(message.length).toBeLessThan(600)
  })
})

test('the server that the tests stand on refuses a request that is not signed', async () => {
  const response = await fetch(cloud.endpoint, {
    method: 'POST',
    body: '{}',
    headers: { 'x-tc-action': 'DescribeVpcs' },
  })
  expect(await response.text()).toContain('AuthFailure.InvalidAuthorization')
})
