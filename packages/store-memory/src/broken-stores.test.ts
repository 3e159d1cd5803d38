import { FakeClock, subnetManagerSuite } from '@selvedge/conformance'
import type {
  AbortOptions,
  Lease,
  LeaseEvent,
  LeaseRequest,
  NetworkConfig,
  RenewOptions,
  SetConfigOptions,
  WatchOptions,
} from '@selvedge/core'
import { isOverlayError } from '@selvedge/core'
import { leasesOverlap } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { MemorySubnetManager } from './manager.js'
import { MemoryStore } from './store.js'

/** Long enough for what works, short enough for what hangs, in ms. */
const PATIENCE = 250

const leaseTermMs = 60_000

/** Runs the suite on managers of class `Manager`; returns the names of the tests that fail, and of all. */
async function runSuite(Manager: typeof MemorySubnetManager): Promise<{ failed: string[]; all: string[] }> {
  const tests: { name: string; body: () => void | Promise<void> }[] = []
  subnetManagerSuite(
    { describe: (_, body) => body(), it: (name, body) => tests.push({ name, body }) },
    {
      setup(config) {
        const clock = new FakeClock()
        const store = new MemoryStore({ config, leaseTermMs, clock })
        return {
          connect: () => new Manager(store),
          setNetworkConfig: (next) => store.setNetworkConfig(next),
          reserve: (lease) => store.reserve(lease),
          advance: (milliseconds) => clock.advance(milliseconds),
          leaseTermMs,
        }
      },
      supports: { foreignRecords: false, interruptions: false },
      timeoutMs: PATIENCE,
    },
  )
  const outcomes = await Promise.all(
    tests.map(async ({ name, body }) => {
      try {
        await body()
        return []
      } catch {
        return [name]
      }
    }),
  )
  return { failed: outcomes.flat(), all: tests.map(({ name }) => name) }
}

