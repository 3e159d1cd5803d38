import { beforeEach, describe, expect, it } from 'vitest'
import type { Operation } from '../contract/driver.js'
import { type Resource, route } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'
import { Slices } from '../util/slices.js'
import { DeltaTracker } from './delta-tracker.js'

const REFUSED = new OverlayError('DRIVER_REFUSED', 'the kernel answered EPERM')
const NOTHING_WRITTEN: ReadonlyMap<string, Operation> = new Map()
const written = (resource: Resource) =>
  new Map<string, Operation>([[resource.key, { type: 'put', resource }]])

const via = (destination: string, gateway: string) =>
  route({ destination, gateway, device: 'flannel.1', onLink: true })
const A = via('10.244.1.0/24', '10.244.1.0')
const B = via('10.244.2.0/24', '10.244.2.0')
const OTHER_A = via('10.244.1.0/24', '10.244.9.0')

const state = (...resources: Resource[]) => new Map(resources.map((resource) => [resource.key, resource]))
const summary = (operations: readonly Operation[]) =>
  operations.map(({ type, resource }) => [type, resource.key])

describe('a harmful resource that is not desired', () => {
  it('is deleted before the gate opens, and nothing else is', async () => {
    const tracker = new DeltaTracker({
      random: () => 1,
      onDirty: () => undefined,
      isHarmful: ({ key }) => key === B.key,
    })
    expect(await tracker.observe(state(A, B))).toEqual([])
    expect(summary(tracker.plan(state(A, B)))).toEqual([['delete', B.key]])
    const { operations } = tracker.take(0, NOTHING_WRITTEN)
    expect(summary(operations)).toEqual([['delete', B.key]])
    tracker.desired.set('peer', [B])
    await tracker.observe(state(A, B))
    expect(tracker.take(0, NOTHING_WRITTEN).operations).toEqual([])
  })
})

