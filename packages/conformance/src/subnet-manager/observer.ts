import assert from 'node:assert/strict'
import { type Lease, type LeaseEvent, leaseKey, type SubnetManager } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'

/**
 * A consumer of `watchLeases` that keeps the leases that are reported to it, and notes what no watch may report: a
 * change before the first snapshot, a delete of what is not there.
 */
export class LeaseObserver {
  readonly events: LeaseEvent[] = []
  readonly leases = new Map<string, Lease>()
  /** What the watch reported to `onError`. */
  readonly errors: Error[] = []
  snapshots = 0
  readonly #timeoutMs: number
  readonly #abort = new AbortController()
  readonly #done: Promise<void>
  readonly #faults: string[] = []
  #failure: { readonly error: unknown } | undefined
  #ended = false
  #gate: Promise<void> | undefined
  #wakeUp: (() => void) | undefined

  constructor(manager: SubnetManager, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#done = this.#run(manager)
  }

  /** Waits until `condition` holds after an event; fails with what was seen if that takes too long. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#failure.error
      const left = deadline - performance.now()
      if (this.#ended || left <= 0) {
        const why = this.#ended ? 'the watch ended' : `${this.#timeoutMs} ms passed`
        assert.fail(`${why} without ${what}; the watch reported ${summary(this.events)}`)
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wakeUp = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Waits until the watch shows exactly these leases, whatever their ends. */
  async untilShows(what: string, leases: readonly Lease[]): Promise<void> {
    const text = (all: Iterable<Lease>) => [...all].map(published).sort().join('\n')
    const wanted = text(leases)
    await this.until(what, () => text(this.leases.values()) === wanted)
  }

  /** Takes no further event until the function returned is called. */
  pause(): () => void {
    let resume = () => {}
    this.#gate = new Promise((resolve) => {
      resume = resolve
    })
    return () => {
      this.#gate = undefined
      resume()
    }
  }

  /** The error that the watch ends with; undefined if it ends without one. */
  async ending(): Promise<unknown> {
    await this.until('an end of the watch', () => this.#ended)
    return this.#failure?.error
  }

  /** Aborts the watch; rejects if it ends with an error or reported what no watch may report. */
  async stop(): Promise<void> {
    const endedBefore = this.#ended
    this.#abort.abort(new Error('the observer stopped'))
    await this.#done
    assert.deepEqual(this.#faults, [], 'the watch reported what no watch may report')
    if (!endedBefore && this.#failure !== undefined) throw this.#failure.error
  }

  async #run(manager: SubnetManager): Promise<void> {
    try {
      const onError = (error: Error) => void this.errors.push(error)
      for await (const event of manager.watchLeases({ signal: this.#abort.signal, onError })) {
        this.#take(event)
        this.#wakeUp?.()
        await this.#gate
      }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#ended = true
      this.#wakeUp?.()
    }
  }

  #take(event: LeaseEvent): void {
    this.events.push(event)
    if (event.type === 'snapshot') {
      this.snapshots += 1
      this.leases.clear()
      for (const lease of event.leases) this.leases.set(leaseKey(lease), lease)
      if (this.leases.size < event.leases.length) this.#faults.push('a snapshot that holds a lease twice')
      return
    }
    const key = leaseKey(event.lease)
    if (this.snapshots === 0) this.#faults.push(`a ${event.type} of ${key} before the first snapshot`)
    if (event.type === 'put') this.leases.set(key, event.lease)
    else if (!this.leases.delete(key)) this.#faults.push(`a delete of ${key}, which was not there`)
  }
}

/** What a lease says to peers, as text for comparison: all but its end, which concerns its owner alone. */
export const published = (lease: Lease): string =>
  `${leaseKey(lease)} ${encodeLeaseAttributes(lease.attributes)}`

function summary(events: readonly LeaseEvent[]): string {
  const last = events
    .slice(-10)
    .map((event) =>
      event.type === 'snapshot'
        ? `snapshot [${event.leases.map(leaseKey).join(', ')}]`
        : `${event.type} ${published(event.lease)}`,
    )
  return `${events.length} events, at last: ${last.join('; ')}`
}
