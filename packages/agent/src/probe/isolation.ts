/** Whether a path's peer is reached, as `PathReport.state`. */
type State = 'reachable' | 'unreachable' | 'unknown'

/** One peer that fails is as likely its own fault. */
const MIN_UNREACHABLE = 2
/**
 * With thousands of peers it takes minutes to probe each once. So many that fail while no other is reached are enough, if
 * nothing has been reached for a while either: a rack that fails at once is no reason.
 */
const ENOUGH_FAILED = 8
const NONE_REACHED_MS = 1_000

/** Whether this node is cut off, by all of its paths together: pure, times are handed in, in ms. */
export class Isolation<P> {
  readonly #reachable = new Set<P>()
  readonly #unreachable = new Set<P>()
  /** Became unreachable since anything was last reached. */
  readonly #failed = new Set<P>()
  #reachedAt = Number.NEGATIVE_INFINITY

  /** The peer of a path answered, or its kernel refused: packets go there and come back. */
  reached(now: number): void {
    this.#reachedAt = now
    this.#failed.clear()
  }

  changed(path: P, state: State): void {
    if (state === 'unreachable' && this.#reachable.has(path)) this.#failed.add(path)
    this.removed(path, state)
    if (state === 'reachable') this.#reachable.add(path)
    else if (state === 'unreachable') this.#unreachable.add(path)
  }

  removed(path: P, state?: State): void {
    this.#reachable.delete(path)
    this.#unreachable.delete(path)
    if (state !== 'unreachable') this.#failed.delete(path)
  }

  /** How many peers show that this node is cut off; undefined if it is not. */
  unreachable(now: number): number | undefined {
    if (this.#reachable.size === 0 && this.#unreachable.size >= MIN_UNREACHABLE) return this.#unreachable.size
    const isEnough = this.#failed.size >= ENOUGH_FAILED && now - this.#reachedAt >= NONE_REACHED_MS
    return isEnough ? this.#failed.size : undefined
  }
}
