import type { StatusPage } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import type { StoreRight } from '@selvedge/core'

/** How the agent answered at its control socket. */
export type AgentFact =
  | { readonly state: 'answers'; readonly page: StatusPage }
  | { readonly state: 'absent' }
  | { readonly state: 'denied' | 'silent' | 'other'; readonly why: string }

/** A lease of the store, as far as it is read. */
export interface LeaseFact {
  readonly key: string
  readonly publicIp: string | undefined
  readonly backendType: string | undefined
  readonly vtepMac: string | undefined
  /** In ms since the epoch; undefined for a reservation, and for peers' of a store that does not tell them together. */
  readonly expiresAt: number | undefined
}

/** What the store answered. */
export type StoreFact =
  | {
      readonly state: 'answers'
      readonly type: StoreSettings['type']
      readonly place: string
      /** The network config in it; undefined if there is none. */
      readonly config: string | undefined
      /** Why it cannot be used. */
      readonly configProblem: string | undefined
      /** The config as the agent's page shows its own, without secrets; undefined if it cannot be used. */
      readonly comparable: unknown
      /** Of a config that can be used: how many subnets it has to lease, and its networks. */
      readonly subnets: number | undefined
      readonly networks: readonly string[]
      readonly backend: string | undefined
      readonly leases: readonly LeaseFact[]
      /** The keys of leases that the config has no room for. */
      readonly outside: ReadonlySet<string>
      /** Records that are no leases: a sentence each. */
      readonly problems: readonly string[]
      /** What an agent does with it, and whether these credentials may; undefined if it does not say. */
      readonly rights: readonly StoreRight[] | undefined
    }
  | {
      readonly state: 'failed'
      readonly type: StoreSettings['type']
      readonly place: string
      readonly code: string
      readonly why: string
      readonly rights: readonly StoreRight[] | undefined
    }

/** What a server of the store says besides its answers. */
export interface ServerFact {
  readonly url: string
  /** How far this host's clock is ahead of the server's, in ms, to about a second; undefined if it does not say. */
  readonly aheadMs: number | undefined
  /** When the server's certificate ends, in ms since the epoch; undefined without one. */
  readonly certificateEnds: number | undefined
  /** Of NATS: whether it says that it has no JetStream. */
  readonly lacksJetStream?: boolean
}
