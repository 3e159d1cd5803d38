import type { Resource } from '../../contract/resource.js'
import { enabledFamilies } from '../../net/address-family.js'
import { describeLease } from '../../net/public-address.js'
import { OverlayError } from '../../util/errors.js'
import { type Lease, sameNode } from '../lease.js'
import { type Claim, Contest, compareAge, LeaseEntry, type Refusal } from './claim.js'
import { ClaimIndex } from './claim-index.js'
import type { AdmissionFacts } from './facts.js'
import { Rules } from './rules.js'

/** What admission needs from the rest, and what it hands over. None of these may call it back. */
export interface AdmissionPorts {
  /** The backend's resources for a peer's lease. If it throws, the lease is refused. */
  readonly resourcesOf: (lease: Lease) => readonly Resource[]
  /** The keys of the leases whose resources, as handed over, include one of this key. */
  readonly holdersOf: (resourceKey: string) => Iterable<string>
  /** Whether a resource of this key is one that this node needs for itself. */
  readonly isOwn: (resourceKey: string) => boolean
  /** Replaces all resources of a lease. */
  readonly hold: (leaseKey: string, resources: readonly Resource[]) => void
}

/** An admitted claim that excludes another, and why. */
interface Rival {
  readonly rival: Claim
  readonly why: () => string
  /** The key that both need, if that is why. */
  readonly key?: string | undefined
}
const NO_RIVALS: Rival[] = []

/**
 * Whether both are of one node. A store knows it by its IPv4 address alone, but a claim to IPv6 that bears another
 * node's IPv4 address leads to wherever its own PublicIPv6 does.
 */
const sameOwner = (a: Claim, b: Claim): boolean =>
  (a.parts !== b.parts || a.publicAddress === b.publicAddress) &&
  sameNode(a.lease.attributes, b.lease.attributes)

/** The oldest of these claims, and then its owner's others. */
function oldestOwner(claims: Iterable<Claim>): readonly Claim[] {
  let oldest: Claim | undefined
  for (const claim of claims) {
    if (oldest === undefined || compareAge(claim.entry, oldest.entry) < 0) oldest = claim
  }
  if (oldest === undefined) return []
  const owned: Claim[] = [oldest]
  for (const claim of claims) if (claim !== oldest && sameOwner(claim, oldest)) owned.push(claim)
  return owned
}

/** A lease that is in the store and gets no resources, or none in one of its families. */
export interface RefusedLease extends Refusal {
  readonly lease: Lease
}

/**
 * Decides which of the peers' leases get resources: a lease is only a claim, and any process that can write to the store
 * could otherwise take another node's traffic or cut this host off.
 *
 * `Rules` decides on each claim by itself. Two claims exclude each other if their subnets overlap, if the subnet of one
 * contains the public address of the other, or if their resources share a key: then the older one is admitted. Leases of
 * one node do not exclude each other: it moved, and its newest claim to a key counts.
 *
 * So a claim is admitted if it passes the rules and no older admitted claim excludes it. When a claim comes or goes, only
 * those whose verdict depends on it are decided again, oldest first: a verdict depends on older claims alone, so each is
 * decided once. The cost does not depend on the number of leases, however many contest one key.
 */
export class Admission {
  readonly #ports: AdmissionPorts
  readonly #entries = new Map<string, LeaseEntry>()
  #facts: AdmissionFacts
  #rules: Rules
  /** The admitted claims. */
  #index = new ClaimIndex()
  /** By the admitted claim that keeps the others out. */
  readonly #contests = new Map<Claim, Contest[]>()
  /** What the oldest of the losers takes over if it is admitted. */
  readonly #heirs = new Map<Claim, Contest[]>()
  /** To be decided. */
  readonly #pending = new Set<LeaseEntry>()
  #count = 0

  constructor(ports: AdmissionPorts, facts: AdmissionFacts) {
    this.#ports = ports
    this.#facts = facts
    this.#rules = new Rules(facts)
  }

