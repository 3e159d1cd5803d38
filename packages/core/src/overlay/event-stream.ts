import { OverlayError } from '../util/errors.js'

/**
 * How many events may wait for their consumer. A first list of leases gives one for each peer at once, and the largest
 * networks have 65,536 of them (a /8 of /24 subnets).
 */
const MAX_WAITING = 131_072

/**
 * A queue that is read by `for await`: what is pushed comes out in its order. A consumer that falls `maxWaiting` events
 * behind gets an OverlayError `EVENTS_LOST`, since memory is bounded and a gap that is not reported is worse.
 */
export class EventStream<T> implements AsyncIterableIterator<T, undefined> {
  readonly #onEnd: () => void
  readonly #maxWaiting: number
  #waiting: T[] = []
  /** The next of `waiting` to hand out: taking it off the front of a long array costs as much as the array is long. */
  #head = 0
  readonly #pulls: ((result: IteratorResult<T, undefined>) => void)[] = []
  #ended = false
  #error: OverlayError | undefined

  /** @param onEnd called once when nothing more is taken: ended, overrun, or left by its consumer */
  constructor(onEnd: () => void, maxWaiting = MAX_WAITING) {
    this.#onEnd = onEnd
    this.#maxWaiting = maxWaiting
  }

  push(value: T): void {
    if (this.#ended) return
    const pull = this.#pulls.shift()
    if (pull !== undefined) {
      pull({ done: false, value })
      return
    }
    if (this.#waiting.length - this.#head < this.#maxWaiting) {
      this.#waiting.push(value)
      return
    }
    this.#discard()
    this.#error = new OverlayError(
      'EVENTS_LOST',
      `watching an overlay's events: ${this.#maxWaiting} of them were waiting and one more came; take them faster, or watch again and read the state from the overlay`,
    )
    this.end()
  }

  /** No more will come. What waits is still handed out. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const pull of this.#pulls.splice(0)) pull({ done: true, value: undefined })
    this.#onEnd()
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#waiting.length) {
      const value = this.#waiting[this.#head] as T
      this.#head += 1
      if (this.#head === this.#waiting.length) this.#discard()
      return { done: false, value }
    }
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
    if (this.#ended) return { done: true, value: undefined }
    return new Promise((resolve) => this.#pulls.push(resolve))
  }

  /** Ends at once: what waits is dropped. */
  close(): void {
    this.#discard()
    this.end()
  }

  /** The consumer has left its loop. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.close()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #discard(): void {
    this.#waiting = []
    this.#head = 0
  }
}
