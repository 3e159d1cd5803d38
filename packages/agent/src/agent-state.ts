import type { Overlay } from '@selvedge/core'
import { sameNode } from '@selvedge/core/kit'
import type { CachedSubnetManager } from '@selvedge/node-state'
import type { Snapshot } from './observe/metrics.js'
import type { AgentServices } from './services.js'
import type { HeardStore } from './stores/tracked-store.js'
import type { Prerequisite } from './stores/store.js'

/** What is so now; for health checks, metrics and `systemctl status`. */
export class AgentState {
  /** While one is started. */
  overlay: Overlay | undefined
  store: HeardStore | undefined
  cache: CachedSubnetManager | undefined
  /** What the store waits for, of that of which it tells. */
  awaited: Prerequisite | undefined
  readonly #services: AgentServices
  #ready = false
  #waitsFor = 'starting'

  constructor(services: AgentServices) {
    this.#services = services
  }

  /** What keeps pods from being set up; undefined once subnet.env is written. */
  get notReady(): string | undefined {
    return this.#ready ? undefined : this.#waitsFor
  }

  /** Not ready yet, for this reason; and what the store waits for, where that is the reason. */
  waitFor(why: string, awaited?: Prerequisite): void {
    this.awaited = awaited
    this.#waitsFor = this.#services.redactor.text(why)
    if (!this.#ready) this.#services.serviceManager.status(this.#waitsFor)
  }

  /** subnet.env is written: from now on, for good. */
  becomeReady(): void {
    if (!this.#ready) this.#services.serviceManager.ready()
    this.#ready = true
    this.tell()
  }

  /** Tells the service manager how things are. */
  tell(): void {
    if (this.#ready) this.#services.serviceManager.status(this.#text())
  }

  snapshot(): Snapshot {
    const { overlay, store, cache } = this
    const cachedAsOf = cache?.cachedAsOf
    return {
      status: overlay?.status,
      peers: this.#peers(),
      ready: this.#ready,
      leaseExpiresAt: overlay?.lease.expiresAt,
      storeUp: store?.isHeard ?? false,
      staleness: cachedAsOf === undefined ? (store?.silence ?? 0) : this.#services.clock.now() - cachedAsOf,
      fromCache: cachedAsOf !== undefined,
      awaited: this.awaited,
    }
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
    if (overlay === undefined) return 'starting anew'
    const { lease, status } = overlay
    const subnets = [lease.subnet, lease.ipv6Subnet].filter((subnet) => subnet !== undefined)
    const kernel = status.inSync
      ? 'in sync'
      : `${status.failures.length} of ${status.desired} entries failing`
    const hearing = store?.isHeard === true ? '' : `, ${store?.name} away`
    return `${subnets.join(' and ')}, ${status.leases} leases, ${kernel}${hearing}`
  }
}
