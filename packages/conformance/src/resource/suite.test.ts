import { address, type KernelResource } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { deleteCommand, outcome } from '../../tests/outcome.js'
import { everySort, ownAddress, peer, SCOPE } from '../driver/samples.js'
import { FakeKernel } from '../fake-kernel/kernel.js'
import type { Runner } from '../runner.js'
import { type ResourcesUnderTest, resourceSuite } from './index.js'

/** The fake kernel, as if its kinds were a driver's own. */
function holder(
  alter: (driver: ReturnType<FakeKernel['driver']>) => void = () => {},
): ResourcesUnderTest<KernelResource> {
  const kernel = new FakeKernel({ interfaces: [{ addresses: ['192.168.0.1/24', 'fd00::1/64'] }] })
  const { fdb, neighbour, route } = peer(2)
  return {
    scope: SCOPE,
    driver: () => {
      const driver = kernel.driver()
      alter(driver)
      return driver
    },
    samples: everySort({ ipv6: true }),
    changed: [
      { ...fdb, destination: '192.168.0.99' },
      { ...neighbour, macAddress: '02:cc:00:00:00:01' },
      { ...route, gateway: '10.99.0.99' },
    ],
    refused: address({ ...ownAddress, link: 'slv-none' }),
    remove: (resource) => kernel.run(deleteCommand(resource)),
    addForeign: () => kernel.run('ip route add 10.99.220.0/24 dev eth0 proto static'),
    state: () => kernel.toText(),
  }
}

resourceSuite({ describe, it }, { setup: () => holder(), sharedHolder: false })

describe('resourceSuite on a driver that', () => {
  it.each<[what: string, finds: RegExp, alter: (driver: ReturnType<FakeKernel['driver']>) => void]>([
    [
      'puts nothing',
      /puts what is not there/,
      (driver) => {
        driver.apply = async (operations) => operations.map(() => ({ ok: true }))
      },
    ],
    [
      'does not delete',
      /deletes by key/,
      (driver) => {
        const { apply } = driver
        driver.apply = (operations) =>
          apply.call(
            driver,
            operations.filter(({ type }) => type === 'put'),
          )
      },
    ],
    [
      'stops at a failure',
      /one that fails stops no other/,
      (driver) => {
        const { apply } = driver
        driver.apply = async (operations, options) => {
          const results = await apply.call(driver, operations, options)
          const at = results.findIndex(({ ok }) => !ok)
          return at < 0 ? results : results.slice(0, at + 1)
        }
      },
    ],
    [
      'never reports a change',
      /watches, if it does/,
      (driver) => {
        driver.watch = async function* ({ signal }) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        }
      },
    ],
    [
      'is never closed',
      /CLOSED/,
      (driver) => {
        driver[Symbol.asyncDispose] = async () => {}
      },
    ],
  ])('%s: fails', async (_what, finds, alter) => {
    const suite = (runner: Runner) =>
      resourceSuite(runner, { setup: () => holder(alter), sharedHolder: false, timeoutMs: 50 })
    const { all, failed } = await outcome(suite, finds)
    expect(all).not.toEqual([])
    expect(failed).toEqual(all)
  })
})

it('resourceSuite asks whether other hosts write to the holder', () => {
  const unanswered = { setup: () => holder() } as Parameters<
    typeof resourceSuite<KernelResource, ResourcesUnderTest<KernelResource>>
  >[1]
  expect(() => resourceSuite({ describe: () => {}, it: () => {} }, unanswered)).toThrow(
    /say in `sharedHolder`/,
  )
})
