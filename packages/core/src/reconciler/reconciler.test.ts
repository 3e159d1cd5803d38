import { FakeClock } from '@selvedge/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Driver, DriverEvent, Operation, OperationResult, Program } from '../contract/driver.js'
import { link, type Resource, route } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'
import { Wakeup } from '../util/wakeup.js'
import type { Drift } from './delta-tracker.js'
import { Reconciler } from './reconciler.js'
import type { SyncReport } from './sync-tally.js'

const VTEP = link({ name: 'flannel.1', type: 'vxlan' })
const A = route({ destination: '10.244.1.0/24', device: 'flannel.1' })
const B = route({ destination: '10.244.2.0/24', device: 'flannel.1' })
const MINUTE = 60_000

/** Holds resources in a map, and goes wrong as told. What it does to a real kernel, the master test shows. */
class MapDriver implements Driver {
  readonly name = 'map'
  readonly kinds = ['link', 'route']
  readonly state = new Map<string, Resource>()
  readonly log: string[] = []
  snapshotError: Error | undefined
  /** Asked for each operation; the default is success. */
  answer: (operation: Operation) => OperationResult = () => ({ ok: true })
  readonly #changed = new Wakeup()
  #meddler: Program | undefined
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async snapshot(): Promise<readonly Resource[]> {
    this.log.push('read')
    if (this.snapshotError !== undefined) throw this.snapshotError
    return [...this.state.values()]
  }

