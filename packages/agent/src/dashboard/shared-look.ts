import type { Clock } from '@selvedge/core'

/** What was found is given again for this long; longer if it took long to find, so that it takes a tenth of a core at most. */
const MIN_AGE_MS = 1_000
const AGE_FACTOR = 10

/** Something that is costly to find out, for many who ask: found out once at a time, and not again at once. */
export class SharedLook<T> {
  readonly #look: () => Promise<T>
  readonly #clock: Clock
  #underway: Promise<T> | undefined
  #found: { readonly value: T; readonly until: number } | undefined

  constructor(look: () => Promise<T>, clock: Clock) {
    this.#look = look
    this.#clock = clock
  }

  /** Rejects as the look does; that is not kept. */
  get(): Promise<T> {
    if (this.#underway !== undefined) return this.#underway
    const now = this.#clock.monotonic()
    if (this.#found !== undefined && now < this.#found.until) return Promise.resolve(this.#found.value)
    this.#underway = this.#find(now).finally(() => {
      this.#underway = undefined
    })
    return this.#underway
  }

  async #find(started: number): Promise<T> {
    const value = await this.#look()
    const now = this.#clock.monotonic()
    this.#found = { value, until: now + Math.max(MIN_AGE_MS, (now - started) * AGE_FACTOR) }
    return value
  }
}
