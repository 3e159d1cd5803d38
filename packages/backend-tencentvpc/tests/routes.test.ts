import { type Driver, isOverlayError, type NodeContext, type OverlayError } from '@selvedge/core'
import { TencentCloud } from '@selvedge/lab'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TencentVpcOptions, VpcRouteResource } from '../src/index.js'
import { vpcRoute } from '../src/resource.js'
import { contextOf, idOf, KEY, load } from './node.js'

const ADDRESS = '192.168.5.2'
const OTHER = '192.168.5.3'
const SUBNET = '10.244.1.0/24'
const SCOPE = { aliases: [], links: [], networks: ['10.244.0.0/16'] }
const ROUTE = vpcRoute({ destination: SUBNET, gateway: ADDRESS })
const MINE = `rtb-main ${SUBNET} NORMAL_CVM ${ADDRESS} 'selvedge ${idOf(ADDRESS)}'`

let cloud: TencentCloud
beforeEach(async () => {
  cloud = await TencentCloud.start()
  cloud.keys.push(KEY)
  cloud.addInstance(ADDRESS)
  cloud.addInstance(OTHER)
})
afterEach(() => cloud[Symbol.asyncDispose]())

type Given = TencentVpcOptions & { readonly section?: object }

async function driverOf(address = ADDRESS, options: Given = {}): Promise<Driver<VpcRouteResource>> {
  const backend = await load(cloud, address, options)
  return backend.drivers?.({} as NodeContext)[0] as Driver<VpcRouteResource>
}

/** The error of a put; undefined if it succeeded. */
async function put(driver: Driver<VpcRouteResource>, route = ROUTE): Promise<OverlayError | undefined> {
  const [result] = await driver.apply([{ type: 'put', resource: route }])
  return result?.ok === false ? result.error : undefined
}

const byConsole = (route: Parameters<TencentCloud['vpc']['add']>[1]) =>
  cloud.vpc.add('rtb-main', { DestinationCidrBlock: SUBNET, ...route })

describe('a route of the same destination', () => {
  test.each<[what: string, route: Parameters<typeof byConsole>[0], names: string]>([
    ['to another instance', { GatewayId: OTHER }, `NORMAL_CVM ${OTHER},`],
    ['to a VPN', { GatewayType: 'VPN', GatewayId: 'vpngw-7' }, 'VPN vpngw-7,'],
    ['of the system', { GatewayType: 'CCN', GatewayId: 'ccn-7', RouteType: 'CCN' }, 'CCN ccn-7,'],
    [
      "of another node's selvedge, which is there",
      { GatewayId: OTHER, RouteDescription: `selvedge ${idOf(OTHER)}` },
      `described as 'selvedge ${idOf(OTHER)}'`,
    ],
    ["to an instance that is gone, of another program's", { GatewayId: '192.168.5.99' }, '192.168.5.99,'],
  ])('%s is a conflict that names it, and stays', async (_what, route, names) => {
    byConsole(route)
    const before = cloud.toText()
    const driver = await driverOf()
    const error = await put(driver)
    expect(error).toMatchObject({ code: 'RESOURCE_CONFLICT' })
    expect(error?.message).toContain(`the route of ${SUBNET} in rtb-main leads to`)
    expect(error?.message).toContain(names)
    expect(cloud.toText()).toBe(before)
    expect(await driver.snapshot(SCOPE)).toEqual([])
  })

  test('beside ours, which would share its packets, is a conflict, and ours is not complete', async () => {
    const driver = await driverOf()
    expect(await put(driver)).toBeUndefined()
    byConsole({ GatewayId: OTHER })
    expect(await driver.snapshot(SCOPE)).toEqual([{ ...ROUTE, complete: false }])
    expect(await put(driver)).toMatchObject({ code: 'RESOURCE_CONFLICT' })
  })

  test("of another node's selvedge whose address the VPC has no more is ours, since the subnet is", async () => {
    byConsole({ GatewayId: '192.168.5.99', RouteDescription: 'selvedge ins-gone' })
    expect(await put(await driverOf())).toBeUndefined()
    expect(cloud.toText()).toBe(MINE)
  })

  test('is not ours if the API does not say whether its gateway is there', async () => {
    byConsole({ GatewayId: '192.168.5.99', RouteDescription: 'selvedge ins-gone' })
    refuse('DescribeVpcPrivateIpAddresses', 'UnauthorizedOperation')
    expect(await put(await driverOf())).toMatchObject({ code: 'RESOURCE_CONFLICT' })
  })

  test('that is disabled hinders nothing', async () => {
    byConsole({ GatewayId: OTHER, Enabled: false })
    expect(await put(await driverOf())).toBeUndefined()
    expect(cloud.toText().split('\n')).toContain(MINE)
  })

  test('that leads to us and has no mark, as flannel writes it, becomes ours without a gap', async () => {
    const { RouteId } = byConsole({ GatewayId: ADDRESS })
    expect(await put(await driverOf())).toBeUndefined()
    expect(cloud.toText()).toBe(MINE)
    expect(cloud.vpc.table('rtb-main').routes.map((route) => route.RouteId)).toContain(RouteId)
  })
})