  async apply(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    return operations.map((operation) => {
      const { type, resource } = operation
      this.log.push(`${type} ${resource.key}`)
      const result = this.answer(operation)
      if (!result.ok) return result
      if (type === 'put') this.state.set(resource.key, resource)
      else this.state.delete(resource.key)
      return result
    })
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent> {
    while (!signal.aborted) {
      await this.#changed.sleep(Number.POSITIVE_INFINITY, this.#clock, signal).catch(() => undefined)
      if (!signal.aborted)
        yield this.#meddler === undefined ? { type: 'changed' } : { type: 'changed', by: this.#meddler }
    }
  }

  /** As another process would. */
  meddle(change: (state: Map<string, Resource>) => void, by?: Program): void {
    this.#meddler = by
    change(this.state)
    this.#changed.wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

describe('Reconciler', () => {
  let clock: FakeClock
  let driver: MapDriver
  let stop: AbortController
  let drifts: Drift[]
  let syncs: SyncReport[]
  let errors: OverlayError[]
  let running: Promise<void> | undefined

  beforeEach(() => {
    clock = new FakeClock()
    driver = new MapDriver(clock)
    stop = new AbortController()
    drifts = []
    syncs = []
    errors = []
  })

  afterEach(async () => {
    stop.abort()
    await running
    running = undefined
  })

  function create(): Reconciler {
    return new Reconciler({
      drivers: [driver],
      clock,
      random: () => 0.5,
      resyncIntervalMs: MINUTE,
      scope: () => ({ aliases: [], links: [], networks: [] }),
      onDrift: (drift) => drifts.push(...drift),
      onSync: (report) => syncs.push(report),
      onError: (error) => errors.push(error),
    })
  }

  /** In sync with these, and nothing on record. */
  async function started(...resources: Resource[]): Promise<Reconciler> {
    const reconciler = create()
    for (const resource of resources) reconciler.desired.set(resource.key, [resource])
    reconciler.openGate()
    running = reconciler.run(stop.signal)
    await clock.advanceUntil(() => reconciler.status.inSync, MINUTE)
    driver.log.length = 0
    syncs.length = 0
    return reconciler
  }

  const inSync = (reconciler: Reconciler) => clock.advanceUntil(() => reconciler.status.inSync, 10 * MINUTE)

  it('touches the keys of one event alone, and reads nothing for it', async () => {
    const reconciler = await started(VTEP, A)
    reconciler.desired.set(B.key, [B])
    await inSync(reconciler)
    expect(driver.log).toEqual([`put ${B.key}`])
    expect(syncs).toMatchObject([{ put: 1, deleted: 0, failed: 0 }])
  })

  it('repairs what others change, and reports it as drift', async () => {
    const reconciler = await started(VTEP, A, B)
    driver.meddle((state) => state.delete(A.key))
    await inSync(reconciler)
    expect(driver.log).toEqual(['read', `put ${A.key}`])
    expect(drifts).toEqual([{ key: A.key, was: 'missing' }])
  })

  it('names the program whose change was noticed, for that change alone', async () => {
    const reconciler = await started(VTEP, A, B)
    const networkd = { pid: 812, name: 'systemd-network' }
    driver.meddle((state) => state.delete(A.key), networkd)
    await inSync(reconciler)
    driver.meddle(() => {}, networkd)
    await inSync(reconciler)
    driver.state.delete(B.key)
    await clock.advance(1.2 * MINUTE)
    await inSync(reconciler)
    driver.meddle((state) => state.delete(A.key), { pid: 4711 })
    await inSync(reconciler)
    expect(drifts).toEqual([
      { key: A.key, was: 'missing', by: networkd },
      { key: B.key, was: 'missing' },
      { key: A.key, was: 'missing', by: { pid: 4711 } },
    ])
  })

  it('finds on its timer what no notification reported', async () => {
    const reconciler = await started(VTEP, A)
    driver.state.delete(A.key)
    await clock.advance(1.2 * MINUTE)
    await inSync(reconciler)
    expect(driver.state.has(A.key)).toBe(true)
  })

  it('reads again before it goes on if a write may have taken others along', async () => {
    const reconciler = await started(VTEP, A, B)
    driver.answer = ({ resource }) => {
      if (resource.key !== VTEP.key) return { ok: true }
      for (const key of [A.key, B.key]) driver.state.delete(key) // a recreated link loses its routes
      return { ok: true, stale: true }
    }
    reconciler.desired.set(VTEP.key, [{ ...VTEP, mtu: 1400 } as Resource])
    await inSync(reconciler)
    expect(driver.log).toEqual([`put ${VTEP.key}`, 'read', `put ${A.key}`, `put ${B.key}`])
    expect(drifts).toEqual([])
  })

  it('retries a key that fails, without holding up the others', async () => {
    const reconciler = await started(VTEP)
    const refused = new OverlayError('DRIVER_REFUSED', 'put: EPERM')
    driver.answer = ({ resource }) => (resource.key === A.key ? { ok: false, error: refused } : { ok: true })
    reconciler.desired.set('peers', [A, B])
    await clock.advanceUntil(() => (reconciler.status.failures[0]?.attempts ?? 0) >= 3, MINUTE)
    expect(driver.state.has(B.key)).toBe(true)
    expect(reconciler.status).toMatchObject({ inSync: false, failures: [{ key: A.key, error: refused }] })
    driver.answer = () => ({ ok: true })
    await inSync(reconciler)
    expect(driver.state.has(A.key)).toBe(true)
  })

  it('writes nothing before the first read, and follows leases while later reads fail', async () => {
    driver.snapshotError = new Error('no buffer space')
    const reconciler = create()
    reconciler.desired.set('peers', [A])
    reconciler.openGate()
    running = reconciler.run(stop.signal)
    await clock.advance(5_000)
    expect(driver.log.every((entry) => entry === 'read')).toBe(true)
    expect(errors.at(-1)).toMatchObject({
      code: 'DRIVER_REFUSED',
      message: expect.stringContaining('no buffer space'),
    })

    driver.snapshotError = undefined
    await inSync(reconciler)
    driver.snapshotError = new Error('no buffer space')
    reconciler.resync()
    reconciler.desired.set('more', [B])
    await clock.advanceUntil(() => driver.state.has(B.key), MINUTE)
    expect(reconciler.status.inSync).toBe(false)
  })

  it('rejects from `first` if nothing can be read, and stops watching', async () => {
    driver.snapshotError = new OverlayError('ACCESS_DENIED', 'reading routes: EPERM')
    await expect(create().first()).rejects.toBe(driver.snapshotError)
    expect(clock.pending).toEqual([])
  })

  it('plans without writing', async () => {
    const reconciler = await started(VTEP, A)
    driver.state.delete(A.key)
    driver.state.set(B.key, B)
    const plan = await reconciler.plan()
    expect(plan.map(({ type, resource }) => `${type} ${resource.key}`)).toEqual([
      `put ${A.key}`,
      `delete ${B.key}`,
    ])
    expect(driver.log).toEqual(['read'])
  })

  it('resolves whenInSync at once, later, or with the reason of the abort', async () => {
    const reconciler = await started(VTEP)
    await reconciler.whenInSync()
    reconciler.desired.set('peers', [A])
    const later = reconciler.whenInSync()
    const abort = new AbortController()
    const aborted = reconciler.whenInSync({ signal: abort.signal })
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await inSync(reconciler)
    await later
  })

  it('removes all that is ours, in reverse order, and reports what comes back', async () => {
    const reconciler = await started(VTEP, A, B)
    stop.abort()
    await running
    await reconciler.removeAll()
    expect(driver.state.size).toBe(0)
    expect(driver.log.filter((entry) => entry.startsWith('delete')).at(-1)).toBe(`delete ${VTEP.key}`)

    driver.state.set(A.key, A)
    driver.answer = ({ resource }) => {
      queueMicrotask(() => driver.state.set(resource.key, resource)) // another program restores it
      return { ok: true }
    }
    await expect(reconciler.removeAll()).rejects.toMatchObject({ code: 'DRIVER_REFUSED' })
  })

  it('survives a driver that breaks its contract, and says so', async () => {
    const reconciler = await started(VTEP)
    const { apply } = driver
    driver.apply = () => Promise.resolve(undefined as never)
    reconciler.desired.set('peers', [A])
    await clock.advance(1_000)
    expect(errors.some(({ code }) => code === 'INTERNAL')).toBe(true)
    driver.apply = apply
    await inSync(reconciler)
    expect(driver.state.has(A.key)).toBe(true)
  })
})