describe('DeltaTracker', () => {
  let tracker: DeltaTracker
  let wakes: number

  beforeEach(() => {
    wakes = 0
    tracker = new DeltaTracker({
      random: () => 1,
      onDirty: () => {
        wakes += 1
      },
    })
  })

  const take = (now = 0, written = NOTHING_WRITTEN) => tracker.take(now, written)

  /** Writes all that is dirty, successfully. */
  const writeAll = () => {
    for (const operation of take().operations) tracker.succeeded(operation)
  }

  /** Desires and holds these, with the gate open. */
  async function settled(...resources: Resource[]): Promise<void> {
    tracker.openGate()
    for (const resource of resources) tracker.desired.set(resource.key, [resource])
    await tracker.observe(state(...resources))
    take()
  }

  it('is not in sync before the gate is open and the actual state is known', async () => {
    expect(tracker.isInSync).toBe(false)
    await tracker.observe(state())
    expect(tracker.isInSync).toBe(false)
    tracker.openGate()
    expect(tracker.isInSync).toBe(true)
    tracker.invalidate()
    expect(tracker.isInSync).toBe(false)
  })

  it('puts what is desired and missing, and is clean once the write succeeded', async () => {
    tracker.openGate()
    await tracker.observe(state())
    tracker.desired.set('lease', [A])
    expect(wakes).toBe(1)
    expect(tracker.hasDirty).toBe(true)
    const { operations } = take()
    expect(summary(operations)).toEqual([['put', A.key]])
    for (const operation of operations) tracker.succeeded(operation)
    expect(tracker.isInSync).toBe(true)
    expect(tracker.actualSize).toBe(1)
    expect(take().operations).toEqual([])
  })

  it('follows levels, not edges: what is taken back before it is written calls for nothing', async () => {
    await settled(A)
    tracker.desired.set(A.key, [])
    tracker.desired.set(A.key, [A])
    expect(tracker.hasDirty).toBe(true)
    expect(take().operations).toEqual([])
  })

  describe('the gate', () => {
    it('keeps every delete back until it opens, from rounds and from plans', async () => {
      await tracker.observe(state(A))
      expect(take().operations).toEqual([])
      expect(tracker.plan(state(A))).toEqual([])
      tracker.openGate()
      expect(summary(take().operations)).toEqual([['delete', A.key]])
      expect(summary(tracker.plan(state(A)))).toEqual([['delete', A.key]])
    })

    it('lets puts through', async () => {
      await tracker.observe(state(OTHER_A))
      tracker.desired.set('lease', [A])
      expect(take().operations).toEqual([{ type: 'put', resource: A, actual: OTHER_A }])
    })
  })

  it('takes in a read slice by slice, whatever comes in between', async () => {
    const routes = Array.from({ length: 1_000 }, (_, index) =>
      route({ destination: `10.9.${index >> 8}.${index & 255}/32` }),
    )
    const [first, last] = [routes[0], routes.at(-1)]
    if (first === undefined || last === undefined) throw new Error('no routes')
    for (const one of routes) tracker.desired.set(one.key, [one])
    let [now, turns] = [0, 0]
    const slices = new Slices({
      monotonic: () => {
        now += 1_000
        return now
      },
      sleep: async () => {
        turns += 1
        if (turns === 2) tracker.desired.set(first.key, [])
        if (turns === 10) {
          tracker.desired.set(last.key, [])
          tracker.openGate()
        }
      },
    })
    await tracker.observe(state(...routes, A, B), slices)
    expect(turns).toBeGreaterThan(10)
    const keys = take().operations.map(({ type, resource }) => `${type} ${resource.key}`)
    expect(keys.sort()).toEqual([A, B, first, last].map(({ key }) => `delete ${key}`).sort())
  })

  describe('drift', () => {
    it.each<[string, Resource[], string, string]>([
      ['missing', [B], A.key, 'missing'],
      ['changed', [OTHER_A, B], A.key, 'changed'],
      [
        'unexpected',
        [A, B, via('10.244.7.0/24', '10.244.7.0')],
        route({ destination: '10.244.7.0/24' }).key,
        'unexpected',
      ],
    ])('reports a clean key that is %s, and makes it dirty', async (_, found, key, was) => {
      await settled(A, B)
      expect(await tracker.observe(state(...found))).toEqual([{ key, was }])
      expect(take().operations.map(({ resource }) => resource.key)).toEqual([key])
    })

    it('does not report a key that is dirty anyway', async () => {
      await settled(A)
      tracker.desired.set(A.key, [OTHER_A])
      expect(await tracker.observe(state(A))).toEqual([])
    })

    it('does not report what was never there', async () => {
      tracker.desired.set('lease', [A])
      expect(await tracker.observe(state())).toEqual([])
    })

    it('does not report leftovers before the gate opens', async () => {
      expect(await tracker.observe(state(A))).toEqual([])
    })
  })

  describe('a failed key', () => {
    const fail = (now: number) => {
      for (const operation of take(now).operations) tracker.failed(operation, REFUSED, now)
    }

    beforeEach(async () => {
      await settled(B)
      tracker.desired.set('lease', [A])
      fail(0)
    })

    it('is retried with backoff, and stops no other', async () => {
      expect(tracker.isInSync).toBe(false)
      expect(tracker.failures).toEqual([{ key: A.key, error: REFUSED, attempts: 1 }])
      expect(tracker.retryAt).toBe(100)
      expect(take(99).operations).toEqual([])
      tracker.desired.set(B.key, [])
      expect(summary(take(99).operations)).toEqual([['delete', B.key]])
      fail(100)
      expect(tracker.retryAt).toBe(300)
    })

    it('is not written early because a read shows that it still differs', async () => {
      await tracker.observe(state(B))
      expect(take(50).operations).toEqual([])
      expect(summary(take(100).operations)).toEqual([['put', A.key]])
    })

    it('is due at once if its desired resource changes, or if what made it fail has changed', async () => {
      tracker.desired.set('lease', [OTHER_A])
      expect(summary(take(1).operations)).toEqual([['put', A.key]])
      tracker.failed({ type: 'put', resource: OTHER_A }, REFUSED, 1)
      tracker.retryNow()
      expect(summary(take(2).operations)).toEqual([['put', A.key]])
    })

    it('is forgotten once a read shows it to hold, or it is desired no more and gone', async () => {
      await tracker.observe(state(A, B))
      expect(tracker.isInSync).toBe(true)
      tracker.desired.set('lease', [])
      for (const operation of take().operations) tracker.failed(operation, REFUSED, 0)
      expect(tracker.failures).toHaveLength(1)
      await tracker.observe(state(B))
      expect(tracker.failures).toEqual([])
    })
  })

  it('names a key that differs after its own write as one that did not hold', async () => {
    await settled()
    tracker.desired.set('lease', [A])
    writeAll()
    await tracker.observe(state(OTHER_A))
    const { operations, didNotHold } = take(0, written(A))
    expect(operations).toEqual([])
    expect(summary(didNotHold)).toEqual([['put', A.key]])
  })

  it('writes a key again that is desired otherwise by now', async () => {
    await settled(A)
    tracker.desired.set(A.key, [OTHER_A])
    const { operations, didNotHold } = take(0, written(A))
    expect(operations).toEqual([{ type: 'put', resource: OTHER_A, actual: A }])
    expect(didNotHold).toEqual([])
  })

  it('keeps counting failures of a write that succeeds and does not hold', async () => {
    await settled()
    tracker.desired.set('lease', [A])
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const operations = take(1_000_000).operations
      expect(summary(operations)).toEqual([['put', A.key]])
      for (const operation of operations) tracker.succeeded(operation)
      await tracker.observe(state())
      for (const operation of take(1_000_000, written(A)).didNotHold)
        tracker.failed(operation, REFUSED, attempt)
      expect(tracker.failures).toMatchObject([{ attempts: attempt }])
    }
  })

  it('offers again what was taken and not written', async () => {
    await settled()
    tracker.desired.set('lease', [A, B])
    tracker.putBack(take().operations)
    expect(take().operations).toHaveLength(2)
  })

  it('plans in the order of writing, and changes nothing', async () => {
    await settled()
    tracker.desired.set('lease', [A])
    const plan = tracker.plan(state(B))
    expect(summary(plan)).toEqual([
      ['put', A.key],
      ['delete', B.key],
    ])
    expect(summary(take().operations)).toEqual([['put', A.key]])
  })
})
