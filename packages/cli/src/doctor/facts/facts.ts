import type { AgentSettings } from '@selvedge/agent/flags'
import type { AgentFact, ServerFact, StoreFact } from './answers.js'
import type { CertificateFact } from './certificates.js'
import type { ClusterIp } from './cluster-ip.js'
import type { ServiceProbe } from './cluster-ips.js'
import type { DesiredFact } from './desired.js'
import type { DriverFact } from './driver.js'
import type { Flow } from './flows.js'
import type { Handshake } from './handshakes.js'
import type { NetworkFacts } from './network.js'
import type { PathFacts } from './paths.js'
import type { PodFacts } from './pods.js'
import type { OutPolicy } from './policies.js'
import type { RulesetFacts } from './ruleset.js'
import type { ServiceFacts } from './services.js'
import type { UdpSocket } from './sockets.js'
import type { TrialFacts } from './trials.js'
import type { Way } from './ways.js'

/** Everything that the checks look at. What could not be looked at is undefined, and no check guesses. */
export interface Facts {
  /** In ms since the epoch. */
  readonly now: number
  readonly settings: AgentSettings
  /** What is to run here, as far as the command line says: before there is a config. */
  readonly asked: { readonly backend: string | undefined; readonly networks: readonly string[] }
  /** Whether this process may change networks (CAP_NET_ADMIN): if not, it does not see everything either. */
  readonly hasNetAdmin: boolean
  /** Files of /proc/sys, by their path below it. */
  readonly sysctls: ReadonlyMap<string, string>
  /** Why /dev/net/tun cannot be used; undefined if it can. */
  readonly tunProblem: string | undefined
  readonly driver: DriverFact
  readonly trials: TrialFacts
  readonly network: NetworkFacts | undefined
  readonly rulesets: RulesetFacts | undefined
  readonly sockets: readonly UdpSocket[]
  readonly programs: ReadonlySet<string>
  readonly services: ServiceFacts & {
    /** Services of Kubernetes that kube-proxy's rules name, and what two of them answered. */
    readonly clusterIps: readonly ClusterIp[]
    readonly probes: readonly ServiceProbe[]
  }
  readonly controlSocket: string
  readonly agent: AgentFact | undefined
  readonly store: StoreFact | undefined
  /** Undefined if neither agent nor store is asked. */
  readonly desired: DesiredFact | undefined
  /** By address: peers' hosts, and an address of each of their subnets. */
  readonly ways: ReadonlyMap<string, Way>
  /** The kernel's policies of IPsec, with the backend ipsec; undefined if they cannot be read. */
  readonly policies: readonly OutPolicy[] | undefined
  readonly certificates: readonly CertificateFact[]
  /** The servers of the store that answer. */
  readonly servers: readonly ServerFact[]
  readonly subnetFile: { readonly path: string; readonly text: string | undefined }
  readonly paths: PathFacts
  /** Packets with a wrong checksum that came while peers were tried. */
  readonly checksums: number
  /** To the backend's UDP port, after peers were tried. */
  readonly flows: readonly Flow[]
  /** Of WireGuard's peers, after they were tried. */
  readonly shaken: readonly Handshake[]
  readonly pods: PodFacts
}
