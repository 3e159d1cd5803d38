import {
  type Clock,
  type Lease,
  type LeaseAttributes,
  type LeaseEvent,
  type LeaseRequest,
  type LeaseSubnets,
  leaseKey,
  type NetworkConfig,
  parseNetworkConfig,
} from '@selvedge/core'
import {
  anything,
  checkOptions,
  chooseSubnets,
  clockShape,
  configChanged,
  LeasedSubnets,
  number,
  requireHeld,
  requireReservable,
  requireReservedFor,
  requireUnheld,
  sameNode,
  systemClock,
} from '@selvedge/core/kit'

/** The network config of a store, and the term of its leases. */
export interface MemoryStoreOptions {
  /** The network config as flannel writes it, as JSON text or as an object. Without one, nodes wait until it is set. */
  readonly config?: string | object | undefined
  /** How long a lease lasts unless renewed, in ms. Default: 24 hours, as flannel's. */
  readonly leaseTermMs?: number | undefined
  /** When leases end. Default: the system's. For tests. */
  readonly clock?: Clock | undefined
}

/** What happened since a watcher last asked. */
export interface Changes {
  /** In their order; one snapshot if the watcher is new, or too far behind. */
  readonly events: readonly LeaseEvent[]
  /** The revision to ask with next time. */
  readonly revision: number
}

const NEVER = Number.POSITIVE_INFINITY
const DAY = 24 * 60 * 60 * 1000

/** A watcher that is further behind gets a snapshot, so that a slow one costs no memory. */
const EVENTS_KEPT = 1000

/**
 * The leases of one network, in this process's memory: what an etcd is to its clients. Each node looks at it through
 * a `MemorySubnetManager` of its own. Nothing here waits, so every method is a transaction.
 */
export class MemoryStore {
  /** By which leases end. */
  readonly clock: Clock
  /** How long a lease lasts unless renewed, in ms. */
  readonly leaseTermMs: number
  #config: NetworkConfig | undefined
  #configText: string | undefined
  #leases = new Map<string, Lease>()
  /** The subnets of `#leases`; gathered again when the config changes. */
  #leased: LeasedSubnets | undefined
  /** No lease ends before this, in ms since the epoch. */
  #nextEnd = NEVER
  /** How many changes there have been. */
  #revision = 0
  /** The last ones; the very last is number `#revision`. */
  #log: LeaseEvent[] = []
  readonly #observers = new Set<() => void>()

  /** Throws an OverlayError `INVALID_CONFIG` for a config that breaks a rule. */
  constructor(options: MemoryStoreOptions = {}) {
    checkOptions<MemoryStoreOptions>('new MemoryStore()', options, {
      config: anything,
      leaseTermMs: number,
      clock: clockShape,
    })
    const { config, leaseTermMs = DAY, clock = systemClock } = options
    if (!(leaseTermMs > 0))
      throw new TypeError(`leaseTermMs is ${leaseTermMs}, not a number of milliseconds above 0`)
    this.clock = clock
    this.leaseTermMs = leaseTermMs
    if (config !== undefined) this.setNetworkConfig(config)
  }

  /** The network config with its defaults filled in; undefined until one is set. */
  get networkConfig(): NetworkConfig | undefined {
    return this.#config
  }

  /** As it was written; undefined if there is none. */
  get networkConfigText(): string | undefined {
    return this.#configText
  }