  /** Whether a lease of this key is known, admitted or not. */
  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Takes in new and changed leases, by key. Returns those that are newly refused, or for another reason than before. */
  put(leases: Iterable<readonly [key: string, lease: Lease]>): readonly RefusedLease[] {
    const families = enabledFamilies(this.#facts.config)
    for (const [key, lease] of leases) {
      const before = this.#entries.get(key)
      const entry = new LeaseEntry(key, lease, families, before?.number ?? this.#count++)
      if (before !== undefined) this.#replace(before, entry)
      this.#entries.set(key, entry)
      this.#pending.add(entry)
    }
    return this.#settle()
  }

  /** Forgets a lease that is gone. */
  delete(key: string): readonly RefusedLease[] {
    const entry = this.#entries.get(key)
    if (entry === undefined) return []
    this.#entries.delete(key)
    for (const claim of entry.claims) this.#retract(claim)
    this.#ports.hold(key, [])
    return this.#settle()
  }

  /** Decides everything again: the facts have changed, or the backend may answer differently now. */
  decideAgain(facts: AdmissionFacts): readonly RefusedLease[] {
    this.#facts = facts
    this.#rules = new Rules(facts)
    this.#index = new ClaimIndex()
    this.#contests.clear()
    this.#heirs.clear()
    for (const entry of this.#entries.values()) {
      for (const claim of entry.claims) {
        claim.isAdmitted = false
        claim.contest = undefined
      }
      this.#pending.add(entry)
    }
    return this.#settle()
  }

  #replace(before: LeaseEntry, entry: LeaseEntry): void {
    this.#pending.delete(before)
    for (const claim of before.claims) {
      this.#retract(claim)
      const successor = entry.claims.find(({ parts }) => parts === claim.parts)
      if (successor !== undefined) successor.refusal = claim.refusal
    }
  }

  /** Decides what is pending, oldest first. What a decision adds is younger than what it decided. */
  #settle(): readonly RefusedLease[] {
    const refused: RefusedLease[] = []
    let queue: LeaseEntry[] = []
    for (;;) {
      if (this.#pending.size > 0) {
        queue = [...new Set([...queue, ...this.#pending])].sort((a, b) => compareAge(b, a))
        this.#pending.clear()
      }
      const entry = queue.pop()
      if (entry === undefined) return refused
      const [only, other] = entry.claims
      if (only !== undefined && other === undefined) {
        this.#ports.hold(entry.key, this.#decide(only, refused))
      } else {
        for (const claim of entry.claims) if (!claim.isAdmitted) this.#decide(claim, refused)
        this.#hold(entry)
      }
      for (const claim of entry.claims) this.#inherit(claim)
    }
  }

  /** Admits a claim, or refuses it. Returns its resources: none if it is refused. */
  #decide(claim: Claim, refused: RefusedLease[]): readonly Resource[] {
    this.#leaveContest(claim)
    const refusal = this.#rules.refusalOf(claim)
    if (refusal !== undefined) return this.#refuse(claim, refusal, refused)
    let resources: readonly Resource[]
    try {
      resources = this.#resourcesOf(claim)
    } catch (thrown) {
      const { code, message } = OverlayError.from(thrown, 'INVALID_LEASE', describeLease(claim.lease))
      return this.#refuse(claim, { code, message }, refused)
    }
    const own = resources.find(({ key }) => this.#ports.isOwn(key))
    if (own !== undefined) return this.#refuse(claim, this.#ownKey(claim, own), refused)
    const rivals = this.#rivalsOf(claim, resources)
    for (const rival of rivals) {
      if (compareAge(rival.rival.entry, claim.entry) < 0) return this.#block(claim, rival, refused)
    }
    for (const { rival, why, key } of rivals) {
      if (!rival.isAdmitted) continue
      this.#takeOver(rival, claim, key)
      this.#retract(rival)
      this.#block(rival, { rival: claim, why, key }, refused)
      this.#hold(rival.entry)
    }
    claim.isAdmitted = true
    claim.refusal = undefined
    this.#index.add(claim)
    return resources
  }

  /** The admitted claims of other nodes that exclude this one, and why each does. */
  #rivalsOf(claim: Claim, resources: readonly Resource[]): readonly Rival[] {
    let rivals: Rival[] = NO_RIVALS
    const visit = (rival: Claim, why: () => string, key?: string): boolean => {
      if (rival.entry === claim.entry) return true
      if (sameOwner(rival, claim)) return rival.parts !== claim.parts
      if (rivals === NO_RIVALS) rivals = []
      rivals.push({ rival, why, key })
      return true
    }
    this.#index.forEachExcluded(claim, visit)
    for (const { key } of resources) this.#visitHolders(key, visit)
    return rivals
  }

  /** Visits the admitted claims that hold a key until `visit` returns false: those of one family are one owner's. */
  #visitHolders(key: string, visit: (rival: Claim, why: () => string, key: string) => boolean): void {
    for (const holder of this.#ports.holdersOf(key)) {
      for (const rival of this.#entries.get(holder)?.claims ?? []) {
        if (!rival.isAdmitted || !this.#hasResource(rival, key)) continue
        if (!visit(rival, () => `both need '${key}'`, key)) return
      }
    }
  }

  #hasResource(claim: Claim, key: string): boolean {
    return (
      claim.entry.claims.length === 1 || this.#resourcesOf(claim).some((resource) => resource.key === key)
    )
  }

  #block(claim: Claim, { rival, why, key }: Rival, refused: RefusedLease[]): readonly Resource[] {
    const contests = this.#contests.get(rival) ?? []
    let contest = contests.find((each) => each.key === key)
    if (contest === undefined) {
      contest = new Contest(key)
      contests.push(contest)
      this.#contests.set(rival, contests)
    }
    contest.losers.add(claim)
    claim.contest = contest
    const message =
      `${describeLease(claim.lease)} gets no resources: ${why()}, and ${describeLease(rival.lease)} is older; ` +
      `delete the wrong one of the two from ${this.#facts.store.name}`
    return this.#refuse(claim, { code: 'LEASE_CONFLICT', message }, refused)
  }

