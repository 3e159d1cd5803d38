import { FakeClock } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { beforeEach, describe, expect, it } from 'vitest'
import type { WatchOptions } from '../contract/subnet-manager.js'
import { OverlayError } from '../util/errors.js'
import { LeaseWatch } from './lease-watch.js'
import type { StoreEvent } from './reports.js'

describe('LeaseWatch', () => {
  let clock: FakeClock
  let subnets: MemorySubnetManager
  let stop: AbortController
  let heard: string[]
  let events: StoreEvent[]
  let watch: LeaseWatch

  beforeEach(() => {
    clock = new FakeClock()
    subnets = new MemorySubnetManager(new MemoryStore({ config: { Network: '10.244.0.0/16' }, clock }))
    stop = new AbortController()
    heard = []
    events = []
    watch = new LeaseWatch({
      subnets,
      clock,
      onEvent: ({ type }) => heard.push(type),
      onError: ({ code }) => heard.push(code),
      onStore: (event) => events.push(event),
    })
  })

  /** Runs the watch on a store that has nothing to say after an empty snapshot. Returns what the store was asked with. */
  async function watchingSilence(): Promise<WatchOptions> {
    const asked: WatchOptions[] = []
    subnets.watchLeases = async function* (given) {
      asked.push(given)
      yield { type: 'snapshot', leases: [] }
      await new Promise(() => undefined)
    }
    void watch.run(stop.signal)
    await clock.settle()
    const [options] = asked
    if (options === undefined) throw new Error('the store was not asked')
    return options
  }

  it('opens a watch again a second after it ended, with an error or without', async () => {
    const real = subnets.watchLeases.bind(subnets)
    subnets.watchLeases = async function* () {
      subnets.watchLeases = async function* () {
        subnets.watchLeases = real
        yield* []
      }
      yield* []
      throw new Error('broken pipe')
    }
    const run = watch.run(stop.signal)
    await clock.settle()
    expect(heard).toEqual(['STORE_UNAVAILABLE'])
    expect(watch.error).toMatchObject({ message: 'watching leases in memory: broken pipe' })
    await clock.advance(2_000)
    expect(heard).toEqual(['STORE_UNAVAILABLE', 'snapshot'])
    expect(watch).toMatchObject({ error: undefined, asOf: clock.now() })
    stop.abort()
    await run
  })

  it('is up to date again when the store recovered, also with nothing to say', async () => {
    const options = await watchingSilence()
    const before = watch.asOf
    await clock.advance(5_000)
    options.onError?.(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
    expect(watch).toMatchObject({ asOf: before, error: { message: 'no answer' } })
    options.onRecovered?.()
    expect(watch).toMatchObject({ asOf: clock.now(), error: undefined })
  })

  it('reports that the store is away at first and then more and more seldom, another reason at once, and once that it is back', async () => {
    const options = await watchingSilence()
    heard.length = 0
    const away = new OverlayError('STORE_UNAVAILABLE', 'connection refused')
    const times: number[] = []
    const start = clock.monotonic()
    for (let second = 0; second < 300; second += 1) {
      const before = heard.length
      options.onError?.(away)
      if (heard.length > before) times.push((clock.monotonic() - start) / 1_000)
      await clock.advance(1_000)
    }
    expect(times).toEqual([0, 2, 6, 14, 30, 62, 122, 182, 242])
    options.onError?.(new OverlayError('ACCESS_DENIED', 'wrong password'))
    expect(heard.at(-1)).toBe('ACCESS_DENIED')
    options.onRecovered?.()
    options.onRecovered?.()
    expect(events).toEqual([
      { type: 'away', error: away },
      { type: 'back', awayMs: 300_000 },
    ])
    expect(watch.error).toBeUndefined()
  })

  it.each(['INVALID_LEASE', 'LEASE_CONFLICT'] as const)(
    'does not take records (%s) for a store that is away',
    async (code) => {
      subnets.watchLeases = async function* ({ onError }) {
        onError?.(new OverlayError(code, 'no lease'))
        await clock.sleep(1)
        yield { type: 'snapshot', leases: [] }
        onError?.(new OverlayError(code, 'no lease either'))
        await new Promise(() => undefined)
      }
      void watch.run(stop.signal)
      const listed = watch.whenListed(stop.signal)
      await clock.settle()
      await clock.advance(1)
      await listed
      expect(heard).toEqual([code, 'snapshot', code])
      expect(watch.error).toBeUndefined()
    },
  )
})
