import { type Driver, type OperationResult, OverlayError } from '@selvedge/core'
import { type KernelResource, neighbour } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { outcome } from '../../tests/outcome.js'
import { FakeKernel } from '../fake-kernel/kernel.js'
import type { Runner } from '../runner.js'
import { driverSuite } from './suite.js'

type KernelDriver = Driver<KernelResource>

/** A driver that is wrong in one way; all else is the fake kernel's own. */
type Breakage = (driver: KernelDriver, kernel: FakeKernel) => Partial<KernelDriver>

const refused = (message: string): OperationResult => ({
  ok: false,
  error: new OverlayError('DRIVER_REFUSED', message, { errno: 'EINVAL' }),
})

/** Fails operations of one type that change nothing. */
function refusingIdle(type: 'put' | 'delete', errno: string): Breakage {
  return (driver, kernel) => ({
    apply: async (operations, options) => {
      const results = []
      for (const operation of operations) {
        const [result = refused('')] = await driver.apply([operation], options)
        const isIdle = kernel.requests.at(-1)?.changed === false
        results.push(operation.type === type && isIdle ? refused(errno) : result)
      }
      return results
    },
  })
}

/** [what is wrong, how, a test of the suite that finds it] */
const BROKEN: readonly (readonly [what: string, breakage: Breakage, finds: RegExp])[] = [
  ['refuses to put what is there', refusingIdle('put', 'EEXIST'), /puts what is there already/],
  ['refuses to delete what is gone', refusingIdle('delete', 'ESRCH'), /again what is gone/],
  [
    'stops at the first failure',
    (driver) => ({
      apply: async (operations, options) => {
        const results: OperationResult[] = []
        for (const operation of operations) {
          if (results.some(({ ok }) => !ok)) results.push(refused('not attempted'))
          else results.push(...(await driver.apply([operation], options)))
        }
        return results
      },
    }),
    /one that fails stops no other/,
  ],
  [
    'answers in another order',
    (driver) => ({
      apply: async (operations, options) => (await driver.apply(operations, options)).toReversed(),
    }),
    /answers in the order of the operations/,
  ],
  [
    'does not say what is stale',
    (driver) => ({
      apply: async (operations, options) =>
        (await driver.apply(operations, options)).map(({ stale: _, ...result }) => result),
    }),
    /recreates a link/,
  ],
  [
    'says that all is stale',
    (driver) => ({
      apply: async (operations, options) =>
        (await driver.apply(operations, options)).map((result) => ({ ...result, stale: true })),
    }),
    /puts what is there already, and changes nothing/,
  ],
  [
    'deletes routes of others',
    (driver, kernel) => ({
      apply: async (operations, options) => {
        for (const { type, resource } of operations) {
          if (type !== 'delete' || resource.kind !== 'route') continue
          try {
            kernel.deleteRoute({ destination: resource.destination, metric: resource.metric })
          } catch {
            // It was not there.
          }
        }
        return driver.apply(operations, options)
      },
    }),
    /refuses to put a route if/,
  ],
  [
    'overwrites routes of others',
    (driver, kernel) => ({
      apply: async (operations, options) => {
        for (const { type, resource } of operations) {
          if (type !== 'put' || resource.kind !== 'route') continue
          for (const protocol of ['static', 'kernel'] as const) {
            try {
              kernel.deleteRoute({ destination: resource.destination, metric: resource.metric, protocol })
            } catch {
              // It was not there.
            }
          }
        }
        return driver.apply(operations, options)
      },
    }),
    /refuses to put a route if/,
  ],
  [
    'lists what is in no scope',
    (driver) => ({
      snapshot: (scope, options) =>
        driver.snapshot(
          { ...scope, networks: ['0.0.0.0/0', '::/0'], links: [...scope.links, 'flannel.7'] },
          options,
        ),
    }),
    /keeps two overlays on one host apart/,
  ],
  [
    'does not know aliases',
    (driver) => ({ snapshot: (scope, options) => driver.snapshot({ ...scope, aliases: [] }, options) }),
    /finds links by name or by alias/,
  ],
  [
    'lists neighbours that are not permanent',
    (driver, kernel) => ({
      snapshot: async (scope, options) => {
        const held = await driver.snapshot(scope, options)
        const learned = kernel.toText().match(/^(\S+) dev flannel\.1 lladdr (\S+) REACHABLE$/m)
        if (learned === null) return held
        const [, address = '', macAddress = ''] = learned
        return [...held, neighbour({ link: 'flannel.1', address, macAddress })]
      },
    }),
    /lists nothing foreign/,
  ],
  [
    'reports no change',
    () => ({
      async *watch({ signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    }),
    /reports a change that another process makes: a route of ours is deleted/,
  ],
  [
    'reports its own writes',
    (driver, kernel) => ({
      apply: async (operations, options) => {
        const results = await driver.apply(operations, options)
        kernel.overrun()
        return results
      },
    }),
    /does not report its own writes/,
  ],
  [
    'wraps the reason of an abort',
    (driver) => ({
      snapshot: (scope, options) =>
        driver.snapshot(scope, options).catch((cause: unknown) => {
          throw new Error('reading', { cause })
        }),
    }),
    /rejects with the reason of a signal/,
  ],
  [
    'goes on after it is disposed of',
    (driver) => ({ [Symbol.asyncDispose]: async () => {}, snapshot: driver.snapshot.bind(driver) }),
    /rejects every call with CLOSED/,
  ],
  [
    'always chooses the external interface afresh',
    (driver) => ({
      externalInterface: async ({ signal } = {}) => {
        if (driver.externalInterface === undefined) throw new TypeError('the fake finds one')
        return driver.externalInterface({ signal })
      },
    }),
    /keeps the external interface in force/,
  ],
  [
    'forgets the external interface of an earlier run',
    (driver) => ({
      externalInterface: async ({ previous: _, ...options } = {}) => {
        if (driver.externalInterface === undefined) throw new TypeError('the fake finds one')
        return driver.externalInterface(options)
      },
    }),
    /chooses what an earlier run chose/,
  ],
  [
    'takes flanneld’s gateways for the host’s',
    (driver) => ({
      externalInterface: async (options) => {
        const found = await driver.externalInterface?.(options)
        if (found === undefined) throw new TypeError('the fake finds one')
        const { addresses = [], gateways = [] } = found.host ?? {}
        return { ...found, host: { addresses, gateways: [...gateways, '10.99.7.0'] } }
      },
    }),
    /which addresses and gateways the host has/,
  ],
  ['accepts every requirement', () => ({ preflight: async () => [] }), /checks what a backend requires/],
]

const suiteOn = (breakage: Breakage) => (runner: Runner) =>
  driverSuite(runner, {
    timeoutMs: 20,
    quietMs: 1,
    setup: () => {
      const kernel = new FakeKernel({ interfaces: [{ addresses: ['192.168.0.1/24', 'fd00::1/64'] }] })
      return {
        driver: () => {
          const driver = kernel.driver()
          const overrides = breakage(driver, kernel)
          return new Proxy<KernelDriver>(driver, {
            get: (target, name) => {
              const value: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name)
              return typeof value === 'function' ? value.bind(target) : value
            },
          })
        },
        run: (command) => kernel.run(command),
        state: () => kernel.toText(),
      }
    },
  })

describe('driverSuite on a driver that', () => {
  it.each(BROKEN)('%s: fails', async (_what, breakage, finds) => {
    const whole = await outcome(
      suiteOn(() => ({})),
      finds,
    )
    expect(whole.all).not.toEqual([])
    expect(whole.failed).toEqual([])
    expect((await outcome(suiteOn(breakage), finds)).failed).not.toEqual([])
  })
})
