import {
  type AbortOptions,
  type Clock,
  type Lease,
  type LeasePreview,
  type LeasePreviewer,
  type LeaseRequest,
  leaseKey,
  listLeases,
  type NetworkConfig,
  type RecordChange,
  type SubnetAdministration,
  type SubnetManager,
} from '@selvedge/core'
import { chooseSubnets, encodeLeaseAttributes, sameLease } from '@selvedge/core/kit'

/** Where leases are, and the config of their network. */
export interface PlannedStoreSources {
  /** Read, and never asked for anything that writes; undefined for one that is yet to be made. */
  readonly store: (SubnetManager & Partial<SubnetAdministration & LeasePreviewer>) | undefined
  /** For messages. */
  readonly name: string
  readonly config: (options: AbortOptions) => Promise<NetworkConfig>
  readonly clock: Clock
}

/** How long a lease would last; only told apart from a reservation by it. */
const DAY_MS = 24 * 60 * 60 * 1000

/** A store that answers what it would lease, and writes nothing. */
export class PlannedStore implements SubnetManager {
  readonly name: string
  /** What `acquireLease` has come to. */
  preview: LeasePreview | undefined
  readonly #sources: PlannedStoreSources
  #leases: readonly Lease[] = []

  constructor(sources: PlannedStoreSources) {
    this.name = sources.name
    this.#sources = sources
  }

  addresses(): readonly string[] {
    return this.#sources.store?.addresses?.() ?? []
  }

  getNetworkConfig(options: AbortOptions = {}): Promise<NetworkConfig> {
    return this.#sources.config(options)
  }

  async acquireLease(request: LeaseRequest, options: AbortOptions = {}): Promise<Lease> {
    const { store } = this.#sources
    const { leases } =
      store === undefined ? { leases: [] } : await listLeases(store, { ...options, failFast: true })
    const { preview, others } =
      store?.previewLease === undefined
        ? await this.#choose(request, leases, options)
        : { preview: await store.previewLease(request, options), others: leases }
    const { lease } = preview
    this.preview = preview
    this.#leases = [...others.filter((each) => leaseKey(each) !== leaseKey(lease)), lease]
    return lease
  }

  async renewLease(lease: Lease): Promise<Lease> {
    return lease
  }

  async releaseLease(): Promise<void> {}

  async *watchLeases({ signal }: Parameters<SubnetManager['watchLeases']>[0]) {
    yield { type: 'snapshot' as const, leases: this.#leases }
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** As the stores do that choose subnets themselves. */
  async #choose(request: LeaseRequest, leases: readonly Lease[], options: AbortOptions) {
    const { store, clock } = this.#sources
    const config = await this.#sources.config(options)
    const reserved = new Set(((await store?.reservations?.(options)) ?? []).map(leaseKey))
    // A store may not say when others' leases end; what counts is whether they do.
    const expiresAt = clock.now() + DAY_MS
    const known = leases.map((lease) => ({
      ...lease,
      expiresAt: reserved.has(leaseKey(lease)) ? undefined : (lease.expiresAt ?? expiresAt),
    }))
    const { subnets, attributes, kept, givenUp } = chooseSubnets({ config, leases: known, request })
    const lease: Lease = kept === undefined ? { ...subnets, attributes, expiresAt } : { ...kept, attributes }
    const changes = kept !== undefined && sameLease(kept, lease) ? [] : recordChanges(kept, lease)
    return {
      preview: { lease, isHeld: kept !== undefined, changes },
      others: known.filter((each) => each !== kept && !givenUp.includes(each)),
    }
  }
}

/** What differs in the record that flannel has of a lease, by its names. */
function recordChanges(before: Lease | undefined, after: Lease): readonly RecordChange[] {
  const [was, is] = [before === undefined ? new Map<string, string>() : flat(before), flat(after)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => was.get(name) !== is.get(name))
    .map((name) => ({ name, before: was.get(name), after: is.get(name) }))
}

/** `PublicIP`, `BackendData.VtepMAC`. */
function flat({ attributes }: Lease): Map<string, string> {
  const found = new Map<string, string>()
  const add = (name: string, value: unknown): void => {
    if (value === null || value === undefined) return
    if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [key, item] of Object.entries(value)) add(`${name}.${key}`, item)
    } else found.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  const record: object = JSON.parse(encodeLeaseAttributes(attributes))
  for (const [name, value] of Object.entries(record)) add(name, value)
  return found
}
