import { type Resource, sameResource } from '../contract/resource.js'

/** What one owner desires at a key. */
interface Claim {
  readonly owner: string
  readonly resource: Resource
}

/** All claims to a key. Nearly always there is one, which has no list of its own. */
type Claims = Claim | ClaimList

/**
 * The desired resources, by key, and on whose behalf: an owner is a peer's lease, or this node itself. Two owners may
 * claim one key (a node that moved to a new lease while its old one has not expired yet): the last to claim it counts,
 * and when it goes the other's claim counts again.
 */
export class DesiredState {
  readonly #claims = new Map<string, Claims>()
  readonly #byOwner = new Map<string, readonly Resource[]>()
  readonly #onChange: (key: string) => void

  /** @param onChange called with each key whose desired resource changed, came or went */
  constructor(onChange: (key: string) => void) {
    this.#onChange = onChange
  }

  /** How many keys have a desired resource. */
  get size(): number {
    return this.#claims.size
  }

  /** The resource desired at `key`. */
  get(key: string): Resource | undefined {
    return topOf(this.#claims.get(key))?.resource
  }

  /** Every desired resource, one a key. */
  *[Symbol.iterator](): IterableIterator<Resource> {
    for (const claims of this.#claims.values()) {
      const top = topOf(claims)
      if (top !== undefined) yield top.resource
    }
  }

  /** The owners that claim `key`, the one that counts first. */
  ownersOf(key: string): Iterable<string> {
    const claims = this.#claims.get(key)
    if (claims === undefined) return NO_OWNERS
    return claims instanceof ClaimList ? claims.owners() : [claims.owner]
  }

  /** Whether `owner` claims `key`. */
  isClaimedBy(key: string, owner: string): boolean {
    const claims = this.#claims.get(key)
    return claims instanceof ClaimList ? claims.has(owner) : claims?.owner === owner
  }

  /** Everyone who claims something. */
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
      for (const { key } of before) if (!kept.has(key)) this.#change(key, (claims) => without(claims, owner))
    }
    for (const resource of resources) {
      this.#change(resource.key, (claims) => withClaim(claims, { owner, resource }))
    }
    if (resources.length === 0) this.#byOwner.delete(owner)
    else this.#byOwner.set(owner, resources)
  }

  #change(key: string, change: (claims: Claims | undefined) => Claims | undefined): void {
    const before = this.#claims.get(key)
    const was = topOf(before)
    const claims = change(before)
    if (claims === undefined) this.#claims.delete(key)
    else this.#claims.set(key, claims)
    const is = topOf(claims)
    if (was === undefined || is === undefined ? was !== is : !sameResource(was.resource, is.resource)) {
      this.#onChange(key)
    }
  }
}

const NO_OWNERS: readonly string[] = []

const topOf = (claims: Claims | undefined): Claim | undefined =>
  claims instanceof ClaimList ? claims.top : claims

/** An owner that already has a claim keeps its rank: to repeat a claim does not make it newer. */
function withClaim(claims: Claims | undefined, claim: Claim): Claims {
  if (claims === undefined || (!(claims instanceof ClaimList) && claims.owner === claim.owner)) return claim
  const list = claims instanceof ClaimList ? claims : new ClaimList(claims)
  list.put(claim)
  return list
}

function without(claims: Claims | undefined, owner: string): Claims | undefined {
  if (!(claims instanceof ClaimList)) return claims?.owner === owner ? undefined : claims
  claims.delete(owner)
  return claims.size > 1 ? claims : claims.top
}

interface RankedClaim extends Claim {
  above: RankedClaim | undefined
  below: RankedClaim | undefined
  resource: Resource
}

/** Claims in the order in which they came, the newest on top. Whatever comes or goes costs the same with thousands. */
class ClaimList {
  readonly #byOwner = new Map<string, RankedClaim>()
  #top: RankedClaim | undefined

  constructor(first: Claim) {
    this.put(first)
  }

  get size(): number {
    return this.#byOwner.size
  }

  /** A copy: what it was is compared with what it is. */
  get top(): Claim | undefined {
    return this.#top && { owner: this.#top.owner, resource: this.#top.resource }
  }

  has(owner: string): boolean {
    return this.#byOwner.has(owner)
  }

  *owners(): IterableIterator<string> {
    for (let claim = this.#top; claim !== undefined; claim = claim.below) yield claim.owner
  }

  put({ owner, resource }: Claim): void {
    const known = this.#byOwner.get(owner)
    if (known !== undefined) {
      known.resource = resource
      return
    }
    const claim: RankedClaim = { owner, resource, above: undefined, below: this.#top }
    if (this.#top !== undefined) this.#top.above = claim
    this.#top = claim
    this.#byOwner.set(owner, claim)
  }

  delete(owner: string): void {
    const claim = this.#byOwner.get(owner)
    if (claim === undefined) return
    this.#byOwner.delete(owner)
    if (claim.above === undefined) this.#top = claim.below
    else claim.above.below = claim.below
    if (claim.below !== undefined) claim.below.above = claim.above
  }
}
