import {
  type DesiredResource,
  type Lease,
  type LeaseAttributes,
  leaseKey,
  type Operation,
  type OverlayPlan,
  type Program,
  type Resource,
} from '@selvedge/core'
import { resourceWithoutSecrets } from '../secrets.js'

/**
 * `held`: desired, and there. `missing`: desired, and not there, or there with other values (`actual`). `stale`: there, the
 * overlay's own, and not desired.
 */
export type EntryState = 'held' | 'missing' | 'stale'

/** A change of an entry by another program. */
export interface EntryChange {
  /** What the other program left: nothing, something else, or an entry that is not desired. */
  readonly was: 'missing' | 'changed' | 'unexpected'
  /** In ms since the epoch. */
  readonly at: number
  /** Whose it was, as far as the kernel says. */
  readonly by?: Program | undefined
}

/** One entry of a kernel, or of what else a driver writes to. */
export interface ResourceEntry {
  /** Whether it is as it should be. */
  readonly state: EntryState
  /** As desired; if it is stale, as it is there. */
  readonly resource: Resource
  /** What is there under the key of a desired entry and differs from it. */
  readonly actual?: Resource | undefined
  /** The keys of the leases that require it; none if it is stale. */
  readonly owners: readonly string[]
  /** The last time another program changed it, as far as this agent has seen and remembers. */
  readonly changed?: EntryChange | undefined
}

/** One lease, for people who look for whose an entry is. */
export interface KnownLease {
  /** As `leaseKey` of core makes it, such as `10.244.5.0-24`. */
  readonly key: string
  /** The IPv4 subnet, CIDR. */
  readonly subnet?: string | undefined
  /** The IPv6 subnet, CIDR. */
  readonly ipv6Subnet?: string | undefined
  /** The IPv4 address at which its node is reached. */
  readonly publicIp?: string | undefined
  /** The IPv6 address at which its node is reached. */
  readonly publicIpv6?: string | undefined
  /** Such as `vxlan`. Absent if flannel publishes none (udp, alloc). */
  readonly backendType?: string | undefined
}

/**
 * The page `/resources` of the control socket: what this node's overlay desires and what its drivers hold, read at the
 * request. Fields may be added; what is there keeps its meaning as long as `format` is the same. It holds no secret.
 */
export interface ResourcesPage {
  readonly format: 1
  /** The key of this node's lease. */
  readonly own: string
  /** What this node publishes with it. Absent on the page of an agent that is older than this field. */
  readonly attributes?: LeaseAttributes | undefined
  /** The network config's `Backend.Type`, such as `vxlan`; `udp` if it names none. */
  readonly backend: string
  /** CIDRs of the overlay, IPv4 first. */
  readonly networks: readonly string[]
  /** Its name, such as `eth0`. */
  readonly externalInterface: string
  /** For pods, in bytes. */
  readonly mtu: number
  /** The path of subnet.env, and the text that it is to have. */
  readonly subnetFile: { readonly path: string; readonly text: string }
  /** Every lease of the store, this node's own among them. */
  readonly leases: readonly KnownLease[]
  /** In the order in which they are desired, then what is stale. */
  readonly entries: readonly ResourceEntry[]
}

/** What the page is made of. */
export interface ResourcesSources
  extends Pick<OverlayPlan, 'config' | 'lease' | 'mtu' | 'desired' | 'operations'> {
  /** The interface that packets to peers leave by. */
  readonly externalInterface: { readonly name: string }
  /** Every lease of the store, this node's own among them. */
  readonly leases: Iterable<Lease>
  /** The path of subnet.env, and the text that it is to have. */
  readonly subnetFile: { readonly path: string; readonly text: string }
  /** The last change of the entry of this key by another program; undefined if none is known. */
  readonly lastChange: (key: string) => EntryChange | undefined
}

/** Makes the page of what an overlay desires and what was read. */
export function resourcesPage(sources: ResourcesSources): ResourcesPage {
  const { config, lease, mtu, externalInterface, subnetFile } = sources
  return {
    format: 1,
    own: leaseKey(lease),
    attributes: lease.attributes,
    backend: config.backend?.type ?? 'udp',
    networks: [config.ipv4?.network, config.ipv6?.network].filter((network) => network !== undefined),
    externalInterface: externalInterface.name,
    mtu,
    subnetFile,
    leases: [...sources.leases].map(knownLease),
    entries: entriesOf(sources),
  }
}

export function knownLease(lease: Lease): KnownLease {
  const { subnet, ipv6Subnet } = lease
  const { publicIp, publicIpv6, backendType } = lease.attributes
  return { key: leaseKey(lease), subnet, ipv6Subnet, publicIp, publicIpv6, backendType }
}

/** In the order in which they are desired, then what is stale. */
export function entriesOf({
  desired,
  operations,
  lastChange,
}: {
  readonly desired: readonly DesiredResource[]
  readonly operations: readonly Operation[]
  readonly lastChange: (key: string) => EntryChange | undefined
}): readonly ResourceEntry[] {
  const byKey = new Map(operations.map((operation) => [operation.resource.key, operation]))
  const entries = desired.map(({ resource, owners }): ResourceEntry => {
    const operation = byKey.get(resource.key)
    const changed = changeOf(lastChange(resource.key))
    if (operation?.type !== 'put')
      return { state: 'held', resource: resourceWithoutSecrets(resource), owners, changed }
    const actual = operation.actual === undefined ? undefined : resourceWithoutSecrets(operation.actual)
    return { state: 'missing', resource: resourceWithoutSecrets(resource), actual, owners, changed }
  })
  const stale = operations
    .filter(({ type }) => type === 'delete')
    .map(({ resource }): ResourceEntry => {
      const changed = changeOf(lastChange(resource.key))
      return { state: 'stale', resource: resourceWithoutSecrets(resource), owners: [], changed }
    })
  return [...entries, ...stale]
}

const changeOf = (change: EntryChange | undefined): EntryChange | undefined =>
  change && { was: change.was, at: change.at, by: change.by }
