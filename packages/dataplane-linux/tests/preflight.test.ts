import type { Driver } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace } from './namespace.js'
import { puts, SCOPE, vxlan } from './overlay-samples.js'

let namespace: TestNamespace
let driver: Driver<KernelResource>

beforeEach(() => {
  namespace = new TestNamespace()
  namespace.addExternalInterface('192.168.0.1/24')
  driver = linux({ namespace: namespace.path })
})

afterEach(async () => {
  await driver[Symbol.asyncDispose]()
  namespace[Symbol.dispose]()
})

/** Calls `body` as nobody, whose capabilities are none. */
async function asNobody<T>(body: () => Promise<T>): Promise<T> {
  process.seteuid?.(65534)
  try {
    return await body()
  } finally {
    process.seteuid?.(0)
  }
}

it('finds what is there, and changes nothing', async () => {
  const before = namespace.state()
  expect(await driver.preflight?.(['vxlan', 'bridge', 'veth', 'tun'])).toEqual([])
  expect(namespace.state()).toBe(before)
})

it('names a type of links that the kernel has not, and what to do', async () => {
  await expect(driver.preflight?.(['slv-none'])).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/no links of type slv-none.*modprobe slv-none/),
  })
})

it('names the capability that is missing, before anything is written', async () => {
  await driver.snapshot(SCOPE)
  const before = namespace.state()
  await asNobody(async () => {
    await expect(driver.preflight?.([])).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('CAP_NET_ADMIN'),
    })
    const [result] = await driver.apply(puts(vxlan()))
    expect(result).toMatchObject({ ok: false, error: { code: 'ACCESS_DENIED', errno: 'EPERM' } })
  })
  expect(namespace.state()).toBe(before)
})

it('names the capability that entering a namespace takes', async () => {
  await asNobody(async () => {
    await expect(driver.preflight?.([])).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('CAP_SYS_ADMIN'),
    })
  })
  // What was missing may come: the driver is none the worse.
  expect(await driver.preflight?.([])).toEqual([])
})

it('says that a namespace is not there', async () => {
  const nowhere = linux({ namespace: '/run/netns/slv-none' })
  await expect(nowhere.snapshot(SCOPE)).rejects.toMatchObject({
    message: expect.stringContaining('/run/netns/slv-none'),
  })
  await nowhere[Symbol.asyncDispose]()
})
