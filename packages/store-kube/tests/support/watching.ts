import { type Lease, leaseKey, type SubnetManager } from '@selvedge/core'
import { expect } from 'vitest'

/** Follows a store's leases as an overlay does. */
export class Watching {
  readonly leases = new Map<string, Lease>()
  readonly errors: Error[] = []
  snapshots = 0
  /** Of these, those of a store that has lost what it knew. */
  resets = 0
  recoveries = 0
  readonly #abort = new AbortController()
  readonly #done: Promise<void>

  constructor(manager: SubnetManager) {
    this.#done = this.#run(manager)
  }

  /** The public addresses of all nodes, by their subnets. */
  get addresses(): Record<string, string | undefined> {
    const all = [...this.leases].sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(all.map(([key, { attributes }]) => [key, attributes.publicIp]))
  }

  /** Resolves once `condition` is true; fails after `timeoutMs`. */
  async until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
    await expect.poll(condition, { timeout: timeoutMs, interval: 10, message: what }).toBe(true)
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#done
  }

  async #run(manager: SubnetManager): Promise<void> {
    const events = manager.watchLeases({
      signal: this.#abort.signal,
      onError: (error) => this.errors.push(error),
      onRecovered: () => {
        this.recoveries += 1
      },
    })
    for await (const event of events) {
      if (event.type === 'snapshot') {
        this.snapshots += 1
        if (event.storeWasReset === true) this.resets += 1
        this.leases.clear()
        for (const lease of event.leases) this.leases.set(leaseKey(lease), lease)
      } else if (event.type === 'put') this.leases.set(leaseKey(event.lease), event.lease)
      else this.leases.delete(leaseKey(event.lease))
    }
  }
}
