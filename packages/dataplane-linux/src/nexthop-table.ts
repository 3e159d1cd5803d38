import { randomInt } from 'node:crypto'

/**
 * Ids of ours are drawn from the upper half of what a signed number holds: the kernel hands out its own from 1 on,
 * and people write small ones.
 */
const FIRST_ID = 2 ** 30
const END_ID = 2 ** 31

/** What a nexthop object leads through; two routes of the same path share one. */
export const pathKey = (oif: number, gateway: string, onLink: boolean): string =>
  `${oif} ${gateway}${onLink ? ' onlink' : ''}`

/** The nexthop objects that are ours, and how many of our routes lead through each. */
export class NexthopTable {
  readonly #idOf = new Map<string, number>()
  readonly #pathOf = new Map<number, string>()
  readonly #uses = new Map<number, number>()

  /** Takes up one that is known to be ours. Where two lead the same way, the first is used on. */
  add(id: number, path: string): void {
    if (this.#pathOf.has(id)) return
    this.#pathOf.set(id, path)
    if (!this.#idOf.has(path)) this.#idOf.set(path, id)
  }

  has(id: number): boolean {
    return this.#pathOf.has(id)
  }

  idOf(path: string): number | undefined {
    return this.#idOf.get(path)
  }

  /** A new id for a path that has none, or whose id turned out to be somebody else's. */
  draw(path: string): number {
    this.forget(this.#idOf.get(path) ?? 0)
    let id = randomInt(FIRST_ID, END_ID)
    while (this.#pathOf.has(id)) id = randomInt(FIRST_ID, END_ID)
    this.add(id, path)
    return id
  }

  forget(id: number): void {
    const path = this.#pathOf.get(id)
    if (path === undefined) return
    this.#pathOf.delete(id)
    this.#uses.delete(id)
    if (this.#idOf.get(path) === id) this.#idOf.delete(path)
  }

  use(id: number): void {
    if (id !== 0) this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1)
  }

  release(id: number): void {
    if (id !== 0) this.#uses.set(id, Math.max(0, (this.#uses.get(id) ?? 0) - 1))
  }

  /** Those of `ids` that are ours and that no route of ours leads through. */
  unused(ids: Iterable<number>): number[] {
    return [...ids].filter((id) => this.#pathOf.has(id) && (this.#uses.get(id) ?? 0) === 0)
  }

  ids(): IterableIterator<number> {
    return this.#pathOf.keys()
  }
}
