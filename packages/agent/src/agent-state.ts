import type { NetworkConfig, Overlay } from '@selvedge/core'
import { sameNode } from '@selvedge/core/kit'
import type { Firewall, RuleCount } from '@selvedge/firewall'
import type { CachedSubnetManager, SubnetEnvFile } from '@selvedge/node-state'
import type { AgentSettings } from './command-line/settings.js'
import type { MatrixPage } from './dashboard/browser/matrix-page.js'
import type { PlanPage } from './dashboard/browser/plan-page.js'
import { RecentEvents } from './dashboard/recent-events.js'
import type { Snapshot } from './observe/metrics.js'
import { PeerHistory } from './observe/peer-history.js'
import { type ResourcesPage, resourcesPage } from './observe/resources-page.js'
import { type StatusPage, statusPage } from './observe/status-page.js'
import type { PeerProbes } from './probe/peer-probes.js'
import type { AgentServices } from './services.js'
import type { Prerequisite } from './stores/store.js'
import type { TrackedStore } from './stores/tracked-store.js'

/** A read takes tenths of a second with tens of thousands of peers. */
const READ_TIMEOUT_MS = 4_000

/** The agent's present state, for health checks, metrics and `systemctl status`. */
export class AgentState {
  /** While one is running. */
  overlay: Overlay | undefined
  store: TrackedStore | undefined
  cache: CachedSubnetManager | undefined
  /** While one is kept. */
  subnetFile: Pick<SubnetEnvFile, 'check'> | undefined
  /** While traffic rules are held. */
  firewall: Pick<Firewall, 'counts'> | undefined
  /** While peers are probed. */
  probes: PeerProbes | undefined
  /** What became of the peers; followed if there is a control socket to ask at. */
  readonly history: PeerHistory
  /** What happened lately; followed if there is a dashboard. */
  readonly recent: RecentEvents
  /** What of the config in the store differs from the one in force. */
  configDifferences: readonly string[] = []
  /** The config in the store, if it is another than the one in force. It may hold secrets. */
  storedConfig: NetworkConfig | undefined
  /** What the store waits for, if it says so. */
  awaited: Prerequisite | undefined
  readonly #services: AgentServices
  #isSubnetEnvWritten = false
  #isStarted = false
  #isReadyReported = false
  #waitsFor = 'starting'
  /** The step of a start that failed last, and whether the attempt under way has come as far. */
  #failedStep: { readonly name: string | undefined; reached: boolean } | undefined
  #step: string | undefined

  constructor(services: AgentServices) {
    this.#services = services
    this.history = new PeerHistory(services.clock)
    this.recent = new RecentEvents(services.clock)
  }

  /** The page for operators. */
  async statusPage(): Promise<StatusPage> {
    const { isStoreConnected, stalenessMs, isFromCache } = this.snapshot()
    return statusPage({
      version: this.#services.version,
      now: this.#services.clock.now(),
      overlay: this.overlay,
      history: this.history,
      probes: this.probes,
      waitingFor: await this.whyNotReady(),
      store: {
        name: this.store?.name ?? '',
        connected: isStoreConnected,
        staleMs: Math.round(stalenessMs),
        fromCache: isFromCache,
      },
      configDifferences: this.configDifferences,
      sanitize: (text) => this.#services.sanitizer.text(text),
    })
  }

  /** What the overlay desires and what its drivers hold, read now; undefined while there is no lease. */
  async resourcesPage({ subnetFile, ipMasq }: AgentSettings): Promise<ResourcesPage | undefined> {
    const { overlay } = this
    if (overlay?.status.state !== 'running') return undefined
    const { desired, operations } = await overlay.inspect({ signal: AbortSignal.timeout(READ_TIMEOUT_MS) })
    const { config, lease, mtu, externalInterface, leases } = overlay
    return resourcesPage({
      desired,
      operations,
      config,
      lease,
      mtu,
      externalInterface,
      leases: leases.values(),
      subnetFile: { path: subnetFile, text: overlay.subnetEnv({ ipMasq }) },
      lastChange: (key) => this.history.lastChange(key),
    })
  }

  /** What the overlay would write now, by what its drivers hold now; undefined while there is no lease. */
  async planPage(): Promise<PlanPage | undefined> {
    const { overlay } = this
    if (overlay?.status.state !== 'running') return undefined
    const { planPage } = await import('./dashboard/plan-page.js')
    const operations = await overlay.plan({ signal: AbortSignal.timeout(READ_TIMEOUT_MS) })
    return planPage({
      operations,
      config: overlay.config,
      storedConfig: this.storedConfig,
      at: this.#services.clock.now(),
      lastChange: (key) => this.history.lastChange(key),
      sanitize: (text) => this.#services.sanitizer.text(text),
    })
  }

