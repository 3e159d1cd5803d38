import type {
  AbortOptions,
  ErrorCode,
  LeaseAttributes,
  PublicAddresses,
  RecordChange,
  SubnetManager,
} from '@selvedge/core'
import type { RecordEntry } from '@selvedge/store-kube'

/** What a store may have to wait for. */
export const PREREQUISITES = ['network-config', 'node', 'pod-cidr', 'credentials'] as const

/**
 * What a store may have to wait for: a network config, this node's Node object, its PodCIDR, or a kubeconfig's
 * plugin.
 */
export type Prerequisite = (typeof PREREQUISITES)[number]

/** What a store cannot proceed without. */
export interface Waiting {
  /** What is missing. */
  readonly for: Prerequisite
  /** A sentence for an operator. */
  readonly message: string
  /** The code that it would fail with, if there is one. */
  readonly code?: ErrorCode | undefined
}

/** What a store reports. */
export interface StoreEvents {
  /** It waits for something; undefined once it proceeds. */
  readonly onWaiting: (why: Waiting | undefined) => void
  /** What `nodeAddresses` returns has changed to this. */
  readonly onNodeAddresses: (addresses: PublicAddresses) => void
  /** The credentials in use, before they are sent for the first time: they must be in no log. */
  readonly onSecrets: (secrets: readonly string[]) => void
  /** Something that is wrong, but has no effect. */
  readonly onWarning: (message: string) => void
  /** Something that the store dealt with by itself, for a debug log. */
  readonly onDetail: (message: string) => void
}

/** A store as an agent uses it. */
export interface OpenStore {
  /** Disposing of it closes the store. */
  readonly subnets: SubnetManager
  /** Tells this store from another: leases of one are not used with the other. Holds no secret. */
  readonly identity: string
  /** The addresses that the store assigns to this node: they outrank flags, and name the interface to peers. */
  readonly nodeAddresses?: ((options: AbortOptions) => Promise<PublicAddresses>) | undefined
  /** Reports to the store that pods of this node have a network; or that they have none, and why. Cheap when called again. */
  readonly reportNetwork?:
    | ((whyUnavailable: string | undefined, options: AbortOptions) => Promise<void>)
    | undefined
  /** What `reportNetwork` would write once the network is up, for a plan; undefined if it is there. Writes nothing. */
  readonly reportPending?: ((options: AbortOptions) => Promise<RecordChange | undefined>) | undefined
  /**
   * What the store holds of this node beside its lease, for `inspect`: each value beside what it should be with these
   * attributes, if it is known what this node publishes.
   */
  readonly inspectRecord?:
    | ((attributes: LeaseAttributes | undefined, options: AbortOptions) => Promise<readonly RecordEntry[]>)
    | undefined
}