  /**
   * Keeps every lease: one outside the new network is given up when its node asks again. Throws as the constructor does,
   * and an OverlayError `CONFIG_CHANGED` if the text that is there is not `replaces` (null: none); undefined is any.
   */
  setNetworkConfig(config: string | object, replaces?: string | null): void {
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    const parsed = parseNetworkConfig(text)
    if (replaces !== undefined && (this.#configText ?? null) !== replaces)
      throw configChanged('the memory store')
    this.#configText = text
    this.#config = parsed
    this.#leased = undefined
    this.#notify()
  }

  /** Every lease. */
  get leases(): readonly Lease[] {
    this.#expire()
    return [...this.#leases.values()]
  }

  /** No lease ends before this, in ms since the epoch; infinite if none ever ends. */
  get nextEnd(): number {
    this.#expire()
    return this.#nextEnd
  }

  /**
   * Reserves subnets, of any prefix length, for the node of the public address in `attributes`: a lease that never
   * expires. Throws an OverlayError `LEASE_CONFLICT` if another node holds any of it.
   */
  reserve({ subnet, ipv6Subnet, attributes }: Omit<Lease, 'expiresAt'>): Lease {
    const reservation: Lease = { subnet, ipv6Subnet, attributes }
    requireReservable(reservation)
    requireUnheld(reservation, this.leases)
    return this.#put(reservation)
  }

  /** See `SubnetAdministration.cancelReservation`. */
  cancelReservation(reservation: Lease): void {
    this.#expire()
    const held = this.#leases.get(leaseKey(reservation))
    if (requireReservedFor(reservation, held, held?.expiresAt === undefined)) this.#delete(held)
  }

  /** See `SubnetManager.acquireLease`. Throws a TypeError if there is no config yet. */
  acquire(request: LeaseRequest): Lease {
    const config = this.#config
    if (config === undefined) throw new TypeError('a lease was requested before there was a network config')
    const leases = this.leases
    this.#leased ??= new LeasedSubnets(config, leases)
    const choice = chooseSubnets({ config, leases, request, leased: this.#leased })
    for (const lease of choice.givenUp) this.#delete(lease)
    const reserved = choice.kept !== undefined && choice.kept.expiresAt === undefined
    return this.#put({
      ...choice.subnets,
      attributes: choice.attributes,
      expiresAt: reserved ? undefined : this.clock.now() + this.leaseTermMs,
    })
  }

  /** See `SubnetManager.renewLease`. */
  renew(lease: Lease, attributes: LeaseAttributes = lease.attributes): Lease {
    this.#expire()
    const held = requireHeld(lease, this.#leases.get(leaseKey(lease)), attributes)
    const expiresAt = held.expiresAt === undefined ? undefined : this.clock.now() + this.leaseTermMs
    return this.#put({ ...held, attributes, expiresAt })
  }

  /** See `SubnetManager.releaseLease`. */
  release(lease: Lease): void {
    this.#expire()
    const held = this.#leases.get(leaseKey(lease))
    if (held === undefined || held.expiresAt === undefined) return
    if (sameNode(held.attributes, lease.attributes)) this.#delete(held)
  }

  /** Removes a lease or a reservation, whoever holds it, as an operator does. Does nothing if it is gone. */
  remove(lease: LeaseSubnets): void {
    this.#expire()
    const held = this.#leases.get(leaseKey(lease))
    if (held !== undefined) this.#delete(held)
  }

  /** What happened after `revision`: a snapshot without one, or if it is too long ago. */
  changesSince(revision: number | undefined): Changes {
    this.#expire()
    const missed = this.#revision - (revision ?? 0)
    const events: readonly LeaseEvent[] =
      revision === undefined || missed > this.#log.length
        ? [{ type: 'snapshot', leases: this.leases }]
        : this.#log.slice(this.#log.length - missed)
    return { events, revision: this.#revision }
  }

  /** Calls `observer` after each change of a lease or of the config, until the function returned is called. */
  observe(observer: () => void): () => void {
    this.#observers.add(observer)
    return () => void this.#observers.delete(observer)
  }

  #put(fields: Lease): Lease {
    const key = leaseKey(fields)
    const before = this.#leases.get(key)
    if (before === undefined) this.#leased?.take(fields)
    const version = this.#revision + 1
    const lease = { ...fields, created: before?.created ?? version, version }
    this.#leases.set(key, lease)
    this.#nextEnd = Math.min(this.#nextEnd, lease.expiresAt ?? NEVER)
    this.#record({ type: 'put', lease })
    return lease
  }

  #delete(lease: Lease): void {
    this.#leases.delete(leaseKey(lease))
    this.#leased?.release(lease)
    this.#record({ type: 'delete', lease })
  }

  /** Runs before anything is read, so that no timer is needed. */
  #expire(): void {
    const now = this.clock.now()
    if (now < this.#nextEnd) return
    this.#nextEnd = NEVER
    for (const lease of [...this.#leases.values()]) {
      const end = lease.expiresAt ?? NEVER
      if (end <= now) this.#delete(lease)
      else this.#nextEnd = Math.min(this.#nextEnd, end)
    }
  }

  #record(event: LeaseEvent): void {
    this.#revision += 1
    this.#log.push(event)
    // Cut to half now and then, so that a change does not cost a copy of the log.
    if (this.#log.length > 2 * EVENTS_KEPT) this.#log = this.#log.slice(-EVENTS_KEPT)
    this.#notify()
  }

  #notify(): void {
    for (const observer of this.#observers) observer()
  }
}
