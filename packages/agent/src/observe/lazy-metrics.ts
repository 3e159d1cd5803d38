import type { Metrics } from './metrics.js'

/**
 * Metrics that are made when there is time for it: importing what they are made of takes as long as joining a network.
 * What happens before is kept, and counted then.
 */
export class LazyMetrics {
  readonly #make: () => Promise<Metrics>
  #pending: ((metrics: Metrics) => void)[] = []
  #making: Promise<Metrics> | undefined
  #made: Metrics | undefined

  constructor(make: () => Promise<Metrics>) {
    this.#make = make
  }

  observe(count: (metrics: Metrics) => void): void {
    if (this.#made === undefined) this.#pending.push(count)
    else count(this.#made)
  }

  get(): Promise<Metrics> {
    this.#making ??= this.#make().then((metrics) => {
      this.#made = metrics
      for (const count of this.#pending.splice(0)) count(metrics)
      return metrics
    })
    return this.#making
  }
}
