import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Driver } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace } from './namespace.js'
import { deletes, done, puts, SCOPE, vxlan } from './overlay-samples.js'

let namespace: TestNamespace
let driver: Driver<KernelResource>

beforeEach(() => {
  namespace = new TestNamespace()
  namespace.addExternalInterface('192.168.0.1/24', 'fd00::1/64')
  driver = linux({ namespace: namespace.path })
})

afterEach(async () => {
  await driver[Symbol.asyncDispose]()
  namespace[Symbol.dispose]()
})

it('a link of another type under our name is neither ours nor deleted', async () => {
  namespace.ip('link add flannel.1 type bridge')
  namespace.ip('address add 10.1.0.1/24 dev flannel.1')
  const before = namespace.state()
  expect(await driver.snapshot(SCOPE)).toEqual([])
  for (const operation of [...puts(vxlan()), ...deletes(vxlan())]) {
    const [result] = await driver.apply([operation])
    if (result?.ok !== false) throw new Error(`${operation.type} went through`)
    expect(result.error).toMatchObject({ code: 'RESOURCE_CONFLICT' })
    expect(result.error.message).toMatch(/link flannel\.1 .* bridge .*rename or delete/)
  }
  expect(namespace.state()).toBe(before)
})

it('a link of another type that bears our mark is made again as what it is to be', async () => {
  namespace.ip('link add flannel.1 type bridge')
  namespace.exec('ip', 'link', 'set', 'flannel.1', 'alias', `${vxlan().alias}`)
  await done(driver, puts(vxlan()))
  expect(await driver.snapshot(SCOPE)).toContainEqual(vxlan())
})

it('router advertisements are off before the link is up', async () => {
  await done(driver, puts(vxlan()))
  expect(namespace.exec('cat', '/proc/sys/net/ipv6/conf/flannel.1/accept_ra').trim()).toBe('0')
  namespace.exec('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/flannel.1/accept_ra')
  const [held] = await driver.snapshot(SCOPE)
  expect(held).toMatchObject({ acceptRouterAdvertisements: true })
})

it('a VXLAN over IPv6 is made and read', async () => {
  const desired = vxlan({
    mtu: 1430,
    settings: { vni: 7, port: 8472, local: 'fd00::1', parent: 'eth0', learning: false, gbp: true },
  })
  await done(driver, puts(desired))
  expect(await driver.snapshot(SCOPE)).toContainEqual(desired)
  expect(namespace.ipJson('link show flannel.1')).toMatchObject([
    { linkinfo: { info_data: { id: 7, local6: 'fd00::1', link: 'eth0', gbp: true } } },
  ])
})

it('the error names the link that has the VNI', async () => {
  namespace.ip('link add other type vxlan id 1 dstport 8472 dev eth0 local 192.168.0.1')
  const [result] = await driver.apply(puts(vxlan()))
  if (result?.ok !== false) throw new Error('it was made')
  expect(result.error.message).toMatch(
    /creating vxlan link flannel\.1.*Link other has VNI 1.*ip link del other/,
  )
})

describe('a UDP port that is taken: the error names who has it', () => {
  const refusal = async (): Promise<string> => {
    const [result] = await driver.apply(puts(vxlan()))
    if (result?.ok !== false) throw new Error('it was set up')
    expect(result.error).toMatchObject({ code: 'RESOURCE_CONFLICT', errno: 'EADDRINUSE' })
    expect(result.error.message).toMatch(
      /^setting .*up true of link flannel\.1: the kernel answered EADDRINUSE/,
    )
    return result.error.message
  }

  it('a VXLAN link of other options', async () => {
    namespace.ip('link add cilium_vxlan type vxlan external dstport 8472')
    namespace.ip('link set cilium_vxlan up')
    expect(await refusal()).toMatch(
      /Link cilium_vxlan \(vxlan\) listens on UDP port 8472.*ip link del cilium_vxlan/,
    )
    namespace.ip('link del cilium_vxlan')
    await done(driver, puts(vxlan()))
  })

  it('a process', async () => {
    const script =
      "const s = require('dgram').createSocket('udp4'); s.bind(8472, '127.0.0.1', () => console.log('bound'))"
    const child = spawn('ip', ['netns', 'exec', namespace.name, process.execPath, '-e', script])
    try {
      await once(child.stdout, 'data')
      expect(await refusal()).toMatch(
        new RegExp(`Process ${child.pid} \\(node\\) holds it\\. Stop .*ss -lunp`),
      )
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await done(driver, puts(vxlan()))
  })

  it('a VXLAN link that was moved to another namespace', async () => {
    const other = new TestNamespace()
    try {
      namespace.ip('link add moved type vxlan external dstport 8472')
      namespace.ip(`link set moved netns ${other.name}`)
      other.ip('link set moved up')
      expect(await refusal()).toMatch(/UDP port 8472 is taken.*moved to another network namespace/)
    } finally {
      other[Symbol.dispose]()
    }
  })
})

it('router advertisements stay off when the MTU allows for IPv6 again', async () => {
  await done(driver, puts(vxlan({ mtu: 1250 })))
  await done(driver, puts(vxlan()))
  expect(await driver.snapshot(SCOPE)).toContainEqual(vxlan())
})

it('an MTU too large for the parent is refused, and the error says what was asked for', async () => {
  await done(driver, puts(vxlan()))
  const [result] = await driver.apply(puts(vxlan({ mtu: 9000 })))
  if (result?.ok !== false) throw new Error('it was set')
  expect(result.error).toMatchObject({ code: 'DRIVER_REFUSED', errno: 'EINVAL' })
  expect(result.error.message).toMatch(/setting mtu 9000 of link flannel\.1.*EINVAL/)
})
