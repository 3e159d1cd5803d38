import {
  type Backend,
  type BackendLoader,
  type Clock,
  type Driver,
  type OverlayPlan,
  planOverlay,
  type Random,
  type RecordChange,
} from '@selvedge/core'
import { LeaseFile, readSubnetEnv, readSubnetEnvText } from '@selvedge/node-state'
import type { AgentSettings } from '../command-line/settings.js'
import { runningAgents } from '../leftovers/running-agents.js'
import { nodeParts } from '../node-parts.js'
import { type OpenPlannedStore, openPlannedStore } from './open-planned-store.js'

/** What `planAgent` uses besides the settings, as `AgentServices` for an agent. */
export interface PlanServices {
  /** Called with the settings in force, as an agent does. They are disposed of. */
  readonly openDrivers: (settings: AgentSettings) => Promise<readonly Driver[]>
  /** Those that a network config may name. */
  readonly backends: readonly (Backend | BackendLoader)[]
  /** For waits and the ends of leases. */
  readonly clock: Clock
  /** Draws from 0 to 1. */
  readonly random: Random
  /** Called with a sentence for each thing that the store finds wrong and that has no effect. */
  readonly onWarning: (text: string) => void
}

/** What an agent would change. */
export interface AgentPlan extends OverlayPlan {
  /** Such as `etcd`. */
  readonly storeName: string
  /** `held`: its record stays as it is. `rewritten`: it would publish something else. `new`: it would take this one. */
  readonly leaseChange: 'held' | 'rewritten' | 'new'
  /** What it would write into the record of its lease, by the names in the store. */
  readonly recordChanges: readonly RecordChange[]
  /** The condition of this node that it would write; undefined if there is none to write. */
  readonly conditionChange: RecordChange | undefined
  /** The text that subnet.env has and the one that it would get; undefined if it has that. */
  readonly subnetFile: { readonly before: string | undefined; readonly after: string } | undefined
}

/**
 * What an agent with these settings would change on this host, changing nothing, neither here nor in the store. Rejects as a
 * start does, and with what a start would wait for: a network config (`CONFIG_NOT_FOUND`), or that Kubernetes registers
 * this node or gives it a PodCIDR (`UNSUPPORTED`).
 */
export async function planAgent(
  given: AgentSettings,
  services: PlanServices,
  signal: AbortSignal,
): Promise<AgentPlan> {
  const store = await openPlannedStore(given.store, services)
  const stop = AbortSignal.any([signal, store.lacking])
  const drivers: Driver[] = []
  try {
    const { publicIp, publicIpv6 } = (await store.nodeAddresses?.({ signal: stop })) ?? {}
    const settings = {
      ...given,
      publicIp: publicIp ?? given.publicIp,
      publicIpv6: publicIpv6 ?? given.publicIpv6,
    }
    drivers.push(...(await services.openDrivers(settings)))
    return await planWith(settings, { ...services, store, drivers }, stop)
  } finally {
    for (const driver of drivers) await driver[Symbol.asyncDispose]()
    await store.close()
  }
}

interface Parts extends PlanServices {
  readonly store: OpenPlannedStore
  readonly drivers: readonly Driver[]
}

async function planWith(
  settings: AgentSettings,
  { store, drivers, backends, clock, random }: Parts,
  signal: AbortSignal,
): Promise<AgentPlan> {
  const { subnets } = store
  const plan = await planOverlay(
    {
      subnets,
      backends,
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
  const { isHeld = false, changes = [] } = subnets.preview ?? {}
  const after = plan.subnetEnv({ ipMasq: settings.ipMasq })
  const before = await readSubnetEnvText(settings.subnetFile).catch(() => undefined)
  return {
    ...plan,
    warnings: [...(await runningFlannel()), ...plan.warnings],
    storeName: subnets.name,
    leaseChange: !isHeld ? 'new' : changes.length === 0 ? 'held' : 'rewritten',
    recordChanges: changes,
    conditionChange: await store.reportPending?.({ signal }),
    subnetFile: before === after ? undefined : { before, after },
  }
}

async function previousNode(settings: AgentSettings, { identity }: OpenPlannedStore) {
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

/** An agent beside it would take over what it keeps writing. */
const runningFlannel = async (): Promise<readonly string[]> =>
  (await runningAgents())
    .filter(({ name }) => name === 'flanneld')
    .map(
      ({ pid }) =>
        `flanneld runs on this host (process ${pid}): end it before an agent starts, or both write`,
    )