  /** What nodes have found about each other; undefined while there is no lease, and if peers are not probed. */
  async matrixPage(filter: string): Promise<MatrixPage | undefined> {
    const { overlay, probes } = this
    if (overlay?.status.state !== 'running' || probes === undefined) return undefined
    const { matrixPage } = await import('./dashboard/matrix-page.js')
    const { matrixSources } = await import('./dashboard/matrix-sources.js')
    return matrixPage(matrixSources(overlay, probes, this.#services.clock.now()), filter)
  }

  /** Why pods cannot be set up, or would reach no peer; undefined while the agent is ready. Looks for subnet.env. */
  async whyNotReady(): Promise<string | undefined> {
    return (await this.whyNoPods()) ?? this.#uplinkAwaited
  }

  /** The same for a runtime that asks whether to set up pods: without an uplink, they reach one another on this host. */
  async whyNoPods(): Promise<string | undefined> {
    await this.subnetFile?.check()
    if (!this.#isReady) return this.#waitsFor
    return this.#uplinkAwaited === undefined ? this.probes?.whyIsolated : undefined
  }

  get #uplinkAwaited(): string | undefined {
    const why = this.overlay?.status.awaitsUplink
    return why === undefined ? undefined : this.#services.sanitizer.text(`waiting for an uplink: ${why}`)
  }

  /** Not ready yet, for this reason; `awaited` is what the store waits for, if that is the reason. */
  waitFor(why: string, awaited?: Prerequisite): void {
    this.awaited = awaited
    this.#waitsFor = this.#services.sanitizer.text(why)
    if (!this.#isReady) this.#services.serviceManager.status(this.#waitsFor)
  }

  /** A start proceeds to its next step. The reason why the last one failed stands until this one gets further. */
  startWaitsFor(step: string): void {
    this.#step = step
    if (this.#failedStep !== undefined && !this.#failedStep.reached) {
      this.#failedStep.reached = this.#failedStep.name === step
    } else {
      this.#failedStep = undefined
      this.waitFor(`waiting for ${step}`)
    }
  }

  startFailed(why: string): void {
    this.#failedStep = { name: this.#step, reached: false }
    this.waitFor(why)
  }

  /** subnet.env is not what it should be, for this reason. */
  becomeUnready(why: string): void {
    this.#isSubnetEnvWritten = false
    this.waitFor(why)
  }

  /** Ready from now on, if the peers are known too. */
  subnetEnvWritten(): void {
    this.#isSubnetEnvWritten = true
    this.#reportReady()
  }

  /** The overlay knows its peers: ready from now on, if subnet.env is written too. */
  started(): void {
    this.#isStarted = true
    this.#reportReady()
  }

  /** Sends the service manager the present status. */
  reportStatus(): void {
    if (this.#isReady) this.#services.serviceManager.status(this.#text())
  }

  snapshot(): Snapshot {
    const { overlay, store, cache } = this
    const cachedAsOf = cache?.cachedAsOf
    return {
      status: overlay?.status,
      peers: this.#peers(),
      isReady: this.#isReady,
      leaseExpiresAt: overlay?.lease.expiresAt,
      isStoreConnected: store?.isConnected ?? false,
      stalenessMs:
        cachedAsOf === undefined
          ? (store?.disconnectedMs ?? 0)
          : // The clock may be behind when it boots.
            Math.max(0, this.#services.clock.now() - cachedAsOf),
      isFromCache: cachedAsOf !== undefined,
      awaited: this.awaited,
      probes: this.probes,
      traffic: overlay?.traffic ?? [],
    }
  }

  /** The packets that each traffic rule has met; none if that cannot be read now. */
  async ruleCounts(): Promise<readonly RuleCount[]> {
    return (await this.firewall?.counts().catch(() => [])) ?? []
  }

  get #isReady(): boolean {
    return this.#isSubnetEnvWritten && this.#isStarted
  }

  #reportReady(): void {
    if (!this.#isReady) return
    if (!this.#isReadyReported) this.#services.serviceManager.ready()
    this.#isReadyReported = true
    this.reportStatus()
  }

  #peers(): number {
    const { overlay } = this
    if (overlay === undefined) return 0
    const own = overlay.lease.attributes
    let peers = 0
    for (const { attributes } of overlay.leases.values()) if (!sameNode(attributes, own)) peers += 1
    return peers
  }

  #text(): string {
    const { overlay, store } = this
    if (overlay === undefined) return 'restarting'
    const { lease, status } = overlay
    const subnets = [lease.subnet, lease.ipv6Subnet].filter((subnet) => subnet !== undefined)
    const kernel = status.inSync
      ? 'in sync'
      : `${status.failures.length} of ${status.desired} entries failing`
    const connection = store?.isConnected === true ? '' : `, ${store?.name} unavailable`
    return `${subnets.join(' and ')}, ${status.leases} leases, ${this.#uplinkAwaited ?? kernel}${connection}`
  }
}
