import { access, readFile } from 'node:fs/promises'
import type { RecordEntry } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import {
  type Lease,
  type LeaseAttributes,
  type ListedLeases,
  leaseKey,
  listLeases,
  OverlayError,
  type RightsInquiry,
  type SubnetAdministration,
  type SubnetManager,
} from '@selvedge/core'

/** A store, for an operator. */
export interface OperatorStore extends AsyncDisposable {
  readonly manager: SubnetManager & Partial<SubnetAdministration & RightsInquiry>
  /** For messages and `--json`: `etcd at http://10.0.0.5:2379, /coreos.com/network`. */
  readonly place: string
  /** When a lease ends of which the store does not say it, for people. */
  readonly unknownEnd: string
  /** Whether an operator can write leases and the config here. On Kubernetes they are Nodes, and a ConfigMap. */
  readonly isWritable: boolean
  /** As stored; undefined if there is none. */
  configText(): Promise<string | undefined>
  list(): Promise<StoredLeases>
  /** What the store holds of this node beside a lease: on Kubernetes, the annotations of its Node. */
  record(attributes: LeaseAttributes | undefined): Promise<readonly RecordEntry[]>
}

/** All leases of a store at one moment. */
export interface StoredLeases extends ListedLeases {
  /** The keys of the reservations. */
  readonly reserved: ReadonlySet<string>
  /** Whether the store is asked for ends, which costs it a request a lease. */
  readonly asksForEnds: boolean
  /** These of its leases with their ends, as far as the store tells them to an operator. */
  withEnds(leases: readonly Lease[]): Promise<readonly Lease[]>
}

export interface OpenOptions {
  readonly signal: AbortSignal
  /** Make a local store that does not exist yet. */
  readonly create?: boolean
  /** What must be in no output: the credentials that a store finds itself. */
  readonly onWarning: (message: string) => void
}

/** Opens a store to look at, or for an operator to write to. It is asked for nothing yet. */
export async function openOperatorStore(
  settings: StoreSettings,
  { signal, create = false, onWarning }: OpenOptions,
): Promise<OperatorStore> {
  if (settings.type === 'local' && !create) await requireFile(settings.path)
  const { openStore } = await import('@selvedge/agent')
  const { subnets, inspectRecord } = await openStore(settings, {
    onWaiting: () => {},
    onNodeAddresses: () => {},
    onSecrets: () => {},
    onWarning,
    onDetail: () => {},
  })
  const manager: OperatorStore['manager'] = subnets
  return {
    manager,
    place: placeOf(settings),
    unknownEnd:
      settings.type === 'kubernetes' ? 'with its Node' : 'the store tells only the node that renews it',
    isWritable: manager.reserve !== undefined,
    configText: () => configText(settings, manager, signal),
    list: () => listStored(manager, signal),
    record: async (attributes) => (await inspectRecord?.(attributes, { signal })) ?? [],
    [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose](),
  }
}

async function listStored(manager: OperatorStore['manager'], signal: AbortSignal): Promise<StoredLeases> {
  const inventory = await manager.inventory?.({ signal })
  const { leases, faults } = inventory ?? (await listLeases(manager, { signal, failFast: true }))
  const reservations = inventory?.reservations ?? (await manager.reservations?.({ signal })) ?? []
  const ends = inventory?.ends?.bind(inventory)
  return {
    leases,
    faults,
    reserved: new Set(reservations.map(leaseKey)),
    asksForEnds: ends !== undefined,
    async withEnds(some) {
      if (ends === undefined) return some
      const known = await ends(some, { signal })
      return some.map((lease) => ({ ...lease, expiresAt: lease.expiresAt ?? known.get(leaseKey(lease)) }))
    },
  }
}

export function placeOf(settings: StoreSettings): string {
  switch (settings.type) {
    case 'etcd':
      return `etcd at ${settings.endpoints.join(', ')}, ${settings.prefix}`
    case 'local':
      return `the local store ${settings.path}`
    case 'nats':
      return `NATS at ${settings.servers.join(', ')}, bucket ${settings.bucket}${
        settings.domain === undefined ? '' : ` of the domain ${settings.domain}`
      }`
    case 'kubernetes':
      return 'Kubernetes'
  }
}

/** What a store holds about this lease, by its key or a subnet of it. */
export function findLease(leases: readonly Lease[], subnet: string): Lease | undefined {
  return leases.find(
    (lease) => lease.subnet === subnet || lease.ipv6Subnet === subnet || leaseKey(lease) === subnet,
  )
}

async function configText(
  settings: StoreSettings,
  manager: OperatorStore['manager'],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (settings.type === 'kubernetes') {
    return readFile(settings.networkConfigFile, 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return undefined
      throw OverlayError.from(error, 'INVALID_CONFIG', `reading ${settings.networkConfigFile}`)
    })
  }
  return manager.networkConfigText?.({ signal })
}

async function requireFile(path: string): Promise<void> {
  try {
    await access(path)
  } catch (cause) {
    throw new OverlayError(
      'STORE_UNAVAILABLE',
      `opening the local store ${path}: ${cause instanceof Error ? cause.message : cause}; name its file by --local-store`,
      { cause },
    )
  }
}

/** Rejects with `UNSUPPORTED` if the store's leases are not an operator's to write. */
export function requireWritable({ isWritable }: OperatorStore, attempted: string, remedy: string): void {
  if (isWritable) return
  throw new OverlayError(
    'UNSUPPORTED',
    `${attempted}: on Kubernetes a lease is a Node with its PodCIDR, and the config a ConfigMap; ${remedy}`,
  )
}
