import type { Metrics } from './metrics.js'

/**
 * Metrics that are made when there is time for it: importing what they are made of takes as long as joining a network.
 * What happens before is kept, and counted then.
 */
export class LateMetrics {
  readonly #make: () => Promise<Metrics>
  #missed: ((metrics: Metrics) => void)[] = []
  #making: Promise<Metrics> | undefined
  #made: Metrics | undefined

  constructor(make: () => Promise<Metrics>) {
    this.#make = make
  }

  observe(count: (metrics: Metrics) => void): void {
    if (this.#made === undefined) this.#missed.push(count)
    else count(this.#made)
  }

  /** There is time now. */
  ready(): Promise<Metrics> {
    this.#making ??= this.#make().then((metrics) => {
      this.#made = metrics
      for (const count of this.#missed.splice(0)) count(metrics)
      return metrics
    })
    return this.#making
  }
}
