import type { Drift, LeaseKeeperEvent, OverlayError, OverlayStatus, SyncReport } from '@selvedge/core'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { PREREQUISITES, type Prerequisite } from '../stores/store.js'

/** What is asked when metrics are gathered. */
export interface Snapshot {
  /** Undefined while no overlay runs. */
  readonly status: OverlayStatus | undefined
  readonly peers: number
  readonly ready: boolean
  /** The end of this node's lease, in ms since the epoch; undefined where it has none, or it never ends. */
  readonly leaseExpiresAt: number | undefined
  /** Whether the store can be heard. */
  readonly storeUp: boolean
  /** How long ago what is known of the leases was last known to be so, in ms; 0 while the store is heard. */
  readonly staleness: number
  /** Whether what is used was known before this process started, because the store has not answered it yet. */
  readonly fromCache: boolean
  /** What the store waits for; undefined where it waits for nothing. */
  readonly awaited: Prerequisite | undefined
}

/** Seconds: from one entry in a small network to 65,000 peers at once. */
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The agent's metrics. Each is explained in the README, where it says what to alarm on. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #reconciles: Histogram
  readonly #writes: Counter<'result'>
  readonly #drift: Counter<'was'>
  readonly #leaseEvents: Counter<'type'>
  readonly #errors: Counter<'code'>

  /** @param look gives what is so at the time */
  constructor(look: () => Snapshot, { version, store }: { version: string; store: string }) {
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
      help: 'Always 1; the labels tell the version and the store.',
      labelNames: ['version', 'store'],
      registers,
    }).set({ version, store }, 1)
    gauge('ready', '1 once subnet.env is written: pods can be set up.', ({ ready }) => Number(ready))
    new Gauge({
      name: 'selvedge_waiting',
      help: '1 for what the store waits for: network-config, node, pod-cidr.',
      labelNames: ['for'],
      registers,
      collect() {
        const { awaited } = look()
        for (const what of PREREQUISITES) this.set({ for: what }, Number(what === awaited))
      },
    })
    gauge('leases', "Leases in the store, this node's own among them.", ({ status }) => status?.leases ?? 0)
    gauge('peers', 'Other nodes with a lease.', ({ peers }) => peers)
    gauge(
      'in_sync',
      '1 while the kernel holds what all known leases call for, and nothing else of ours.',
      (now) => Number(now.status?.inSync ?? false),
    )
    new Gauge({
      name: 'selvedge_resources',
      help: 'Links, addresses, routes, neighbours and fdb entries: wanted, held, and failing to be put.',
      labelNames: ['state'],
      registers,
      collect() {
        const { desired: wanted = 0, actual: held = 0, failures = [] } = look().status ?? {}
        this.set({ state: 'wanted' }, wanted)
        this.set({ state: 'held' }, held)
        this.set({ state: 'failed' }, failures.length)
      },
    })
    gauge('store_up', '1 while the store answers.', ({ storeUp }) => Number(storeUp))
    gauge(
      'leases_from_cache',
      '1 while leases known before the start are used: the store has not answered.',
      (now) => Number(now.fromCache),
    )
    gauge(
      'leases_stale_seconds',
      'How long ago the known leases were last known to be so; 0 while the store answers.',
      ({ staleness }) => staleness / 1000,
    )
    gauge(
      'lease_expiry_timestamp_seconds',
      "When this node's lease ends unless renewed; absent for a reservation.",
      ({ leaseExpiresAt }) => (leaseExpiresAt === undefined ? undefined : leaseExpiresAt / 1000),
    )
    this.#reconciles = new Histogram({
      name: 'selvedge_reconcile_duration_seconds',
      help: 'Rounds of writes to the kernel, from the first look to the last write.',
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
      help: 'Entries that somebody else changed, and that were put right: missing, changed, unexpected.',
      labelNames: ['was'],
      registers,
    })
    this.#leaseEvents = new Counter({
      name: 'selvedge_lease_events_total',
      help: "What became of this node's lease: acquired, renewed, changed, lost.",
      labelNames: ['type'],
      registers,
    })
    this.#errors = new Counter({
      name: 'selvedge_errors_total',
      help: 'What failed and is being retried, or was passed over, by code (see the errors of @selvedge/core).',
      labelNames: ['code'],
      registers,
    })
    // A series that is not there cannot be told from one that has not happened: begin at 0.
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
