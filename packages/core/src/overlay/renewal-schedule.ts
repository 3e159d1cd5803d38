import type { Lease } from '../lease/lease.js'
import type { Clock, Random } from '../util/clock.js'

const NEVER = { wall: Number.POSITIVE_INFINITY, monotonic: Number.POSITIVE_INFINITY }

/** Nodes that started together renew up to this share of the margin apart. */
const JITTER = 0.1

/** When to renew a lease, by the wall clock and by the one that never jumps: whichever comes first. */
export class RenewalSchedule {
  readonly #clock: Clock
  readonly #random: Random
  readonly #marginMs: number
  #due = NEVER

  /** @param marginMs how long before its end a lease is renewed, in ms */
  constructor(marginMs: number, clock: Clock, random: Random) {
    this.#marginMs = marginMs
    this.#clock = clock
    this.#random = random
  }

  /** In ms; 0 if it is time. */
  get remainingMs(): number {
    const { wall, monotonic } = this.#due
    return Math.max(0, Math.min(wall - this.#clock.now(), monotonic - this.#clock.monotonic()))
  }

  /** The lease was acquired or renewed just now. */
  restart({ expiresAt }: Lease): void {
    if (expiresAt === undefined) {
      this.#due = NEVER
      return
    }
    const left = expiresAt - this.#clock.now()
    // A term shorter than twice the margin is renewed at half time.
    const lead = Math.min(this.#marginMs * (1 + JITTER * this.#random()), left / 2)
    this.#due = { wall: expiresAt - lead, monotonic: this.#clock.monotonic() + left - lead }
  }

  /** It is to be renewed within this time, in ms, or earlier if it is due earlier. */
  advance(withinMs: number): void {
    this.#due = {
      wall: Math.min(this.#due.wall, this.#clock.now() + withinMs),
      monotonic: Math.min(this.#due.monotonic, this.#clock.monotonic() + withinMs),
    }
  }
}
