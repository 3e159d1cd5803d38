import type { StatusPage } from '@selvedge/agent'
import type { NetworkFacts } from './network.js'
import type { PathFact } from './paths.js'
import type { PodFacts } from './pods.js'
import type { RulesetFacts } from './ruleset.js'
import type { ServiceFacts } from './services.js'
import type { UdpSocket } from './sockets.js'

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
  readonly expiresAt: number | undefined
}

/** What the store answered. */
export type StoreFact =
  | {
      readonly state: 'answers'
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
      readonly leases: readonly LeaseFact[]
      /** Records that are no leases: a sentence each. */
      readonly problems: readonly string[]
    }
  | { readonly state: 'failed'; readonly place: string; readonly code: string; readonly why: string }

/** A certificate of the connection to the store. */
export interface CertificateFact {
  readonly file: string
  /** In ms since the epoch; undefined if it cannot be read, which `problem` explains. */
  readonly validTo: number | undefined
  readonly problem: string | undefined
}

/** Everything that the checks look at. What could not be looked at is undefined, and no check guesses. */
export interface Facts {
  /** In ms since the epoch. */
  readonly now: number
  /** Whether this process may change networks (CAP_NET_ADMIN): if not, it does not see everything either. */
  readonly hasNetAdmin: boolean
  /** Files of /proc/sys, by their path below it. */
  readonly sysctls: ReadonlyMap<string, string>
  readonly hasTunDevice: boolean
  readonly network: NetworkFacts | undefined
  readonly rulesets: RulesetFacts | undefined
  readonly sockets: readonly UdpSocket[]
  readonly programs: ReadonlySet<string>
  readonly services: ServiceFacts
  readonly agent: AgentFact | undefined
  readonly store: StoreFact | undefined
  readonly certificates: readonly CertificateFact[]
  readonly subnetFile: { readonly path: string; readonly text: string | undefined }
  readonly paths: readonly PathFact[]
  readonly pods: PodFacts
}
