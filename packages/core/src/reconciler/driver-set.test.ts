import { FakeClock } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import type { Driver, DriverEvent, Operation, OperationResult } from '../contract/driver.js'
import type { Resource } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'
import { DriverSet } from './driver-set.js'

const resource = (kind: string, name: string): Resource => ({ kind, key: `${kind} ${name}` })
const put = (subject: Resource): Operation => ({ type: 'put', resource: subject })
const OK: OperationResult = { ok: true }
const NO_SCOPE = { aliases: [], links: [], networks: [] }
const never = new AbortController().signal

/** A driver of one kind that answers as `parts` say. */
function driverOf(kind: string, parts: Partial<Driver> = {}): Driver {
  return {
    name: `${kind} driver`,
    kinds: [kind],
    snapshot: async () => [],
    apply: async (operations) => operations.map(() => OK),
    async [Symbol.asyncDispose]() {},
    ...parts,
  }
}

describe('DriverSet', () => {
  it('refuses two drivers of one kind, by name', () => {
    const rival = driverOf('route', { name: 'rival' })
    expect(() => new DriverSet([driverOf('route'), rival])).toThrow(
      new TypeError("two drivers, 'route driver' and 'rival', both hold resources of kind 'route'"),
    )
  })

  it('merges what every driver holds, by key', async () => {
    const [a, b] = [resource('route', 'a'), resource('ruleset', 'b')]
    const drivers = [
      driverOf('route', { snapshot: async () => [a] }),
      driverOf('ruleset', { snapshot: async () => [b] }),
    ]
    expect(await new DriverSet(drivers).snapshot(NO_SCOPE, {})).toEqual(
      new Map([
        [a.key, a],
        [b.key, b],
      ]),
    )
  })

  it('has the traffic of the drivers that move packets themselves', () => {
    const traffic = {
      sent: { packets: 1, bytes: 84 },
      received: { packets: 0, bytes: 0 },
      dropped: { no_route: 2 },
    }
    const drivers = [driverOf('route'), driverOf('proxy', { traffic: () => traffic })]
    expect(new DriverSet(drivers).traffic).toEqual([{ driver: 'proxy driver', ...traffic }])
  })

  it('passes each operation to the driver of its kind, in order', async () => {
    const calls: [string, string[]][] = []
    const recording = (kind: string) =>
      driverOf(kind, {
        apply: async (operations) => {
          calls.push([kind, operations.map((operation) => operation.resource.key)])
          return operations.map(() => OK)
        },
      })
    const operations = ['a', 'b'].flatMap((name) => [
      put(resource('route', name)),
      put(resource('rule', name)),
    ])
    const applied = await new DriverSet([recording('route'), recording('rule')]).apply(operations, never)
    expect(calls).toEqual([
      ['route', ['route a', 'route b']],
      ['rule', ['rule a', 'rule b']],
    ])
    expect(applied.every(({ result }) => result.ok)).toBe(true)
    expect(new Set(applied.map(({ operation }) => operation))).toEqual(new Set(operations))
  })

  it.each<[string, Driver[], string, string]>([
    ['there is no driver for', [], 'UNSUPPORTED', "no driver holds resources of kind 'route'"],
    [
      'its driver does not answer',
      [driverOf('route', { apply: async () => [] })],
      'DRIVER_REFUSED',
      "driver 'route driver' did not answer to: put route a",
    ],
    [
      'its driver rejects',
      [driverOf('route', { apply: () => Promise.reject(new Error('socket closed')) })],
      'DRIVER_REFUSED',
      "applying changes through driver 'route driver': socket closed",
    ],
  ])('fails an operation that %s', async (_, drivers, code, text) => {
    const [applied] = await new DriverSet(drivers).apply([put(resource('route', 'a'))], never)
    expect(applied?.result).toMatchObject({
      ok: false,
      error: { code, message: expect.stringContaining(text) },
    })
  })

  it('keeps applying through the others if one driver rejects', async () => {
    const broken = driverOf('route', { apply: () => Promise.reject(new Error('socket closed')) })
    const operations = [put(resource('route', 'a')), put(resource('rule', 'a'))]
    const applied = await new DriverSet([broken, driverOf('rule')]).apply(operations, never)
    expect(applied.map(({ result }) => result.ok)).toEqual([false, true])
  })

  it("rethrows the signal's reason if it aborts during a write", async () => {
    const abort = new AbortController()
    const reason = new Error('shutting down')
    const aborting = driverOf('route', {
      apply: () => {
        abort.abort(reason)
        return Promise.reject(reason)
      },
    })
    const applying = new DriverSet([aborting]).apply([put(resource('route', 'a'))], abort.signal)
    await expect(applying).rejects.toBe(reason)
  })

  it('reopens a watch that fails, and then asks for a read, since changes may have been missed', async () => {
    const clock = new FakeClock()
    const stop = new AbortController()
    const errors: OverlayError[] = []
    let changes = 0
    let opened = 0
    async function* watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent> {
      opened += 1
      if (opened === 1) throw new OverlayError('DRIVER_REFUSED', 'the socket is gone')
      yield { type: 'changed' }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
    const watching = new DriverSet([driverOf('route', { watch })]).watch({
      clock,
      random: () => 0,
      signal: stop.signal,
      onChange: () => {
        changes += 1
      },
      onError: (error) => errors.push(error),
    })
    await clock.advanceUntil(() => changes === 2, 10_000)
    expect(opened).toBe(2)
    expect(errors.map(({ message }) => message)).toEqual(['the socket is gone'])
    stop.abort()
    await watching
  })
})
