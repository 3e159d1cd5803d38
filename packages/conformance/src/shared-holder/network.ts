import assert from 'node:assert/strict'
import {
  type Backend,
  type Driver,
  isOverlayError,
  type Lease,
  type LeaseContext,
  type NodeContext,
  type OwnershipScope,
  type Resource,
} from '@selvedge/core'
import { Reconciler } from '@selvedge/core/kit'
import { type SampleFamilies, type SampleOverlay, sampleLease, sampleNode } from '../backend/fixture.js'
import { FakeClock } from '../fake-clock.js'
import { seededRandom } from '../fuzz/seeded-random.js'
import type { SharedHolderSuiteOptions, SharedHolderUnderTest } from './types.js'

/** The nodes of one or two overlays that share a holder. */
export class SharingNetwork {
  readonly #holder: SharedHolderUnderTest
  readonly #families: SampleFamilies
  readonly #section: SharedHolderSuiteOptions['section']
  readonly #drivers: Driver[] = []

  constructor(
    holder: SharedHolderUnderTest,
    families: SampleFamilies,
    section: SharedHolderSuiteOptions['section'],
  ) {
    this.#holder = holder
    this.#families = families
    this.#section = section
  }

  state(): string | Promise<string> {
    return this.#holder.state()
  }

  addForeign(): unknown {
    return this.#holder.addForeign?.()
  }

  /** A process of that node. @param leaseOf the node whose subnet it leases: another's, if that node is gone */
  node(number: number, { overlay = 0, leaseOf = number }: NodePlace = {}): SharingNode {
    const backend = this.#holder.backend(number)
    const context = sampleNode(this.#families, number, this.#section, overlay)
    const lease = {
      ...sampleLease(backend, this.#families, leaseOf, context, overlay),
      attributes: sampleLease(backend, this.#families, number, context, overlay).attributes,
    }
    const drivers = this.#holder.drivers?.(number, context) ?? backend.drivers?.(context) ?? []
    this.#drivers.push(...drivers)
    return new SharingNode(number, backend, { ...context, lease }, drivers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const driver of this.#drivers) await driver[Symbol.asyncDispose]()
  }
}

export interface NodePlace {
  readonly overlay?: SampleOverlay
  readonly leaseOf?: number
}

/** A resource of the shared holder, and for whose lease a node wants it. */
export interface DesiredEntry {
  readonly resource: Resource
  /** Absent: it is one of `local`. */
  readonly peer?: Lease
}

/** One process of a node, as an overlay would run its backend and its drivers. */
export class SharingNode {
  readonly number: number
  readonly lease: Lease
  readonly #backend: Backend
  readonly #context: LeaseContext
  readonly drivers: readonly Driver[]

  constructor(number: number, backend: Backend, context: LeaseContext, drivers: readonly Driver[]) {
    assert.ok(
      drivers.length > 0,
      'there is no driver of the shared holder: give `drivers`, or a backend that brings some',
    )
    this.number = number
    this.lease = context.lease
    this.#backend = backend
    this.#context = context
    this.drivers = drivers
  }

  /** What it wants to be held while these are the peers' leases. */
  desired(peers: readonly Lease[]): readonly DesiredEntry[] {
    const kinds = new Set(this.drivers.flatMap((driver) => driver.kinds))
    return [
      ...this.#backend.local(this.#context).map((resource) => ({ resource })),
      ...peers.flatMap((peer) =>
        this.#backend.peer(peer, this.#context).map((resource) => ({ resource, peer })),
      ),
    ].filter(({ resource }) => kinds.has(resource.kind))
  }

  /** Makes the holder equal to what it wants, as an overlay does that knows all leases. */
  async sync(peers: readonly Lease[]): Promise<void> {
    const reconciler = this.#reconciler(this.desired(peers).map(({ resource }) => resource))
    await reconciler.first()
    for (const { key, error } of reconciler.status.failures) {
      assert.fail(`node ${this.number} cannot write ${key}: ${error.message}`)
    }
  }

  /** Removes all that it has written, as an overlay does that is stopped with `cleanup`. */
  async leave(): Promise<void> {
    await this.#reconciler([]).removeAll()
  }

  /** What it finds of its own. */
  async held(): Promise<readonly Resource[]> {
    const held = await Promise.all(this.drivers.map((driver) => driver.snapshot(this.#scope)))
    return held.flat()
  }

  /** Carries out one operation, and returns the error's code if it fails. */
  async apply(type: 'put' | 'delete', resource: Resource): Promise<string | undefined> {
    const driver = this.drivers.find(({ kinds }) => kinds.includes(resource.kind))
    assert.ok(driver !== undefined)
    const [result] = await driver.apply([{ type, resource }])
    if (result?.ok !== false) return undefined
    return isOverlayError(result.error) ? result.error.code : String(result.error)
  }

  #reconciler(desired: readonly Resource[]): Reconciler {
    const reconciler = new Reconciler({
      drivers: this.drivers.map(withoutWatch),
      clock: new FakeClock(),
      random: seededRandom(1),
      resyncIntervalMs: 60_000,
      scope: () => this.#scope,
    })
    reconciler.desired.set('node', desired)
    reconciler.openGate()
    return reconciler
  }

  get #scope(): OwnershipScope {
    return scopeOf(this.#context)
  }
}

/** As an overlay asks for what is its own. */
function scopeOf({ config, externalInterface }: NodeContext): OwnershipScope {
  const networks = [config.ipv4?.network, config.ipv6?.network].filter((network) => network !== undefined)
  return { aliases: [], links: [], networks, externalInterface: externalInterface.name }
}

/** One read and one write need no notifications. */
const withoutWatch = (driver: Driver): Driver => ({
  name: driver.name,
  kinds: driver.kinds,
  snapshot: (scope, options) => driver.snapshot(scope, options),
  apply: (operations, options) => driver.apply(operations, options),
  [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
})
