import type { SubnetManager } from '../contract/subnet-manager.js'
import { configDifferences } from '../lease/config-differences.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { Clock, Random } from '../util/clock.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { Wakeup } from '../util/wakeup.js'

/** A network config in the store that is not the one in force, or is it again, or is valid again: then nothing may differ. */
export interface ConfigChange {
  readonly config: NetworkConfig
  /** What differs from the config in force, in a phrase each. */
  readonly differences: readonly string[]
}

export interface ConfigWatchOptions {
  readonly subnets: SubnetManager
  /** The one in force: what this node joined by. */
  readonly config: NetworkConfig
  readonly clock: Clock
  readonly random: Random
  readonly onChange: (change: ConfigChange) => void
  readonly onError: (error: OverlayError) => void
  /** The config can be read again after this error. */
  readonly onRecovered: (error: OverlayError) => void
}

/** How often the config is read again, give or take a fifth. It is one small read, and no store is asked to watch it. */
const INTERVAL_MS = 60_000

/** However often it is asked for, it is read no more often than this. */
const MIN_INTERVAL_MS = 10_000

/** A store that has no config lets a reader wait for one: for this long here. */
const READ_TIMEOUT_MS = 10_000

/**
 * Reads the network config again and again, and reports when it is another than the one in force, or cannot be used. It is
 * not followed while the lease stands: an operator's slip must not take a whole cluster along.
 */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions
  readonly #wakeup = new Wakeup()
  #differences: readonly string[] = []
  #error: OverlayError | undefined
  #asOf: number

  constructor(options: ConfigWatchOptions) {
    this.#options = options
    this.#asOf = options.clock.now()
  }

  /** What is wrong with the config in the store; undefined if it can be used. */
  get error(): OverlayError | undefined {
    return this.#error
  }

  /** When the store last said what config it has, valid or not, in ms since the epoch. */
  get asOf(): number {
    return this.#asOf
  }

  /**
   * Reads the config now, and waits for one if the store has none. Returns whether it is still the one in force; reports
   * it if that has changed. Rejects if the store does.
   */
  async isInForce(signal: AbortSignal): Promise<boolean> {
    const { subnets, config: inForce, clock, onChange, onRecovered } = this.#options
    const config = await subnets.getNetworkConfig({ signal })
    const differences = configDifferences(inForce, config)
    const [before, error] = [this.#differences, this.#error]
    this.#differences = differences
    this.#error = undefined
    this.#asOf = clock.now()
    if (error !== undefined) onRecovered(error)
    if (error !== undefined || differences.join() !== before.join()) onChange({ config, differences })
    return differences.length === 0
  }

  /** Runs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    const interval = () => INTERVAL_MS * (0.8 + 0.4 * random())
    let lastRead = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      await this.#wakeup.sleep(interval(), clock, signal).catch(() => undefined)
      const rest = lastRead + MIN_INTERVAL_MS - clock.monotonic()
      if (rest > 0) await clock.sleep(rest, { signal }).catch(() => undefined)
      lastRead = clock.monotonic()
      if (!signal.aborted) await this.#look(signal)
    }
  }

  /** Has the config read soon: something suggests that it is another. */
  look(): void {
    this.#wakeup.wake()
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const done = new AbortController()
    const end = AbortSignal.any([signal, done.signal])
    const timeout = clock.sleep(READ_TIMEOUT_MS, { signal: end }).then(
      () => done.abort(),
      () => undefined,
    )
    try {
      await this.isInForce(end)
    } catch (error) {
      if (!end.aborted) this.#report(error)
    } finally {
      done.abort()
      await timeout
    }
  }

  /** That the store is away is the watch of leases' to report. A config that is broken now is worth a word, once. */
  #report(thrown: unknown): void {
    if (isOverlayError(thrown) && thrown.code !== 'INVALID_CONFIG') return
    const error = OverlayError.from(thrown, 'INTERNAL', 'reading the network config again')
    const before = this.#error
    this.#error = error
    this.#asOf = this.#options.clock.now()
    if (error.message === before?.message) return
    this.#options.onError(error)
  }
}
