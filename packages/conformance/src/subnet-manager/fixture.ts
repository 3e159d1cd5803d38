import assert from 'node:assert/strict'
import type { Lease, LeaseAttributes, LeaseRequest, SubnetManager } from '@selvedge/core'
import { DEFAULT_TIMEOUT_MS, within } from '../assertions.js'
import { LeaseObserver, published } from './observer.js'
import type { StoreFeatures, StoreUnderTest, StoreUse, SubnetManagerSuiteOptions } from './types.js'

/** For tests that let leases end. */
export const EXPIRING: StoreUse = { expires: true }

/** What a part of the suite registers its tests with. */
export interface Section {
  readonly supports: StoreFeatures
  test(
    name: string,
    config: object | undefined,
    body: (store: TestStore) => Promise<void>,
    use?: StoreUse,
  ): void
}

/** How many subnets each of the networks below holds. */
export const SLOTS = 24

const backend = { Backend: { Type: 'vxlan' } }

/** 10.99.10.0/24 to 10.99.33.0/24. */
export const ipv4Network = {
  Network: '10.99.0.0/16',
  SubnetLen: 24,
  SubnetMin: '10.99.10.0',
  SubnetMax: '10.99.33.0',
  ...backend,
}

const ipv6Keys = {
  EnableIPv6: true,
  IPv6Network: 'fd99::/48',
  IPv6SubnetLen: 64,
  IPv6SubnetMin: 'fd99:0:0:10::',
  IPv6SubnetMax: 'fd99:0:0:27::',
}

export const dualStackNetwork = { ...ipv4Network, ...ipv6Keys }

export const ipv6Network = { EnableIPv4: false, ...ipv6Keys, ...backend }

/** The attributes of node number `node` in a network that has IPv4. */
export function attributesOf(node: number, sequence = 0): LeaseAttributes {
  return { publicIp: `192.0.2.${node}`, backendType: 'vxlan', backendData: { VNI: 1, sequence } }
}

/** The attributes of node number `node` in a network without IPv4. */
export function ipv6AttributesOf(node: number): LeaseAttributes {
  return { publicIpv6: `2001:db8::${node.toString(16)}`, backendType: 'vxlan', backendV6Data: { VNI: 1 } }
}

/** The store of one test, and all that the test opened on it. */
export class TestStore implements AsyncDisposable {
  readonly timeoutMs: number
  readonly #store: StoreUnderTest
  readonly #teardown: () => unknown
  readonly #managers: SubnetManager[] = []
  readonly #observers: LeaseObserver[] = []

  static async setUp<Store extends StoreUnderTest>(
    { setup, teardown, timeoutMs = DEFAULT_TIMEOUT_MS }: SubnetManagerSuiteOptions<Store>,
    config: object | undefined,
    use: StoreUse,
  ): Promise<TestStore> {
    const store = await setup(config, use)
    return new TestStore(store, timeoutMs, () => teardown?.(store))
  }

  constructor(store: StoreUnderTest, timeoutMs: number, teardown: () => unknown) {
    this.#store = store
    this.#teardown = teardown
    this.timeoutMs = timeoutMs
  }

  async connect(node: number): Promise<SubnetManager> {
    const manager = await this.#store.connect(node)
    this.#managers.push(manager)
    return manager
  }

  /** Connects as node number `node` and leases a subnet. */
  async join(
    node: number,
    request: Partial<LeaseRequest> = {},
  ): Promise<{ manager: SubnetManager; lease: Lease }> {
    const manager = await this.connect(node)
    const lease = await manager.acquireLease({ attributes: attributesOf(node), ...request })
    return { manager, lease }
  }

  /** Watches until the test ends; resolves after the first snapshot. */
  async observe(manager: SubnetManager): Promise<LeaseObserver> {
    const observer = new LeaseObserver(manager, this.timeoutMs)
    this.#observers.push(observer)
    await observer.until('the first snapshot', () => observer.snapshots > 0)
    return observer
  }

  /** Every lease in the store, by key, as a watch that starts now reports it. */
  async leases(manager: SubnetManager): Promise<ReadonlyMap<string, Lease>> {
    const observer = await this.observe(manager)
    await observer.stop()
    return observer.leases
  }

  /** The same as text, without their ends, sorted. */
  async published(manager: SubnetManager): Promise<readonly string[]> {
    return [...(await this.leases(manager)).values()].map(published).sort()
  }

  get leaseTermMs(): number {
    assert.ok(
      this.#store.leaseTermMs,
      'setup gives no `leaseTermMs`: give one, or declare supports.expiry false',
    )
    return this.#store.leaseTermMs
  }

  async advance(milliseconds: number): Promise<void> {
    assert.ok(this.#store.advance, 'setup gives no `advance`: give one, or declare supports.expiry false')
    await this.#store.advance(milliseconds)
  }

  async reserve(lease: Lease): Promise<void> {
    assert.ok(
      this.#store.reserve,
      'setup gives no `reserve`: give one, or declare supports.reservations false',
    )
    await this.#store.reserve(lease)
  }

  async setNetworkConfig(config: object): Promise<void> {
    assert.ok(
      this.#store.setNetworkConfig,
      'setup gives no `setNetworkConfig`: give one, or declare supports.configChanges false',
    )
    await this.#store.setNetworkConfig(config)
  }

  async putRecord(key: string, value: string): Promise<void> {
    assert.ok(
      this.#store.putRecord,
      'setup gives no `putRecord`: give one, or declare supports.foreignRecords false',
    )
    await this.#store.putRecord(key, value)
  }

  async interrupt(meanwhile: () => Promise<void>): Promise<void> {
    assert.ok(
      this.#store.interrupt,
      'setup gives no `interrupt`: give one, or declare supports.interruptions false',
    )
    await this.#store.interrupt(meanwhile)
  }

  /** Fails if `promise` does not settle in time, so that a store that hangs fails its test and not the whole run. */
  within<T>(what: string, promise: PromiseLike<T>): Promise<T> {
    return within(this.timeoutMs, promise, what)
  }

  /** Fails with what observers saw that no watch may report, then tears everything down. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const observer of this.#observers) await this.within('ending a watch', observer.stop())
    } finally {
      for (const manager of this.#managers) await this.within('disposing', manager[Symbol.asyncDispose]())
      await this.#teardown()
    }
  }
}

/** Node numbers 1 to `count`. */
export const nodes = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** Connects every node first, so that their requests really meet; then lets them ask at once. */
export async function joinAtOnce(
  store: TestStore,
  numbers: readonly number[],
  request: (node: number) => LeaseRequest = (node) => ({ attributes: attributesOf(node) }),
): Promise<Lease[]> {
  const managers = await Promise.all(
    numbers.map(async (node) => ({ node, manager: await store.connect(node) })),
  )
  return Promise.all(managers.map(({ node, manager }) => manager.acquireLease(request(node))))
}

/** Asserts that no two leases have a subnet in common, in either family. */
export function assertApart(leases: readonly Lease[]): void {
  for (const subnets of [leases.map((l) => l.subnet), leases.map((l) => l.ipv6Subnet)]) {
    const named = subnets.filter((subnet) => subnet !== undefined)
    assert.equal(new Set(named).size, named.length, `two nodes hold one subnet: ${named.sort().join(' ')}`)
  }
}