describe('our route', () => {
  test.each<[what: string, spoil: () => void]>([
    ['deleted in the console', () => cloud.vpc.table('rtb-main').routes.pop()],
    ['disabled', () => void Object.assign(own(), { Enabled: false })],
    ['led to another instance', () => void Object.assign(own(), { GatewayId: OTHER })],
    ['described otherwise', () => void Object.assign(own(), { RouteDescription: 'was selvedge' })],
  ])('%s is noticed by watch, and as it was after a put', async (_what, spoil) => {
    const driver = await driverOf()
    await put(driver)
    expect(await driver.snapshot(SCOPE)).toEqual([ROUTE])
    const stop = new AbortController()
    const events = driver.watch?.({ signal: stop.signal })[Symbol.asyncIterator]()
    const changed = events?.next()
    spoil()
    expect((await changed)?.value).toEqual({ type: 'changed' })
    stop.abort()
    expect(await driver.snapshot(SCOPE)).not.toEqual([ROUTE])
    expect(await put(driver)).toBeUndefined()
    expect(cloud.toText()).toBe(MINE)
  })

  const own = () => {
    const route = cloud.vpc.table('rtb-main').routes.at(-1)
    if (route === undefined) throw new Error('no route')
    return route
  }

  test('leads to the address that the instance has now', async () => {
    await put(await driverOf())
    cloud.vpc.addresses.add('192.168.5.8')
    const driver = await driverOf()
    const moved = vpcRoute({ destination: SUBNET, gateway: '192.168.5.8' })
    expect(await put(driver, moved)).toBeUndefined()
    expect(await driver.snapshot(SCOPE)).toEqual([moved])
  })

  test('of an instance that had our address before is ours to delete', async () => {
    byConsole({
      GatewayId: ADDRESS,
      RouteDescription: 'selvedge ins-before',
      DestinationCidrBlock: '10.244.9.0/24',
    })
    const driver = await driverOf()
    const [found] = await driver.snapshot(SCOPE)
    expect(found).toMatchObject({ destination: '10.244.9.0/24' })
    await driver.apply([{ type: 'delete', resource: found as VpcRouteResource }])
    expect(cloud.toText()).toBe('')
  })
})

