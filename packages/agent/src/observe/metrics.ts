import type {
  Drift,
  DriverTraffic,
  LeaseKeeperEvent,
  OverlayError,
  OverlayStatus,
  SyncReport,
} from '@selvedge/core'
import type { RuleCount } from '@selvedge/firewall'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { PREREQUISITES, type Prerequisite } from '../stores/store.js'
import { addProbes, type ProbeFindings } from './probe-metrics.js'
import { addTraffic } from './traffic-metrics.js'

/** What is read when metrics are gathered. */
export interface Snapshot {
  /** Undefined while no overlay runs. */
  readonly status: OverlayStatus | undefined
  readonly peers: number
  readonly isReady: boolean
  /** When this node's lease expires, in ms since the epoch; undefined if it has none, or never expires. */
  readonly leaseExpiresAt: number | undefined
  /** Whether the watch of the store is connected. */
  readonly isStoreConnected: boolean
  /** For how long the known leases have not been confirmed, in ms; 0 while the store is connected. */
  readonly stalenessMs: number
  /** Whether the leases come from the cache, since the store has not answered this process yet. */
  readonly isFromCache: boolean
  /** What the store waits for; undefined if it waits for nothing. */
  readonly awaited: Prerequisite | undefined
  /** Undefined if peers are not probed. */
  readonly probes: ProbeFindings | undefined
  /** Of drivers that move packets themselves. */
  readonly traffic: readonly DriverTraffic[]
}

/** Seconds: from one entry in a small network to 65,000 peers at once. */
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The agent's metrics. The README says what each means, and what to alarm on. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #reconciles: Histogram
  readonly #writes: Counter<'result'>
  readonly #drift: Counter<'was'>
  readonly #leaseEvents: Counter<'type'>
  readonly #errors: Counter<'code'>

  /**
   * @param look reads the present state
   * @param countRules reads what traffic rules have met
   */
  constructor(
    look: () => Snapshot,
    countRules: () => Promise<readonly RuleCount[]>,
    { version, store }: { version: string; store: string },
  ) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })

    const gauge = (name: string, help: string, value: (now: Snapshot) => number | undefined): void => {
      new Gauge({
        name: `selvedge_${name}`,
        help,
        registers,
        collect() {
          const now = value(look())
          if (now === undefined) this.remove()
          else this.set(now)
        },
      })
    }
    new Gauge({
      name: 'selvedge_build_info',
      help: 'Always 1; the labels are the version and the store.',
      labelNames: ['version', 'store'],
      registers,
    }).set({ version, store }, 1)
    gauge('ready', '1 once subnet.env is written: pods can be set up.', ({ isReady: ready }) => Number(ready))
    new Gauge({
      name: 'selvedge_waiting',
      help: '1 for what the store waits for: network-config, node, pod-cidr, credentials.',
      labelNames: ['for'],
      registers,
      collect() {
        const { awaited } = look()
        for (const what of PREREQUISITES) this.set({ for: what }, Number(what === awaited))
      },
    })
    gauge('leases', "Leases in the store, including this node's own.", ({ status }) => status?.leases ?? 0)
    gauge('peers', 'Other nodes with a lease.', ({ peers }) => peers)
    gauge('in_sync', '1 while the kernel holds exactly what all known leases require.', (now) =>
      Number(now.status?.inSync ?? false),
    )
    new Gauge({
      name: 'selvedge_resources',
      help: 'Links, addresses, routes, neighbours and fdb entries: desired, actual, and those that cannot be written.',
      labelNames: ['state'],
      registers,
      collect() {
        const { desired = 0, actual = 0, failures = [] } = look().status ?? {}
        this.set({ state: 'desired' }, desired)
        this.set({ state: 'actual' }, actual)
        this.set({ state: 'failed' }, failures.length)
      },
    })
    gauge('store_up', '1 while the store answers.', ({ isStoreConnected: storeUp }) => Number(storeUp))
    gauge(
      'leases_from_cache',
      '1 while the leases come from the cache: the store has not answered since the start.',
      (now) => Number(now.isFromCache),
    )
    gauge(
      'leases_stale_seconds',
      'How long the known leases have not been confirmed; 0 while the store answers.',
      ({ stalenessMs: staleness }) => staleness / 1000,
    )
    gauge(
      'lease_expiry_timestamp_seconds',
      "When this node's lease expires unless renewed; absent for a reservation.",
      ({ leaseExpiresAt }) => (leaseExpiresAt === undefined ? undefined : leaseExpiresAt / 1000),
    )
    new Counter({
      name: 'selvedge_rule_packets_total',
      help: 'Packets that a traffic rule has met, as the kernel counts them: from 0 when it is written.',
      labelNames: ['mode', 'family', 'chain', 'number', 'rule'],
      registers,
      async collect() {
        this.reset()
        for (const { mode, family, chain, number, rule, packets } of await countRules()) {
          this.inc({ mode, family: `ipv${family}`, chain, number, rule }, packets)
        }
      },
    })
    addTraffic(registers, () => look().traffic)
    addProbes(registers, () => look().probes)
    this.#reconciles = new Histogram({
      name: 'selvedge_reconcile_duration_seconds',
      help: 'Duration of a reconciliation, from the first read to the last write.',
      buckets: DURATIONS,
      registers,
    })
    this.#writes = new Counter({
      name: 'selvedge_writes_total',
      help: 'Entries written to the kernel: put, deleted, failed.',
      labelNames: ['result'],
      registers,
    })
    this.#drift = new Counter({
      name: 'selvedge_drift_total',
      help: 'Entries that another program changed, and that were restored: missing, changed, unexpected.',
      labelNames: ['was'],
      registers,
    })
    this.#leaseEvents = new Counter({
      name: 'selvedge_lease_events_total',
      help: "Events of this node's lease: acquired, renewed, changed, lost.",
      labelNames: ['type'],
      registers,
    })
    this.#errors = new Counter({
      name: 'selvedge_errors_total',
      help: 'Failures that are retried or ignored, by error code of @selvedge/core.',
      labelNames: ['code'],
      registers,
    })
    // An absent series and one that never counted look the same: start at 0.
    for (const result of ['put', 'deleted', 'failed']) this.#writes.inc({ result }, 0)
    for (const was of ['missing', 'changed', 'unexpected']) this.#drift.inc({ was }, 0)
    for (const type of ['acquired', 'renewed', 'changed', 'lost']) this.#leaseEvents.inc({ type }, 0)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  lease({ type }: LeaseKeeperEvent): void {
    this.#leaseEvents.inc({ type })
  }

  sync({ put, deleted, failed, durationMs: duration }: SyncReport): void {
    this.#reconciles.observe(duration / 1000)
    this.#writes.inc({ result: 'put' }, put)
    this.#writes.inc({ result: 'deleted' }, deleted)
    this.#writes.inc({ result: 'failed' }, failed)
  }

  drift(drift: readonly Drift[]): void {
    for (const { was } of drift) this.#drift.inc({ was })
  }

  error({ code }: OverlayError): void {
    this.#errors.inc({ code })
  }
}
