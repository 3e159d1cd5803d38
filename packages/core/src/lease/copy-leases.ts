import type { SubnetAdministration, SubnetManager } from '../contract/subnet-manager.js'
import type { AbortOptions } from '../util/abort.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { quote } from '../util/quote.js'
import { LeasedSubnets } from './allocator.js'
import { type Lease, leaseKey, leasesOverlap } from './lease.js'
import { listLeases } from './list-leases.js'
import type { NetworkConfig } from './network-config.js'
import { networkConfigJson } from './network-config-json.js'

/** A store to copy from or to. Without the administrator's methods it has no reservations. */
export type CopyableSubnetManager = SubnetManager & Partial<SubnetAdministration>

/** What `copyLeases` is called with. */
export interface CopyOptions extends AbortOptions {
  /** Copy what does not conflict, instead of nothing, if something does. Default false. */
  readonly skipConflicts?: boolean | undefined
}

/** What `copyLeases` did. */
export interface CopyReport {
  /** Leases that were written, with the term of the store that they were copied to. */
  readonly copied: readonly Lease[]
  /** Reservations that were written. */
  readonly reserved: readonly Lease[]
  /** Leases that the target had already, of the same nodes. They are kept as they are: those nodes have moved. */
  readonly present: readonly Lease[]
  /** What was skipped, and why: a clause each. None but with `skipConflicts`. */
  readonly conflicts: readonly string[]
}

/** What a store holds, as far as a copy of it matters. */
export interface CopySource {
  /** All leases, reservations among them. */
  readonly leases: readonly Lease[]
  /** Those of them that never end. */
  readonly reservations: readonly Lease[]
}

/** What a copy would do. */
export interface CopyPlan {
  /** Leases to write, in this order. */
  readonly copy: readonly Lease[]
  /** Reservations to write. */
  readonly reserve: readonly Lease[]
  /** Leases that the target has already, of the same nodes. */
  readonly present: readonly Lease[]
  /** What cannot be copied, and why: a clause each. */
  readonly conflicts: readonly string[]
}

/**
 * What `copyLeases` would write to a store with this config that holds the leases `there`. Of a target without
 * reservations, give `reserves` as false.
 */
export function planCopy(
  { leases, reservations }: CopySource,
  there: readonly Lease[],
  config: NetworkConfig,
  { reserves = true }: { readonly reserves?: boolean | undefined } = {},
): CopyPlan {
  const taken = new LeasedSubnets(config, there)
  const held = [...there]
  const byNode = new Map(there.map((lease) => [nodeOf(lease), lease]))
  const reserved = new Set(reservations.map(leaseKey))
  const plan: { [Key in keyof CopyPlan]: CopyPlan[Key][number][] } = {
    copy: [],
    reserve: [],
    present: [],
    conflicts: [],
  }
  for (const lease of onePerNode(reservations, leases)) {
    const own = byNode.get(nodeOf(lease))
    const isReserved = reserved.has(leaseKey(lease))
    if (own !== undefined && leaseKey(own) === leaseKey(lease)) plan.present.push(own)
    else if (own !== undefined) plan.conflicts.push(`${describe(lease)} has ${leaseKey(own)} there`)
    else if (taken.has(lease)) {
      const other = held.find((each) => leasesOverlap(each, lease))
      plan.conflicts.push(
        `${describe(lease)} overlaps ${other === undefined ? 'another lease' : describe(other)}`,
      )
    } else if (isReserved && !reserves) {
      plan.conflicts.push(`${describe(lease)} is reserved, and there are no reservations there`)
    } else if (!isReserved && !taken.fits(lease)) {
      plan.conflicts.push(`${describe(lease)} is none of the network's subnets`)
    } else {
      plan[isReserved ? 'reserve' : 'copy'].push(lease)
      taken.take(lease)
      held.push(lease)
    }
  }
  return plan
}

/**
 * Copies every lease from one store to another, so that the nodes of a running cluster can move there one by one: a node
 * that has moved finds its own lease, with the subnet and the MAC that its peers know, and the leases of the nodes still
 * on the old store. A copied lease expires unless its node renews it; a copied reservation remains a reservation.
 * To copy nodes that join the old store afterwards, run it again: leases that were copied before are kept as they are.
 *
 * Both stores must hold the same network config (`to.setNetworkConfig`). Rejects with `INVALID_CONFIG` if they do not, and
 * with `LEASE_CONFLICT` if a subnet is another node's there or a node has another subnet, before anything is written.
 *
 * What other programs write there meanwhile is never overwritten. It is a `LEASE_CONFLICT` too, once everything else is
 * copied; then, and if the store fails half-way, the message says how much was copied. That stays, and running it again
 * goes on.
 */
export async function copyLeases(
  from: CopyableSubnetManager,
  to: CopyableSubnetManager,
  { skipConflicts = false, signal }: CopyOptions = {},
): Promise<CopyReport> {
  const options = { signal }
  const attempted = `copying leases from '${from.name}' to '${to.name}'`
  const config = await to.getNetworkConfig(options)
  requireSameNetwork(await from.getNetworkConfig(options), config, attempted)
  const reservations = (await from.reservations?.(options)) ?? []
  const source = { reservations, leases: (await listLeases(from, options)).leases }
  const there = (await listLeases(to, options)).leases
  const plan = planCopy(source, there, config, { reserves: to.reserve !== undefined })
  const { conflicts, present } = plan
  if (conflicts.length > 0 && !skipConflicts) {
    throw new OverlayError(
      'LEASE_CONFLICT',
      `${attempted}: ${named(conflicts)}; nothing is copied: delete what is wrong, or copy with skipConflicts`,
    )
  }
  return { ...(await writeCopies(to, plan, attempted, options)), present, conflicts }
}

