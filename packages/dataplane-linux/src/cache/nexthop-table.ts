import { randomInt } from 'node:crypto'

/**
 * Our ids are drawn from the upper half of the positive signed numbers: the kernel assigns its own from 1 on, and
 * operators choose small ones.
 */
const FIRST_ID = 2 ** 30
const END_ID = 2 ** 31

/** Whether an id is one that a driver like this one draws. */
export const isDrawnId = (id: number): boolean => id > FIRST_ID && id < END_ID

/** A nexthop object of ours: its path, and how many of our routes lead through it. */
export interface Nexthop {
  readonly id: number
  /** Interface index. */
  readonly oif: number
  readonly gateway: string
  readonly onLink: boolean
  uses: number
}

/** Our nexthop objects. Routes of the same path share one. */
export class NexthopTable {
  readonly #byId = new Map<number, Nexthop>()
  /** By interface index, negative for `onLink`, then by gateway. */
  readonly #byPath = new Map<number, Map<string, Nexthop>>()
  #lastDrawn = 0

  get(id: number): Nexthop | undefined {
    return this.#byId.get(id)
  }

  /** The object of this path; the first that was added if there are several. */
  find(oif: number, gateway: string, onLink: boolean): Nexthop | undefined {
    return this.#byPath.get(pathGroup(oif, onLink))?.get(gateway)
  }

  /** Adds one that is known to be ours. */
  add(id: number, oif: number, gateway: string, onLink: boolean): Nexthop {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const nexthop = { id, oif, gateway, onLink, uses: 0 }
    this.#byId.set(id, nexthop)
    const group = pathGroup(oif, onLink)
    let gateways = this.#byPath.get(group)
    if (gateways === undefined) {
      gateways = new Map()
      this.#byPath.set(group, gateways)
    }
    if (!gateways.has(gateway)) gateways.set(gateway, nexthop)
    return nexthop
  }

  /** A new one for a path that has none, with an id that is free as far as is known here. */
  draw(oif: number, gateway: string, onLink: boolean): Nexthop {
    let id = this.#lastDrawn + 1
    while (id <= FIRST_ID || id >= END_ID || this.#byId.has(id)) id = randomInt(FIRST_ID, END_ID)
    this.#lastDrawn = id
    return this.add(id, oif, gateway, onLink)
  }

  /** Those that no route of ours leads through. */
  unused(): readonly Nexthop[] {
    return [...this.#byId.values()].filter(({ uses }) => uses === 0)
  }

  forget({ id, oif, gateway, onLink }: Nexthop): void {
    this.#byId.delete(id)
    const gateways = this.#byPath.get(pathGroup(oif, onLink))
    if (gateways?.get(gateway)?.id === id) gateways.delete(gateway)
  }

  /** Called when an id turns out to be another program's: the next ones are drawn from another range. */
  drawElsewhere(): void {
    this.#lastDrawn = 0
  }
}

const pathGroup = (oif: number, onLink: boolean): number => (onLink ? -oif : oif)