  #ownKey({ lease }: Claim, { key }: Resource): Refusal {
    const message =
      `${describeLease(lease)} gets no resources: it needs '${key}', which is this node's own; ` +
      `correct or delete it in ${this.#facts.store.name}`
    return { code: 'LEASE_CONFLICT', message }
  }

  /** Reports a refusal once, however often it is decided again for the same reason. */
  #refuse(claim: Claim, refusal: Refusal, refused: RefusedLease[]): readonly Resource[] {
    if (claim.refusal?.message !== refusal.message) refused.push({ lease: claim.lease, ...refusal })
    claim.refusal = refusal
    return []
  }

  /** Undoes what was decided. What it kept out is decided again. */
  #retract(claim: Claim): void {
    if (claim.isAdmitted) this.#index.delete(claim)
    claim.isAdmitted = false
    this.#leaveContest(claim)
    const contests = [...(this.#contests.get(claim) ?? []), ...(this.#heirs.get(claim) ?? [])]
    this.#contests.delete(claim)
    this.#heirs.delete(claim)
    for (const contest of contests) this.#reopen(contest)
  }

  /**
   * Has the losers of a contest decided again. If all of them need one key, the oldest is enough: once it has the key,
   * it keeps the others out. A thousand claims to one MAC that go one by one would take a million decisions.
   */
  #reopen(contest: Contest): void {
    const { key, losers } = contest
    const [heir, ...others] = key === undefined ? [] : oldestOwner(losers)
    const again = heir === undefined ? losers : [heir, ...others]
    for (const claim of again) this.#release(claim)
    if (heir !== undefined && losers.size > 0)
      this.#heirs.set(heir, [...(this.#heirs.get(heir) ?? []), contest])
  }

  /** Those that a claim to a key keeps out are kept out by the older one, too, that has the key from now on. */
  #takeOver(from: Claim, to: Claim, key: string | undefined): void {
    const contests = this.#contests.get(from)
    if (contests === undefined || key === undefined) return
    const taken = contests.filter((contest) => contest.key === key)
    for (const { losers } of taken) {
      for (const claim of losers) if (sameOwner(claim, to)) this.#release(claim)
    }
    this.#contests.set(
      from,
      contests.filter((contest) => contest.key !== key),
    )
    this.#contests.set(to, [...(this.#contests.get(to) ?? []), ...taken])
  }

  /** What a claim keeps out from now on that another one did before; if it was not admitted, the next one's turn comes. */
  #inherit(claim: Claim): void {
    const contests = this.#heirs.get(claim)
    if (contests === undefined) return
    this.#heirs.delete(claim)
    for (const contest of contests) {
      if (!claim.isAdmitted) this.#reopen(contest)
      else this.#contests.set(claim, [...(this.#contests.get(claim) ?? []), contest])
    }
  }

  /** Has a loser decided again. */
  #release(claim: Claim): void {
    this.#leaveContest(claim)
    this.#pending.add(claim.entry)
  }

  #leaveContest(claim: Claim): void {
    claim.contest?.losers.delete(claim)
    claim.contest = undefined
  }

  #hold(entry: LeaseEntry): void {
    this.#ports.hold(entry.key, this.#resourcesOfAdmitted(entry))
  }

  #resourcesOfAdmitted({ lease, claims }: LeaseEntry): readonly Resource[] {
    const [first, second] = claims.filter(({ isAdmitted }) => isAdmitted)
    if (first === undefined) return []
    const resources = this.#resourcesOf(first)
    if (second === undefined) return resources
    const others = this.#resourcesOf(second)
    const keys = new Set(resources.map(({ key }) => key))
    // A backend may have one resource for both families, such as a WireGuard peer with the subnets of both.
    return others.some(({ key }) => keys.has(key))
      ? this.#ports.resourcesOf(lease)
      : [...resources, ...others]
  }

  /** The resources of one claim, whatever its lease claims in the other family. */
  #resourcesOf({ lease, parts, entry }: Claim): readonly Resource[] {
    if (entry.claims.length === 1) return this.#ports.resourcesOf(lease)
    const { subnet, ipv6Subnet, ...rest } = lease
    return this.#ports.resourcesOf(parts.family === 4 ? { ...rest, subnet } : { ...rest, ipv6Subnet })
  }
}
