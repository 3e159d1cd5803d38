import {
  type Backend,
  type BackendLoader,
  type Clock,
  type Driver,
  type Lease,
  leaseKey,
  listLeases,
  OverlayError,
  type OverlayPlan,
  planOverlay,
  type Random,
  type SubnetAdministration,
  type SubnetManager,
} from '@selvedge/core'
import { chooseSubnets, sameLease } from '@selvedge/core/kit'
import { LeaseFile, readSubnetEnv, readSubnetEnvText } from '@selvedge/node-state'
import type { AgentSettings } from './command-line/settings.js'
import { nodeParts } from './node-parts.js'
import type { OpenStore } from './stores/store.js'

export interface PlanServices {
  readonly store: OpenStore
  readonly drivers: readonly Driver[]
  readonly backends: readonly (Backend | BackendLoader)[]
  readonly clock: Clock
  readonly random: Random
}

/** What an agent would change. */
export interface AgentPlan extends OverlayPlan {
  /** `held`: its record stays as it is. `rewritten`: it would publish something else. `new`: it would take this one. */
  readonly leaseChange: 'held' | 'rewritten' | 'new'
  /** The text that subnet.env has and the one that it would get; undefined if it has that. */
  readonly subnetFile: { readonly before: string | undefined; readonly after: string } | undefined
}

/** Backends that are made without changing anything on a host, such as a key file, or running its commands. */
const ONLY_LOOKS = ['vxlan', 'host-gw', 'ipip', 'alloc']

/** How long a lease would last; only told apart from a reservation by it. */
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * What an agent with these settings would change on this host, changing nothing, neither here nor in the store. Rejects as a
 * start does, and with `UNSUPPORTED` for a store or a backend that cannot be asked without changing something.
 */
export async function planAgent(
  settings: AgentSettings,
  services: PlanServices,
  signal: AbortSignal,
): Promise<AgentPlan> {
  const { store, drivers, clock, random } = services
  const subnets = new PlannedLease(store.subnets, clock)
  await requirePlannable(store.subnets, signal)
  const plan = await planOverlay(
    {
      subnets,
      backends: services.backends.filter(({ type }) => ONLY_LOOKS.includes(type)),
      parts: await nodeParts(settings),
      drivers,
      publicIp: settings.publicIp,
      publicIpv6: settings.publicIpv6,
      previous: await previousNode(settings, store),
      clock,
      random,
    },
    { signal },
  )
  const after = plan.subnetEnv({ ipMasq: settings.ipMasq })
  const before = await readSubnetEnvText(settings.subnetFile).catch(() => undefined)
  return {
    ...plan,
    leaseChange: subnets.change,
    subnetFile: before === after ? undefined : { before, after },
  }
}

async function requirePlannable(store: SubnetManager, signal: AbortSignal): Promise<void> {
  if (store.name === 'kubernetes') {
    throw new OverlayError(
      'UNSUPPORTED',
      'planning on Kubernetes: a lease is a Node, which is known once it is annotated; plan with etcd or a local store',
    )
  }
  const { backend } = await store.getNetworkConfig({ signal })
  const type = (backend?.type ?? 'udp').toLowerCase()
  if (ONLY_LOOKS.includes(type)) return
  throw new OverlayError(
    'UNSUPPORTED',
    `planning with the backend ${type}: it is not made without changing this host; those that are: ${ONLY_LOOKS.join(', ')}`,
  )
}

async function previousNode(settings: AgentSettings, { identity }: OpenStore) {
  const env = await readSubnetEnv(settings.subnetFile).catch(() => undefined)
  if (settings.leaseCache === undefined) return { ...env }
  const cache = new LeaseFile({
    path: settings.leaseCache,
    store: identity,
    externalInterface: () => undefined,
    onWarning: () => undefined,
  })
  return { ...env, ...(await cache.loadNode()) }
}

/** A store that answers what it would lease, and writes nothing. */
class PlannedLease implements SubnetManager {
  readonly name: string
  change: AgentPlan['leaseChange'] = 'new'
  readonly #store: SubnetManager & Partial<SubnetAdministration>
  readonly #clock: Clock
  #leases: readonly Lease[] = []

  constructor(store: SubnetManager, clock: Clock) {
    this.name = store.name
    this.#store = store
    this.#clock = clock
  }

  addresses(): readonly string[] {
    return this.#store.addresses?.() ?? []
  }

  getNetworkConfig(options?: Parameters<SubnetManager['getNetworkConfig']>[0]) {
    return this.#store.getNetworkConfig(options)
  }

  async acquireLease(
    request: Parameters<SubnetManager['acquireLease']>[0],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Lease> {
    const config = await this.#store.getNetworkConfig({ signal })
    const { leases } = await listLeases(this.#store, { signal, failFast: true })
    const reserved = new Set(((await this.#store.reservations?.({ signal })) ?? []).map(leaseKey))
    // A store may not say when others' leases end; what counts is whether they do.
    const expiresAt = this.#clock.now() + DAY_MS
    const known = leases.map((lease) => ({
      ...lease,
      expiresAt: reserved.has(leaseKey(lease)) ? undefined : (lease.expiresAt ?? expiresAt),
    }))
    const { subnets, attributes, kept, givenUp } = chooseSubnets({ config, leases: known, request })
    const lease: Lease = kept === undefined ? { ...subnets, attributes, expiresAt } : { ...kept, attributes }
    if (kept !== undefined) this.change = sameLease(kept, lease) ? 'held' : 'rewritten'
    const others = known.filter((each) => each !== kept && !givenUp.includes(each))
    this.#leases = [...others, lease]
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
}