describe('the route table', () => {
  beforeEach(() => {
    cloud.vpc.tables.push({ id: 'rtb-lab', main: false, subnets: ['subnet-lab'], routes: [] })
    for (let index = 0; index < 230; index += 1) {
      cloud.vpc.tables.unshift({ id: `rtb-${index}`, main: false, subnets: [`subnet-${index}`], routes: [] })
    }
  })

  test("is that of the instance's subnet, on whatever page of the list it is", async () => {
    await put(await driverOf())
    expect(cloud.toText()).toBe(MINE.replace('rtb-main', 'rtb-lab'))
  })

  test('follows the subnet when it is associated with another', async () => {
    const driver = await driverOf()
    await put(driver)
    cloud.vpc.table('rtb-lab').subnets.pop()
    cloud.vpc.table('rtb-7').subnets.push('subnet-lab')
    await expect.poll(() => driver.snapshot(SCOPE)).toEqual([{ ...ROUTE, complete: false }])
    expect(await put(driver)).toBeUndefined()
    expect(cloud.toText()).toBe(MINE.replace('rtb-main', 'rtb-7'))
  })

  test('is each that the config names', async () => {
    const driver = await driverOf(ADDRESS, { section: { RouteTableID: ['rtb-main', 'rtb-3'] } })
    expect(await put(driver)).toBeUndefined()
    expect(cloud.toText().split('\n')).toEqual([MINE.replace('rtb-main', 'rtb-3'), MINE])
    await driver.apply([{ type: 'delete', resource: ROUTE }])
    expect(cloud.toText()).toBe('')
  })

  test('that holds a route of another keeps no other table from ours', async () => {
    cloud.vpc.add('rtb-3', { DestinationCidrBlock: SUBNET, GatewayId: OTHER })
    const driver = await driverOf(ADDRESS, { section: { RouteTableID: ['rtb-3', 'rtb-main'] } })
    expect(await put(driver)).toMatchObject({ code: 'RESOURCE_CONFLICT' })
    expect(cloud.toText().split('\n')).toContain(MINE)
    expect(await driver.snapshot(SCOPE)).toEqual([{ ...ROUTE, complete: false }])
  })

  test('that the config names and the VPC does not have is an error that names it', async () => {
    await expect(driverOf(ADDRESS, { section: { RouteTableID: 'rtb-nowhere' } })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('rtb-nowhere'),
    })
  })
})

describe('the limit of routes', () => {
  const fill = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      byConsole({
        DestinationCidrBlock: `10.9.${index}.0/24`,
        GatewayId: OTHER,
        RouteDescription: 'selvedge ins-x',
      })
    }
  }

  test('is told of before it is met', async () => {
    cloud.vpc.quota = 10
    fill(7)
    const backend = await load(cloud, ADDRESS)
    expect(backend.warnings?.(contextOf(ADDRESS))).toEqual([
      'route table rtb-main holds 8 of at most 10 routes, and every node needs one: ask Tencent for a larger quota ' +
        'before nodes cannot join',
    ])
  })

  test('is named when it is met, with what fills the table', async () => {
    cloud.vpc.quota = 10
    fill(9)
    for (const [index, route] of cloud.vpc.table('rtb-main').routes.slice(1, 8).entries()) {
      route.GatewayId = `192.168.66.${index}`
    }
    const error = await put(await driverOf())
    expect(error).toMatchObject({ code: 'DRIVER_REFUSED' })
    expect(error?.message).toMatch(
      /LimitExceeded: .*rtb-main holds 10 routes of at most 10, 9 of them of other nodes/,
    )
    expect(error?.message).toContain(
      'delete those of instances that are gone (10.9.0.0/24, 10.9.1.0/24, 10.9.2.0/24, 10.9.3.0/24, 10.9.4.0/24 and 2 more)',
    )
  })

  test('that may not be asked for is a warning', async () => {
    refuse('DescribeVpcLimits', 'UnauthorizedOperation')
    const backend = await load(cloud, ADDRESS)
    expect(backend.warnings?.(contextOf(ADDRESS))).toEqual([
      expect.stringMatching(/is not known: .*DescribeVpcLimits/),
    ])
  })
})

test("a pod network inside of the VPC's own is refused, and what to do is said", async () => {
  const error = await put(await driverOf(), vpcRoute({ destination: '192.168.9.0/24', gateway: ADDRESS }))
  expect(error?.message).toMatch(/VpcCidrConflict.*choose a Network for pods/)
})

test('a network with IPv6 is refused before anything is asked', async () => {
  const section = { EnableIPv6: true, IPv6Network: 'fd00:244::/48' }
  const config = { ...contextOf(ADDRESS).config, ipv6: { network: section.IPv6Network } }
  const { tencentVpc } = await import('../src/index.js')
  const loading = tencentVpc().load({ ...contextOf(ADDRESS), config } as NodeContext, {})
  const error = await loading.catch((thrown: unknown) => thrown)
  expect(isOverlayError(error, 'INVALID_CONFIG')).toBe(true)
  expect(String(error)).toContain('IPv4 alone')
})

/** From now on the API refuses this action. */
function refuse(action: string, code: string): void {
  cloud.faults.push((request, response) => {
    if (request.action !== action) return false
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ Response: { Error: { Code: code, Message: 'no' }, RequestId: 'r' } }))
    return true
  })
}
