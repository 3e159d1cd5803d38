import type { ExternalInterface, HostNetwork } from '../../contract/node-context.js'
import type { Lease } from '../lease.js'
import type { NetworkConfig } from '../network-config.js'

/** What decides which leases may have resources on this host, besides the leases themselves. */
export interface AdmissionFacts {
  /** This node's own lease, with what it publishes. */
  readonly own: Lease
  /** The network config in force. */
  readonly config: NetworkConfig
  /** The config that the store holds now, if it is another: leases inside its networks are admitted as well. */
  readonly storeConfig?: NetworkConfig | undefined
  readonly externalInterface: ExternalInterface
  /** Absent if no driver knows it. */
  readonly host?: HostNetwork | undefined
  /** The store's name, for messages, and the addresses at which it is reached. */
  readonly store: { readonly name: string; readonly addresses: readonly string[] }
}