/** Ways in which a store was or could be wrong, each with a test of the suite that must notice. */
const broken: Record<string, { Manager: typeof MemorySubnetManager; caughtBy: string }> = {
  'gives two nodes one subnet': {
    caughtBy: 'gives nodes that ask at once a subnet each, and all there are: 24',
    Manager: class extends MemorySubnetManager {
      override async acquireLease(request: LeaseRequest, options?: AbortOptions): Promise<Lease> {
        const lease = await super.acquireLease(request, options)
        return { ...lease, subnet: this.store.leases[0]?.subnet }
      }
    },
  },
  'gives a node a new subnet each time': {
    caughtBy: 'gives a node that asks again the same subnet, with its new attributes',
    Manager: class extends MemorySubnetManager {
      override async acquireLease(request: LeaseRequest, options?: AbortOptions): Promise<Lease> {
        const held = this.store.leases.find(
          (lease) =>
            lease.expiresAt !== undefined && lease.attributes.publicIp === request.attributes.publicIp,
        )
        if (held === undefined) return super.acquireLease(request, options)
        this.store.reserve({ ...held, attributes: { publicIp: '192.0.2.250' } })
        const lease = await super.acquireLease(request, options)
        this.store.remove(held)
        return lease
      }
    },
  },
  'publishes the attributes of the first request forever': {
    caughtBy: 'a renewal publishes the attributes given',
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options?: AbortOptions): Promise<Lease> {
        const held = this.store.leases.find(({ subnet }) => subnet === lease.subnet)
        return super.renewLease({ ...lease, attributes: held?.attributes ?? lease.attributes }, options)
      }
    },
  },
  'does not ask `adopt`': {
    caughtBy: 'publishes what `adopt` makes of the lease that it finds',
    Manager: class extends MemorySubnetManager {
      override acquireLease({ attributes, previous }: LeaseRequest, options?: AbortOptions): Promise<Lease> {
        return super.acquireLease({ attributes, previous }, options)
      }
    },
  },
  'does not look at the previous subnet': {
    caughtBy: 'leases the previous subnet again if it is free',
    Manager: class extends MemorySubnetManager {
      override acquireLease({ attributes, adopt }: LeaseRequest, options?: AbortOptions): Promise<Lease> {
        return super.acquireLease({ attributes, adopt }, options)
      }
    },
  },
  'takes a subnet that is renewed away from its holder': {
    caughtBy: 'a renewal of what another node holds rejects with LEASE_LOST and changes nothing',
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options?: AbortOptions): Promise<Lease> {
        for (const held of this.store.leases) if (held.subnet === lease.subnet) this.store.remove(held)
        return super.acquireLease({ attributes: lease.attributes, previous: lease }, options)
      }
    },
  },
  'misses that a lease is lost': {
    caughtBy: 'a renewal of a lease that is gone rejects with LEASE_LOST and brings none back',
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options?: AbortOptions): Promise<Lease> {
        try {
          return await super.renewLease(lease, options)
        } catch (error) {
          if (isOverlayError(error, 'LEASE_LOST')) return lease
          throw error
        }
      }
    },
  },
  'releases what another node holds': {
    caughtBy: 'a release of what another node holds by now changes nothing',
    Manager: class extends MemorySubnetManager {
      override async releaseLease(lease: Lease, options?: AbortOptions): Promise<void> {
        const held = this.store.leases.find(({ subnet }) => subnet === lease.subnet)
        await super.releaseLease(held ?? lease, options)
      }
    },
  },
  'makes a lease of a reservation': {
    caughtBy: 'gives a node its reservation, which stays one',
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options?: AbortOptions): Promise<Lease> {
        await super.renewLease(lease, options)
        this.store.remove(lease)
        return super.acquireLease({ attributes: lease.attributes, previous: lease }, options)
      }
    },
  },
  'lists leases as reservations': {
    caughtBy: 'reserves subnets of any length, and lists exactly the reservations',
    Manager: class extends MemorySubnetManager {
      override async reservations(): Promise<readonly Lease[]> {
        return this.store.leases
      }
    },
  },
  'keeps the meaning of a config, and not its text': {
    caughtBy: 'says what text the network config is, to the letter, and does not wait for one',
    Manager: class extends MemorySubnetManager {
      override async networkConfigText(options?: AbortOptions): Promise<string | undefined> {
        const text = await super.networkConfigText(options)
        return text === undefined ? undefined : JSON.stringify(JSON.parse(text))
      }
    },
  },
  'waits for a config text': {
    caughtBy: 'says what text the network config is, to the letter, and does not wait for one',
    Manager: class extends MemorySubnetManager {
      override async networkConfigText(options?: AbortOptions): Promise<string | undefined> {
        await this.getNetworkConfig(options)
        return super.networkConfigText(options)
      }
    },
  },
  'writes a config whatever it was to replace': {
    caughtBy: 'writes a config in the place of the one that was read, and of no other',
    Manager: class extends MemorySubnetManager {
      override setNetworkConfig(config: string | object, { signal }: SetConfigOptions = {}): Promise<void> {
        return super.setNetworkConfig(config, { signal })
      }
    },
  },
  'compares a config, and writes it later': {
    caughtBy: 'of operators who replace one config at once, lets one do it',
    Manager: class extends MemorySubnetManager {
      override async setNetworkConfig(
        config: string | object,
        { replaces, signal }: SetConfigOptions = {},
      ): Promise<void> {
        const there = (await super.networkConfigText({ signal })) ?? null
        const isSame = replaces === undefined || there === replaces
        await super.setNetworkConfig(config, { signal, replaces: isSame ? undefined : replaces })
      }
    },
  },
  'cancels no reservation': {
    caughtBy: 'deletes a reservation, whose subnet is free then; of one that is gone, nothing',
    Manager: class extends MemorySubnetManager {
      override async cancelReservation(reservation: Lease, options?: AbortOptions): Promise<void> {
        await this.releaseLease(reservation, options)
      }
    },
  },
  'cancels no reservation that its node has written since': {
    caughtBy: 'deletes the reservation that a node uses, as it was listed',
    Manager: class extends MemorySubnetManager {
      override async cancelReservation(reservation: Lease, options?: AbortOptions): Promise<void> {
        if (reservation.created === reservation.version) await super.cancelReservation(reservation, options)
      }
    },
  },
  'cancels whatever is there': {
    caughtBy: "deletes neither another node's reservation nor a lease that ends",
    Manager: class extends MemorySubnetManager {
      override async cancelReservation(reservation: Lease): Promise<void> {
        this.store.remove(reservation)
      }
    },
  },
  'cancels although it was told not to': {
    caughtBy: 'cancels nothing once the signal aborts, or once disposed of',
    Manager: class extends MemorySubnetManager {
      override async cancelReservation(reservation: Lease, options?: AbortOptions): Promise<void> {
        this.store.cancelReservation(reservation)
        options?.signal?.throwIfAborted()
      }
    },
  },
  'reserves what another node holds': {
    caughtBy: 'reserves nothing that another node holds any of',
    Manager: class extends MemorySubnetManager {
      override async reserve(reservation: Omit<Lease, 'expiresAt'>): Promise<Lease> {
        for (const held of this.store.leases) if (leasesOverlap(held, reservation)) this.store.remove(held)
        return super.reserve(reservation)
      }
    },
  },
  'makes reservations of copied leases': {
    caughtBy: 'takes the leases of another store, each for its own node',
    Manager: class extends MemorySubnetManager {
      override async acquireLease(request: LeaseRequest, options?: AbortOptions): Promise<Lease> {
        const lease = await super.acquireLease(request, options)
        return request.adopt === undefined ? lease : this.store.reserve(lease)
      }
    },
  },
  'ignores the attributes of a renewal': {
    caughtBy: 'a renewal under another address rewrites the lease in place',
    Manager: class extends MemorySubnetManager {
      override renewLease(lease: Lease, { signal }: RenewOptions = {}): Promise<Lease> {
        return super.renewLease(lease, { signal })
      }
    },
  },
  'releases a lease and acquires it again under another address': {
    caughtBy: 'a renewal under another address rewrites the lease in place',
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
        const { attributes = lease.attributes, signal } = options
        if (attributes.publicIp === lease.attributes.publicIp) return super.renewLease(lease, options)
        await super.releaseLease(lease, { signal })
        return super.acquireLease({ attributes, previous: lease }, { signal })
      }
    },
  },
  "takes over another node's lease with its address": {
    caughtBy: "a renewal under the address in another node's lease takes nothing from that",
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
        const { attributes = lease.attributes, signal } = options
        if (attributes.publicIp === lease.attributes.publicIp) return super.renewLease(lease, options)
        const found = this.store.leases.find((other) => other.attributes.publicIp === attributes.publicIp)
        if (found === undefined) return super.renewLease(lease, options)
        return super.acquireLease({ attributes }, { signal })
      }
    },
  },
  'rewrites under another address whatever has become of the lease': {
    caughtBy:
      'a renewal under another address of what has been rewritten rejects with LEASE_LOST and changes nothing',
    Manager: class extends MemorySubnetManager {
      override renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
        const held = this.store.leases.find(({ subnet }) => subnet === lease.subnet)
        return super.renewLease({ ...lease, attributes: held?.attributes ?? lease.attributes }, options)
      }
    },
  },
  'makes a lease of a reservation under another address': {
    caughtBy: 'a renewal under another address keeps a reservation',
    Manager: class extends MemorySubnetManager {
      override async renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
        const { attributes = lease.attributes, signal } = options
        const renewed = await super.renewLease(lease, options)
        if (attributes.publicIp === lease.attributes.publicIp) return renewed
        this.store.remove(renewed)
        return super.acquireLease({ attributes, previous: lease }, { signal })
      }
    },
  },
  'loses an event now and then': {
    caughtBy: 'misses no change and reports none twice, whenever it starts',
    Manager: class extends MemorySubnetManager {
      override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
        let count = 0
        for await (const event of super.watchLeases(options)) {
          count += 1
          if (count % 17 !== 0) yield event
        }
      }
    },
  },
  'loses what happens between the snapshot and the changes': {
    caughtBy: 'misses no change and reports none twice, whenever it starts',
    Manager: class extends MemorySubnetManager {
      override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
        yield { type: 'snapshot', leases: this.store.leases }
        for (let turn = 0; turn < 5; turn += 1) await undefined
        for await (const event of super.watchLeases(options)) if (event.type !== 'snapshot') yield event
      }
    },
  },
  'reports an event twice now and then': {
    caughtBy: 'misses no change and reports none twice, whenever it starts',
    Manager: class extends MemorySubnetManager {
      override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
        let count = 0
        for await (const event of super.watchLeases(options)) {
          yield event
          count += 1
          if (count % 17 === 0) yield event
        }
      }
    },
  },
  'reports changes without a snapshot first': {
    caughtBy: 'reports a snapshot first, even if there is no lease',
    Manager: class extends MemorySubnetManager {
      override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
        for await (const event of super.watchLeases(options)) {
          if (event.type !== 'snapshot') yield event
          else for (const lease of event.leases) yield { type: 'put', lease }
        }
      }
    },
  },
  'throws what its watch is aborted with': {
    caughtBy: 'ends without an error when its signal aborts, while it waits',
    Manager: class extends MemorySubnetManager {
      override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
        yield* super.watchLeases(options)
        options.signal.throwIfAborted()
      }
    },
  },
  'wraps the reason of an abort': {
    caughtBy: 'rejects with the reason of a signal aborted before, and changes nothing',
    Manager: class extends MemorySubnetManager {
      override async getNetworkConfig(options: AbortOptions = {}): Promise<NetworkConfig> {
        if (options.signal?.aborted) throw new Error('aborted', { cause: options.signal.reason })
        return super.getNetworkConfig(options)
      }
    },
  },
  'does what an aborted call asked': {
    caughtBy: 'rejects with the reason of a signal aborted before, and changes nothing',
    Manager: class extends MemorySubnetManager {
      override async releaseLease(lease: Lease, options: AbortOptions = {}): Promise<void> {
        await super.releaseLease(lease)
        options.signal?.throwIfAborted()
      }
    },
  },
  'goes on after it was disposed of': {
    caughtBy: 'rejects every call with CLOSED once disposed of, which may be repeated',
    Manager: class extends MemorySubnetManager {
      override async [Symbol.asyncDispose](): Promise<void> {}
    },
  },
  'ends no watch when disposed of': {
    caughtBy: 'ends a watch with CLOSED when disposed of, and that of no other manager',
    Manager: class extends MemorySubnetManager {
      override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
        yield* new MemorySubnetManager(this.store).watchLeases(options)
      }
    },
  },
  hangs: {
    caughtBy: 'stops waiting for the network config when the signal aborts',
    Manager: class extends MemorySubnetManager {
      override getNetworkConfig(): Promise<NetworkConfig> {
        return super.getNetworkConfig()
      }
    },
  },
}

describe('subnetManagerSuite', () => {
  it('passes a store that keeps its promises', async () => {
    const { failed, all } = await runSuite(MemorySubnetManager)
    expect(failed).toEqual([])
    expect(all.length).toBeGreaterThan(40)
    expect(new Set(all).size).toBe(all.length)
  })

  it.each(Object.entries(broken))('fails a store that %s', async (_, { Manager, caughtBy }) => {
    const { failed, all } = await runSuite(Manager)
    expect(all).toContain(caughtBy)
    expect(failed).toContain(caughtBy)
  })
})