/** Writes what was planned, as far as it still can be. */
async function writeCopies(
  to: CopyableSubnetManager,
  { copy, reserve }: CopyPlan,
  attempted: string,
  options: AbortOptions,
): Promise<Pick<CopyReport, 'copied' | 'reserved'>> {
  const [copied, reserved, lost]: [Lease[], Lease[], string[]] = [[], [], []]
  const done = () =>
    `${copied.length} of ${copy.length} leases and ${reserved.length} of ${reserve.length} reservations`
  try {
    for (const lease of copy) {
      const written = await copyLease(to, lease, options)
      if (written === undefined) lost.push(`${describe(lease)} cannot have its subnet there`)
      else copied.push(written)
    }
    for (const lease of reserve) {
      const written = await copyReservation(to, lease, options)
      if (written === undefined) lost.push(`${describe(lease)} is another node's there`)
      else reserved.push(written)
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!isOverlayError(error)) throw error
    const why = `${attempted}: ${error.message}; ${done()} are copied: copy again to go on`
    throw new OverlayError(error.code, why, { cause: error })
  }
  if (lost.length === 0) return { copied, reserved }
  throw new OverlayError(
    'LEASE_CONFLICT',
    `${attempted}: another program wrote there meanwhile: ${named(lost)}; ${done()} are copied: delete what is wrong, ` +
      'and copy again',
  )
}

/**
 * The lease that each node uses: its reservation, if it has one. Otherwise the lease that expires last, since that is the
 * one the node renews or, if the store does not report expiry, the newest. The node's other leases are unused.
 */
function onePerNode(reservations: readonly Lease[], leases: readonly Lease[]): readonly Lease[] {
  const reserved = new Set(reservations.map(leaseKey))
  const others = leases.filter((lease) => !reserved.has(leaseKey(lease)))
  const byNode = new Map<string | undefined, Lease>()
  for (const lease of [...reservations, ...others.toSorted(byEnd)]) {
    if (!byNode.has(nodeOf(lease))) byNode.set(nodeOf(lease), lease)
  }
  // The older first: of two claims to one subnet the older is copied, and it is the older one there too.
  return [...byNode.values()].toSorted((a, b) => (a.created ?? 0) - (b.created ?? 0))
}

/** Undefined if the store gave the node another subnet, which is then released, or had none left. */
async function copyLease(to: SubnetManager, lease: Lease, options: AbortOptions): Promise<Lease | undefined> {
  const { attributes } = lease
  let isHeld = false
  const adopt = (held: Lease) => {
    // The node has joined the other store since the leases were read: what it publishes is newer.
    isHeld = true
    return held.attributes
  }
  try {
    const copy = await to.acquireLease({ attributes, previous: lease, adopt }, options)
    if (leaseKey(copy) === leaseKey(lease)) return copy
    if (!isHeld) await to.releaseLease(copy, options)
  } catch (error) {
    if (!isOverlayError(error, 'SUBNETS_EXHAUSTED')) throw error
  }
  return undefined
}

/** Undefined if another node has the subnet by now. */
async function copyReservation(
  to: CopyableSubnetManager,
  lease: Lease,
  options: AbortOptions,
): Promise<Lease | undefined> {
  try {
    return await to.reserve?.(lease, options)
  } catch (error) {
    if (!isOverlayError(error, 'LEASE_CONFLICT')) throw error
    return undefined
  }
}

function requireSameNetwork(ours: NetworkConfig, theirs: NetworkConfig, attempted: string): void {
  const [left, right] = [networkConfigJson(ours), networkConfigJson(theirs)]
  const differing = Object.keys({ ...left, ...right }).filter(
    (key) => JSON.stringify(Reflect.get(left, key)) !== JSON.stringify(Reflect.get(right, key)),
  )
  const [key] = differing
  if (key === undefined) return
  const value = (config: object) => quote(Reflect.get(config, key))
  // A Backend section may hold a key.
  const values = key === 'Backend' ? '' : ` (${key} is ${value(left)} and ${value(right)})`
  throw new OverlayError(
    'INVALID_CONFIG',
    `${attempted}: their network configs differ in ${differing.join(', ')}` +
      `${values}; write the same config to both`,
  )
}

/** How many conflicts a message names. */
const MAX_NAMED = 5

function named(conflicts: readonly string[]): string {
  const left = conflicts.length - MAX_NAMED
  return `${conflicts.slice(0, MAX_NAMED).join('; ')}${left > 0 ? `; and ${left} more` : ''}`
}

const byEnd = (a: Lease, b: Lease): number =>
  (b.expiresAt ?? 0) - (a.expiresAt ?? 0) || (b.created ?? 0) - (a.created ?? 0)

/** What a store identifies a node by. */
const nodeOf = ({ attributes }: Lease): string | undefined => attributes.publicIp ?? attributes.publicIpv6

const describe = (lease: Lease): string => `${leaseKey(lease)} of ${nodeOf(lease)}`
