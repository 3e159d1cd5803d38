import { type Lease, type LeaseEvent, leaseKey, type SubnetManager } from '@selvedge/core'

/** How long anything may take, in ms. */
const PATIENCE = 30_000

/** A consumer of `watchLeases` that keeps all events and errors. */
export class Watcher implements AsyncDisposable {
  readonly events: LeaseEvent[] = []
  readonly errors: Error[] = []
  readonly leases = new Map<string, Lease>()
  readonly #abort = new AbortController()
  readonly #done: Promise<void>
  #onUpdate = () => {}

  static async on(manager: SubnetManager): Promise<Watcher> {
    const watcher = new Watcher(manager)
    await watcher.until('a first snapshot', () => watcher.snapshots > 0)
    return watcher
  }

  constructor(manager: SubnetManager) {
    this.#done = this.#run(manager)
  }

  get snapshots(): number {
    return this.events.filter(({ type }) => type === 'snapshot').length
  }

  get keys(): readonly string[] {
    return [...this.leases.keys()].sort()
  }

  /** Waits until `condition` holds, looking at it after every event and error. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE
    while (!condition()) {
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no ${what} within ${PATIENCE / 1000} s; ${this.#summary()}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#onUpdate = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async untilShows(...keys: readonly string[]): Promise<void> {
    const expected = [...keys].sort().join()
    await this.until(`state with exactly ${expected}`, () => this.keys.join() === expected)
  }

  async untilShowsLease(lease: Lease): Promise<void> {
    await this.until(`lease ${leaseKey(lease)}`, () => this.leases.has(leaseKey(lease)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#done
  }

  async #run(manager: SubnetManager): Promise<void> {
    const onError = (error: Error) => {
      this.errors.push(error)
      this.#onUpdate()
    }
    for await (const event of manager.watchLeases({ signal: this.#abort.signal, onError })) {
      this.events.push(event)
      if (event.type === 'snapshot') {
        this.leases.clear()
        for (const lease of event.leases) this.leases.set(leaseKey(lease), lease)
      } else if (event.type === 'put') this.leases.set(leaseKey(event.lease), event.lease)
      else this.leases.delete(leaseKey(event.lease))
      this.#onUpdate()
    }
  }

  #summary(): string {
    const events = this.events.slice(-8).map(({ type }) => type)
    const errors = this.errors.slice(-3).map(({ message }) => message)
    return `it showed ${this.keys.join(' ') || 'nothing'} after ${events.join(', ')}; errors: ${errors.join(' | ') || 'none'}`
  }
}
