import type { Random } from '@selvedge/core'

/**
 * Pseudorandom numbers in [0, 1), the same for the same seed everywhere: Mulberry32 (Tommy Ettinger, public
 * domain), 32 bits of state. For tests, never for secrets.
 *
 * @param seed an integer; only its lowest 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
