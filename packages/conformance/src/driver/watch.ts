import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Driver, DriverEvent } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { done } from '../assertions.js'
import { deletes, puts } from '../operations.js'
import type { DriverSection, TestHost } from './fixture.js'
import { device, ownAddress, peer, resourcesOf, SCOPE } from './samples.js'

const OURS: readonly KernelResource[] = [device(), ownAddress, ...resourcesOf(peer(2))]

/** A watch that has started, and has reported what happened before. */
class Watching implements AsyncDisposable {
  readonly #abort = new AbortController()
  readonly #events: AsyncIterator<DriverEvent>
  #next: Promise<IteratorResult<DriverEvent>>

  /** Starts, and waits until what happened before has been reported or no longer can be. */
  static async on({ quietMs }: TestHost, driver: Driver<KernelResource>): Promise<Watching> {
    await driver.snapshot(SCOPE)
    const watching = new Watching(driver)
    while ((await watching.within(quietMs)) !== undefined) await driver.snapshot(SCOPE)
    return watching
  }

  private constructor(driver: Driver<KernelResource>) {
    assert.ok(driver.watch, 'the driver has no `watch`')
    this.#events = driver.watch({ signal: this.#abort.signal })[Symbol.asyncIterator]()
    this.#next = this.#events.next()
  }

  next(): Promise<IteratorResult<DriverEvent>> {
    const next = this.#next
    this.#next = next.then((result) => (result.done ? result : this.#events.next()))
    return next
  }

  /** The next event, or undefined if none comes within so many ms. */
  async within(milliseconds: number): Promise<DriverEvent | undefined> {
    const late = new AbortController()
    const quiet = setTimeout(milliseconds, undefined, { signal: late.signal }).catch(() => undefined)
    const first = await Promise.race([this.#next, quiet])
    late.abort()
    return first === undefined ? undefined : ((await this.next()).value ?? undefined)
  }

  stop(): void {
    this.#abort.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.#next.catch(() => undefined)
  }
}

async function ready(host: TestHost): Promise<Driver<KernelResource>> {
  const driver = await host.connect()
  await done(driver, puts(...OURS))
  return driver
}

function assertChanged(event: DriverEvent | undefined): void {
  assert.equal(event?.type, 'changed')
  if (event.by === undefined) return
  const { pid, name } = event.by
  assert.ok(Number.isInteger(pid) && pid > 0, `it names the program of process ${pid}`)
  assert.ok(name === undefined || name !== '', 'it names a program by an empty name')
}

export function watchTests({ test }: DriverSection): void {
  for (const [what, ...commands] of [
    ['a route of ours is deleted', 'ip route del 10.99.0.32/28'],
    ['a route of ours is replaced', 'ip route replace 10.99.0.32/28 via 192.168.0.9 dev eth0 proto static'],
    ['a neighbour is deleted', 'ip neigh del 10.99.0.32 dev flannel.1'],
    [
      'a neighbour is changed',
      'ip neigh replace 10.99.0.32 lladdr 02:cc:00:00:00:01 dev flannel.1 nud permanent',
    ],
    ['an fdb entry is deleted', 'bridge fdb del 02:bb:00:00:00:02 dev flannel.1 dst 192.168.0.2 self'],
    ['an address is deleted', 'ip addr del 10.99.0.16/32 dev flannel.1'],
    ['our link goes down', 'ip link set flannel.1 down'],
    ['our link gets another MTU', 'ip link set flannel.1 mtu 1300'],
    ['our link is deleted', 'ip link del flannel.1'],
    ['the external interface gets another MTU', 'ip link set eth0 mtu 1460'],
    ['the external interface gets another address', 'ip addr add 192.168.7.1/24 dev eth0'],
  ] as const) {
    test(`reports a change that another process makes: ${what}`, async (host) => {
      const driver = await ready(host)
      await using watching = await Watching.on(host, driver)
      await host.run(...commands)
      const { value } = await host.soon(watching.next(), 'an event')
      assertChanged(value)
    })
  }

  test('reports that our link was recreated without what was on it', async (host) => {
    const driver = await ready(host)
    await using watching = await Watching.on(host, driver)
    await host.run(
      'ip link del flannel.1',
      'ip link add flannel.1 type vxlan id 1 dstport 8472 local 192.168.0.1 dev eth0 nolearning',
    )
    const { value } = await host.soon(watching.next(), 'an event')
    assertChanged(value)
  })

  // What the kernel itself does after a change of a link (routes that go with it) looks like a foreign change.
  test('does not report its own writes', async (host) => {
    const driver = await ready(host)
    await using watching = await Watching.on(host, driver)
    await done(driver, puts(...resourcesOf(peer(3)), { ...peer(2).route, gateway: '10.99.0.77' }))
    await done(driver, deletes(...resourcesOf(peer(2)).toReversed()))
    assert.equal(await watching.within(host.quietMs), undefined)
  })

  test('reports changes that come while its consumer is busy', async (host) => {
    const driver = await ready(host)
    await using watching = await Watching.on(host, driver)
    await host.run('ip neigh del 10.99.0.32 dev flannel.1')
    await host.soon(watching.next(), 'the first event')
    await host.run('ip route del 10.99.0.32/28')
    const { value } = await host.soon(watching.next(), 'the second event')
    assertChanged(value)
  })

  test('ends without an error when the signal aborts, and when the driver is disposed of', async (host) => {
    const driver = await ready(host)
    await using aborted = await Watching.on(host, driver)
    aborted.stop()
    assert.equal((await host.soon(aborted.next(), 'the end after an abort')).done, true)
    await using disposed = await Watching.on(host, driver)
    await driver[Symbol.asyncDispose]()
    assert.equal((await host.soon(disposed.next(), 'the end after a dispose')).done, true)
  })
}
