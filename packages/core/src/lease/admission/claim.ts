import type { FamilyParts } from '../../net/address-family.js'
import type { ErrorCode } from '../../util/errors.js'
import type { Lease } from '../lease.js'

/** Why a claim gets no resources. */
export interface Refusal {
  readonly code: ErrorCode
  /** A whole sentence, with what to do. */
  readonly message: string
}

/** A peer's lease among all of them. */
export class LeaseEntry {
  readonly key: string
  readonly lease: Lease
  readonly claims: readonly Claim[]
  /** The number of leases that were reported before it. */
  readonly number: number

  /** @param families those that are on */
  constructor(key: string, lease: Lease, families: readonly FamilyParts[], number: number) {
    this.key = key
    this.lease = lease
    this.number = number
    // Created at its final size: an array that grows reserves room, which adds up over 65,000 leases.
    const [first, second] = families.filter((parts) => lease[parts.subnet] !== undefined)
    if (first === undefined) this.claims = []
    else if (second === undefined) this.claims = [new Claim(this, first)]
    else this.claims = [new Claim(this, first), new Claim(this, second)]
  }
}

/** What a lease claims in one family: each stands for itself. */
export class Claim {
  readonly entry: LeaseEntry
  readonly parts: FamilyParts
  isAdmitted = false
  /** Whether a leased subnet may contain its public address. Set once the rules let it pass. */
  isAddressInNetwork = false
  refusal: Refusal | undefined = undefined
  /** What keeps this one out, if another claim does. */
  contest: Contest | undefined = undefined

  constructor(entry: LeaseEntry, parts: FamilyParts) {
    this.entry = entry
    this.parts = parts
  }

  get lease(): Lease {
    return this.entry.lease
  }

  get subnet(): string {
    return this.entry.lease[this.parts.subnet] ?? ''
  }

  get publicAddress(): string | undefined {
    return this.entry.lease.attributes[this.parts.publicAddress]
  }
}

/** Claims that one admitted claim, which is older, keeps out for one reason. */
export class Contest {
  /** The key that all of them need; undefined if they exclude the admitted one otherwise. */
  readonly key: string | undefined
  readonly losers = new Set<Claim>()

  constructor(key: string | undefined) {
    this.key = key
  }
}

/**
 * Orders by age, older first: by when the store created the records, or else by the order in which they were reported.
 * @returns less than 0 if `a` is older
 */
export function compareAge(a: LeaseEntry, b: LeaseEntry): number {
  const [createdA, createdB] = [a.lease.created, b.lease.created]
  if (createdA === undefined || createdB === undefined) return a.number - b.number
  // Kubernetes creates several Nodes in one second: all hosts must judge them alike.
  return createdA - createdB || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
}
