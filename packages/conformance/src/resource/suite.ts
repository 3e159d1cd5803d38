import assert from 'node:assert/strict'
import type { Driver, Resource } from '@selvedge/core'
import { assertHolds, DEFAULT_TIMEOUT_MS, done, failed, within } from '../assertions.js'
import { deletes, puts } from '../operations.js'
import type { Runner } from '../runner.js'
import { type SharedHolderUnderTest, sharedHolderSuite } from '../shared-holder/index.js'
import type { ResourceSuiteOptions, ResourcesUnderTest } from './types.js'

/**
 * Proves that a driver of other kinds of resources keeps the promises of `Driver`:
 *
 * ```ts
 * import { describe, it } from 'node:test'
 * resourceSuite({ describe, it }, { setup: () => ({ driver: () => myDriver(), samples: […], … }), sharedHolder: false })
 * ```
 *
 * `driverSuite` is for drivers of links, addresses, routes, neighbours and fdb entries. Throws a TypeError if `sharedHolder` is
 * missing.
 */
export function resourceSuite<
  R extends Resource,
  H extends ResourcesUnderTest<R>,
  S extends SharedHolderUnderTest = SharedHolderUnderTest,
>(
  { describe, it }: Runner,
  { setup, teardown, sharedHolder, timeoutMs = DEFAULT_TIMEOUT_MS }: ResourceSuiteOptions<R, H, S>,
): void {
  if (sharedHolder === undefined) {
    throw new TypeError(
      'resourceSuite: say in `sharedHolder` whether other hosts write to what this driver writes to: false, or, for a ' +
        "holder such as a VPC's route table, what sharedHolderSuite needs",
    )
  }
  if (sharedHolder !== false) sharedHolderSuite({ describe, it }, sharedHolder)

  const test = (name: string, body: (holder: H, connect: () => Promise<Driver<R>>) => Promise<void>) =>
    it(name, async () => {
      const holder = await setup()
      const drivers: Driver<R>[] = []
      try {
        await body(holder, async () => {
          const driver = await holder.driver()
          drivers.push(driver)
          return driver
        })
      } finally {
        for (const driver of drivers) await driver[Symbol.asyncDispose]()
        await teardown?.(holder)
      }
    })

  describe('Driver', () => {
    test('says whether several hosts share what it writes to', async (_holder, connect) => {
      const { name, shared = false } = await connect()
      assert.equal(shared, sharedHolder !== false, `the driver '${name}' says shared: ${shared}`)
    })

    test('puts what is not there, and reads back what was put', async ({ samples, scope }, connect) => {
      const driver = await connect()
      const kinds = new Set(samples.map(({ kind }) => kind))
      assert.deepEqual([...kinds].toSorted(), [...driver.kinds].toSorted(), 'samples of each kind')
      await done(driver, puts(...samples))
      await assertHolds(driver, samples, scope)
      await assertHolds(await connect(), samples, scope)
    })

    test('puts what is there already, and changes nothing', async (holder, connect) => {
      await done(await connect(), puts(...holder.samples))
      const before = await holder.state()
      await done(await connect(), puts(...holder.samples))
      assert.equal(await holder.state(), before)
    })

    test('puts over what differs, known from a snapshot or not', async ({
      samples,
      changed = [],
      scope,
    }, connect) => {
      const driver = await connect()
      for (const informed of [true, false]) {
        await done(driver, puts(...samples))
        await assertHolds(driver, samples, scope)
        await done(informed ? driver : await connect(), puts(...changed))
        const keys = new Set(changed.map(({ key }) => key))
        await assertHolds(driver, [...samples.filter(({ key }) => !keys.has(key)), ...changed], scope)
      }
    })

    test('deletes by key, and again what is gone', async (holder, connect) => {
      const { samples, changed = [], scope } = holder
      const driver = await connect()
      const before = await holder.state()
      await done(driver, puts(...samples))
      await done(await connect(), puts(...changed))
      await done(driver, deletes(...samples.toReversed()))
      await assertHolds(driver, [], scope)
      assert.equal(await holder.state(), before)
      await done(driver, deletes(...samples.toReversed()))
      await done(await connect(), deletes(...samples))
      assert.equal(await holder.state(), before)
    })

    test('puts back what another process deleted, and accepts that it is gone', async (holder, connect) => {
      const { samples, scope } = holder
      const driver = await connect()
      await done(driver, puts(...samples))
      for (const sample of samples.toReversed()) await holder.remove(sample)
      await assertHolds(driver, [], scope)
      await done(driver, puts(...samples))
      await assertHolds(driver, samples, scope)
      for (const sample of samples.toReversed()) await holder.remove(sample)
      await done(driver, deletes(...samples.toReversed()))
    })

    test('answers in the order of the operations, and one that fails stops no other', async ({
      samples,
      refused,
      scope,
    }, connect) => {
      const driver = await connect()
      assert.deepEqual(await driver.apply([]), [])
      const [first, ...others] = samples
      assert.ok(first !== undefined && others.length > 0, 'two samples or more')
      if (refused === undefined) return
      const results = await driver.apply(puts(first, refused, ...others))
      assert.deepEqual(
        results.map(({ ok }) => ok),
        [true, false, ...others.map(() => true)],
      )
      assert.ok(failed(results[1]).error.message.length > 0)
      await assertHolds(driver, samples, scope)
    })

    test('lists nothing foreign, and leaves all of it as it is', async (holder, connect) => {
      const { samples, scope } = holder
      const driver = await connect()
      await holder.addForeign?.()
      const before = await holder.state()
      await assertHolds(driver, [], scope)
      await done(driver, puts(...samples))
      await assertHolds(driver, samples, scope)
      await done(driver, deletes(...samples.toReversed()))
      assert.equal(await holder.state(), before)
    })

    test('rejects with the reason of a signal that is aborted already, and does nothing', async (holder, connect) => {
      const driver = await connect()
      const before = await holder.state()
      const reason = new Error('enough')
      const signal = AbortSignal.abort(reason)
      const calls = [
        driver.snapshot(holder.scope, { signal }),
        driver.apply(puts(...holder.samples), { signal }),
      ]
      for (const result of await within(timeoutMs, Promise.allSettled(calls), 'the end of every call')) {
        assert.equal(result.status === 'rejected' && result.reason, reason)
      }
      assert.equal(await holder.state(), before)
    })

    test('rejects every call with CLOSED once it is disposed of, and leaves what it put', async (holder, connect) => {
      const { samples, scope } = holder
      const driver = await connect()
      await done(driver, puts(...samples))
      const before = await holder.state()
      await driver[Symbol.asyncDispose]()
      await driver[Symbol.asyncDispose]()
      const calls = [driver.snapshot(scope), driver.apply(puts(...samples))]
      for (const result of await within(timeoutMs, Promise.allSettled(calls), 'the end of every call')) {
        assert.ok(result.status === 'rejected', 'a call to a driver that was disposed of went through')
        assert.equal(result.reason?.code, 'CLOSED')
      }
      assert.equal(await holder.state(), before)
      await assertHolds(await connect(), samples, scope)
    })

    test('watches, if it does, until the signal aborts or it is disposed of', async (holder, connect) => {
      for (const disposed of [false, true]) {
        const driver = await connect()
        if (driver.watch === undefined) return
        await done(driver, puts(...holder.samples))
        await driver.snapshot(holder.scope)
        const controller = new AbortController()
        const events = driver.watch({ signal: controller.signal })[Symbol.asyncIterator]()
        const first = events.next()
        for (const sample of holder.samples.toReversed()) await holder.remove(sample)
        const { value } = await within(
          timeoutMs,
          first,
          'an event when another process deletes a resource of ours',
        )
        assert.ok(value?.type === 'changed' || value?.type === 'overrun')
        if (disposed) await driver[Symbol.asyncDispose]()
        else controller.abort()
        const ended = async () => {
          while ((await events.next()).done !== true);
        }
        await within(timeoutMs, ended(), 'the end of the watch')
      }
    })
  })
}
