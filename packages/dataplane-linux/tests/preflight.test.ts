import { fileURLToPath } from 'node:url'
import type { Driver } from '@selvedge/core'
import { type KernelResource, type LinkResource, link } from '@selvedge/core/kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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

describe('with few rights', () => {
  const SCRIPT = fileURLToPath(new URL('confined.mjs', import.meta.url))
  /** Sets up a link by `wrap`, a shell command that ends with `"$@"`, and says how that went. */
  const confined = (wrap: string, desired: LinkResource = vxlan()) => {
    namespace.ip('route add default via 192.168.0.254')
    const child = [process.execPath, SCRIPT, JSON.stringify(desired), JSON.stringify(SCOPE)]
    return JSON.parse(namespace.exec('sh', '-c', wrap, 'sh', ...child))
  }
  const acceptRa = () => namespace.exec('cat', '/proc/sys/net/ipv6/conf/flannel.1/accept_ra').trim()

  it('CAP_NET_ADMIN alone is enough, for any user', () => {
    const found = confined(
      'exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all,+net_admin ' +
        '--inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin "$@"',
    )
    expect(found).toEqual({ warnings: [], name: 'eth0', ok: true, resources: [vxlan()], watch: 'works' })
    expect(acceptRa()).toBe('0')
  })

  describe('for a TUN device', () => {
    const tun = link({ name: 'flannel0', type: 'tun', settings: { mode: 'tun' } })

    it('without /dev/net/tun it names the module to load, and what a container needs', () => {
      const found = confined('unshare -m -- sh -c \'mount -t tmpfs none /dev/net && exec "$@"\' sh "$@"', tun)
      expect(found.error).toMatch(
        /opening \/dev\/net\/tun: ENOENT\..*modprobe tun.*mounted.*CAP_NET_ADMIN.*privileged/,
      )
    })

    it('with one that this process may not open, it says what a container needs', () => {
      const found = confined(
        "unshare -m -- sh -c 'mount -t tmpfs none /dev/net && install -m 600 /dev/null /dev/net/tun && exec setpriv " +
          '--reuid=65534 --regid=65534 --clear-groups --bounding-set=-all,+net_admin --inh-caps=-all,+net_admin ' +
          '--ambient-caps=-all,+net_admin "$@"\' sh "$@"',
        tun,
      )
      expect(found.error).toMatch(/opening \/dev\/net\/tun: EACCES\..*mounted.*CAP_NET_ADMIN.*privileged/)
    })
  })

  it('without /proc it writes and reads, and says what it lacks to watch', () => {
    const found = confined('unshare -m -- sh -c \'mount -t tmpfs none /proc && exec "$@"\' sh "$@"')
    expect(found).toMatchObject({ name: 'eth0', ok: true, watch: expect.stringMatching(/mount \/proc/) })
    expect(found.resources).toEqual([vxlan()])
  })

  it('with /proc/sys read-only it warns, and goes on', () => {
    const found = confined(
      "unshare -m -- sh -c 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && " +
        'exec "$@"\' sh "$@"',
    )
    expect(found).toMatchObject({ name: 'eth0', ok: true, watch: 'works' })
    expect(found.warnings).toEqual([expect.stringMatching(/\/proc\/sys cannot be written.*accept_ra/)])
    expect(found.resources).toEqual([vxlan()])
  })
})
