import { type Clock, type Random, writeSubnetEnv } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'

export interface SubnetFileOptions {
  readonly path: string
  readonly clock: Clock
  readonly random: Random
  /** Told each time the file holds what it should, and of the first of several failures in a row. */
  readonly onWritten: (text: string) => void
  readonly onError: (error: unknown) => void
  readonly write?: typeof writeSubnetEnv
}

/** A write that fails (a full disk, a read-only one) is repeated after half a second to 30 s. */
const BACKOFF = { firstMs: 500, maxMs: 30_000 }

/** Keeps a subnet.env holding the last text that was published: one write at a time, repeated until it succeeds. */
export class SubnetFile implements AsyncDisposable {
  readonly #options: SubnetFileOptions
  readonly #closed = new AbortController()
  #wanted: string | undefined
  #written: string | undefined
  #running: Promise<void> | undefined

  constructor(options: SubnetFileOptions) {
    this.#options = options
  }

  publish(text: string): void {
    this.#wanted = text
    if (this.#pending()) this.#running ??= this.#run()
  }

  /** Waits for a write under way; one that failed is not repeated any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { path, clock, random, onWritten, onError, write = writeSubnetEnv } = this.#options
    const { signal } = this.#closed
    for (
      let failures = 0;
      this.#wanted !== undefined && this.#wanted !== this.#written && !signal.aborted;
    ) {
      const text = this.#wanted
      try {
        await write(path, text)
        this.#written = text
        failures = 0
        onWritten(text)
      } catch (error) {
        failures += 1
        if (failures === 1) onError(error)
        await clock.sleep(backoffDelay(failures, BACKOFF, random), { signal }).catch(() => undefined)
      }
    }
    this.#running = undefined
  }

  /** What is still to be written. */
  #pending(): string | undefined {
    return this.#wanted === this.#written || this.#closed.signal.aborted ? undefined : this.#wanted
  }
}
