import type { Random } from '@selvedge/core'

/** A whole number from 0 to `max`. */
export const integer = (random: Random, max: number): number => Math.floor(random() * (max + 1))

/** One of several, each as likely as the others. */
export function oneOf<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[integer(random, items.length - 1)] ?? items[0]
}

/** One of several, each with a weight. */
export function weighted<T>(random: Random, items: readonly (readonly [weight: number, item: T])[]): T {
  let at = random() * items.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, item] of items) {
    at -= weight
    if (at < 0) return item
  }
  throw new TypeError('there is nothing to draw from')
}
