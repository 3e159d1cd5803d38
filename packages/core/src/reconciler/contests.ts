import type { Program } from '../contract/driver.js'
import type { Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { printable } from '../util/quote.js'
import { type BackoffOptions, backoffDelay } from '../util/retry.js'

/** So many changes of one key are accidents, each restored at once. One more, and it is contested. */
const ACCIDENTS = 10
/** A key that holds for so long after it was restored, in ms, is not contested: the next change is the first. */
const CALM_MS = 10_000
/** Of one that is contested already: longer than the other program may wait, were it another overlay. */
const CONTESTED_CALM_MS = 60_000
/** A contested key is restored after 1 to 5 s: once the other program ends, it is missing for no longer. */
const BACKOFF: BackoffOptions = { firstMs: 1_000, maxMs: 5_000 }

interface Contest {
  changes: number
  /** When it is restored after the last change, in ms, monotonic. */
  restoredAt: number
}

/** How a change of one key is answered. */
export interface Answer {
  /** Until it is restored, in ms. */
  readonly delayMs: number
  /** How often it has been changed, each time soon after it was restored. */
  readonly changes: number
}

/**
 * Which keys another program changes again and again, so that restoring each at once would be a fight without an end, and
 * how long to wait instead. Pure: each time is an argument (ms, monotonic).
 */
export class Contests {
  readonly #contests = new Map<string, Contest>()
  /** Names of the programs that have been reported since the last calm; undefined for one that is not known. */
  readonly #reported = new Set<string | undefined>()

  /** These keys were found changed together. Returns the answer to each that is contested: the others are restored at once. */
  changed(keys: Iterable<string>, now: number, random: Random): ReadonlyMap<string, Answer> {
    this.#forgetCalm(now)
    const contested = new Map<string, Answer>()
    // Drawn once: what is changed together is restored together.
    const drawn = random()
    for (const key of keys) {
      const changes = (this.#contests.get(key)?.changes ?? 0) + 1
      const delayMs = changes > ACCIDENTS ? backoffDelay(changes - ACCIDENTS, BACKOFF, () => drawn) : 0
      this.#contests.set(key, { changes, restoredAt: now + delayMs })
      if (delayMs > 0) contested.set(key, { delayMs, changes })
    }
    return contested
  }

  /**
   * Whether this program has been reported since the last calm; one that is not known, whether any has. It has been from
   * now on. By name, as each turn of a loop in a shell is another process.
   */
  isReported(by: Program | undefined): boolean {
    if (this.#reported.has(by?.name) || (by?.name === undefined && this.#reported.size > 0)) return true
    this.#reported.add(by?.name)
    return false
  }

  /** Whether a contested key waits to be restored. */
  isWaiting(now: number): boolean {
    for (const { restoredAt } of this.#contests.values()) if (restoredAt > now) return true
    return false
  }

  #forgetCalm(now: number): void {
    let isContested = false
    for (const [key, { changes, restoredAt }] of this.#contests) {
      const calmMs = changes > ACCIDENTS ? CONTESTED_CALM_MS : CALM_MS
      if (now - restoredAt > calmMs) this.#contests.delete(key)
      else isContested ||= changes > ACCIDENTS
    }
    if (!isContested) this.#reported.clear()
  }
}

/** A name from the kernel is another program's choice. */
export const programText = ({ pid, name }: Program): string =>
  name === undefined ? `process ${pid}` : `${printable(name)} (process ${pid})`

/** What to report of contested keys, of which there is at least one. */
export function contestError([key, ...others]: readonly string[], by: Program | undefined): OverlayError {
  const who = by?.isThisProcess === true ? 'this process itself' : 'another program'
  const named = by === undefined || by.isThisProcess ? '' : `: ${programText(by)}`
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  const advice =
    by?.isThisProcess === true
      ? 'two overlays in one process need two networks and two links'
      : 'end that program, or give each of the two a network and a link of its own'
  return new OverlayError(
    'RESOURCE_CONTESTED',
    `${who} keeps changing ${key}${more}${named}. It is restored after 1 to 5 s from now on, instead of at once: ${advice}`,
  )
}
