import { type Resource, sameResource } from '../contract/resource.js'

/** What one owner desires at a key, on top of the claims that it outranks. */
interface Claim {
  readonly owner: string
  readonly resource: Resource
  readonly beneath: Claim | undefined
}

/**
 * The desired resources, by key, and on whose behalf: an owner is a peer's lease, or this node itself. Two owners may
 * claim one key (a node that moved to a new lease while its old one has not expired yet): the last to claim it counts,
 * and when it goes the other's claim counts again.
 */
export class DesiredState {
  readonly #claims = new Map<string, Claim>()
  readonly #byOwner = new Map<string, readonly Resource[]>()
  readonly #onChange: (key: string) => void

  /** @param onChange called with each key whose desired resource changed, came or went */
  constructor(onChange: (key: string) => void) {
    this.#onChange = onChange
  }

  get size(): number {
    return this.#claims.size
  }

  /** The resource desired at `key`. */
  get(key: string): Resource | undefined {
    return this.#claims.get(key)?.resource
  }

  /** Every desired resource, one a key. */
  *[Symbol.iterator](): IterableIterator<Resource> {
    for (const { resource } of this.#claims.values()) yield resource
  }

  /** The owners that claim `key`, the one that counts first. */
  ownersOf(key: string): readonly string[] {
    let claim = this.#claims.get(key)
    if (claim === undefined) return NO_OWNERS
    const owners = [claim.owner]
    while (claim.beneath !== undefined) {
      claim = claim.beneath
      owners.push(claim.owner)
    }
    return owners
  }

  owners(): readonly string[] {
    return [...this.#byOwner.keys()]
  }

  /** What `owner` claims, whether it counts or not. */
  of(owner: string): readonly Resource[] {
    return this.#byOwner.get(owner) ?? []
  }

  /** Replaces all that `owner` claims. */
  set(owner: string, resources: readonly Resource[]): void {
    const before = this.#byOwner.get(owner)
    if (before !== undefined) {
      const kept = new Set(resources.map(({ key }) => key))
      for (const { key } of before) if (!kept.has(key)) this.#change(key, (claim) => without(claim, owner))
    }
    for (const resource of resources) {
      this.#change(resource.key, (claim) => withClaim(claim, owner, resource))
    }
    if (resources.length === 0) this.#byOwner.delete(owner)
    else this.#byOwner.set(owner, resources)
  }

  #change(key: string, change: (top: Claim | undefined) => Claim | undefined): void {
    const before = this.#claims.get(key)
    const claim = change(before)
    if (claim === undefined) this.#claims.delete(key)
    else this.#claims.set(key, claim)
    if (
      before === undefined || claim === undefined
        ? before !== claim
        : !sameResource(before.resource, claim.resource)
    ) {
      this.#onChange(key)
    }
  }
}

const NO_OWNERS: readonly string[] = []

/** An owner that already has a claim keeps its rank: to repeat a claim does not make it newer. */
function withClaim(top: Claim | undefined, owner: string, resource: Resource): Claim {
  if (top === undefined || !has(top, owner)) return { owner, resource, beneath: top }
  if (top.owner === owner) return { owner, resource, beneath: top.beneath }
  return { ...top, beneath: withClaim(top.beneath, owner, resource) }
}

function without(top: Claim | undefined, owner: string): Claim | undefined {
  if (top === undefined) return undefined
  if (top.owner === owner) return top.beneath
  return { ...top, beneath: without(top.beneath, owner) }
}

function has(top: Claim | undefined, owner: string): boolean {
  return top !== undefined && (top.owner === owner || has(top.beneath, owner))
}
