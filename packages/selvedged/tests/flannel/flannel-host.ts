import type { SubnetEnv } from '@selvedge/core'
import type { Host } from '@selvedge/lab'

/** The config that flannel is tried with. Flannel has nftables since v0.25.1. */
export interface FlannelNetwork {
  readonly Network: string
  readonly EnableNFTables?: boolean
  readonly Backend: { readonly Type: 'vxlan' | 'host-gw' }
}

/** flannel's agent on one host, run with `--ip-masq`. */
export interface FlannelHost {
  readonly host: Host
  /** Starts it; resolves once its backend runs. */
  start(): Promise<void>
  /** Ends it. flannel leaves everything as it is. */
  stop(): Promise<void>
  subnetEnv(): Promise<Partial<SubnetEnv>>
}
