import {
  type Lease,
  type LeaseAttributes,
  type LeaseEvent,
  type LeaseRequest,
  leaseKey,
  type NetworkConfig,
  OverlayError,
} from '@selvedge/core'
import {
  chooseSubnets,
  decodeLeaseAttributes,
  encodeLeaseAttributes,
  parseLeaseKey,
  requireHeld,
  requireReservable,
  requireReservedFor,
  requireUnheld,
  sameNode,
} from '@selvedge/core/kit'
import type { LogEntry, RecordVersion, Tables } from './tables.js'

/** A watcher that is further behind gets a snapshot instead. */
export const CHANGES_KEPT = 1000

/** The time of a change, and the term of leases. */
export interface Term {
  /** In ms since the epoch. */
  readonly now: number
  /** In ms. */
  readonly leaseTermMs: number
}

/** What happened since a watcher last asked. */
export interface Changes {
  readonly events: readonly LeaseEvent[]
  /** Records that are not leases: the text of each, and the error to report. */
  readonly faults: ReadonlyMap<string, OverlayError>
  /** The revision to ask with next time. */
  readonly revision: number
}

/** See `SubnetManager.acquireLease`. */
export function acquireLease(
  tables: Tables,
  config: NetworkConfig,
  request: LeaseRequest,
  term: Term,
): Lease {
  const { leases, occupied } = readLeases(tables)
  const choice = chooseSubnets({ config, leases: [...leases, ...occupied], request })
  for (const lease of choice.givenUp) deleteLease(tables, leaseKey(lease))
  const isReserved = choice.kept !== undefined && choice.kept.expiresAt === undefined
  const expiresAt = isReserved ? undefined : term.now + term.leaseTermMs
  return putLease(tables, { ...choice.subnets, attributes: choice.attributes, expiresAt })
}

/** See `SubnetManager.renewLease`. */
export function renewLease(
  tables: Tables,
  lease: Lease,
  attributes: LeaseAttributes | undefined,
  term: Term,
): Lease {
  const held = requireHeld(lease, readLease(tables, leaseKey(lease)), attributes)
  const expiresAt = held.expiresAt === undefined ? undefined : term.now + term.leaseTermMs
  return putLease(tables, { ...held, attributes: attributes ?? lease.attributes, expiresAt })
}

/** See `SubnetManager.releaseLease`. */
export function releaseLease(tables: Tables, lease: Lease): void {
  const held = readLease(tables, leaseKey(lease))
  if (held === undefined || held.expiresAt === undefined) return
  if (sameNode(held.attributes, lease.attributes)) deleteLease(tables, leaseKey(held))
}

/** Writes a lease that never expires. Throws an OverlayError `LEASE_CONFLICT` if another node holds any of it. */
export function reserveLease(tables: Tables, { subnet, ipv6Subnet, attributes }: Lease): Lease {
  const reservation: Lease = { subnet, ipv6Subnet, attributes }
  requireReservable(reservation)
  const { leases, occupied } = readLeases(tables)
  requireUnheld(reservation, [...leases, ...occupied])
  return putLease(tables, reservation)
}

/** See `SubnetAdministration.cancelReservation`. */
export function cancelReservation(tables: Tables, reservation: Lease): void {
  const held = readLease(tables, leaseKey(reservation))
  if (requireReservedFor(reservation, held, held?.expiresAt === undefined)) {
    deleteLease(tables, leaseKey(reservation))
  }
}

/** The leases that never expire. */
export const reservedLeases = (tables: Tables): readonly Lease[] =>
  readLeases(tables).leases.filter(({ expiresAt }) => expiresAt === undefined)

/** True if the file still holds a lease that has expired. */
export function hasExpired({ ends }: Tables, now: number): boolean {
  for (const { value } of ends.getRange()) if (value <= now) return true
  return false
}

/** Deletes every lease that has expired. Runs first in every transaction that writes. */
export function expireLeases(tables: Tables, now: number): void {
  const ended = [...tables.ends.getRange()].filter(({ value }) => value <= now)
  for (const { key } of ended) deleteLease(tables, requireText(key))
}

/** What happened after `revision`: a snapshot without one, or if it is too long ago. */
export function changesSince(tables: Tables, revision: number | undefined): Changes {
  const current = revisionOf(tables)
  const faults = new Map<string, OverlayError>()
  if (revision === undefined || revision > current || current - revision > CHANGES_KEPT) {
    const read = readLeases(tables)
    return { events: [{ type: 'snapshot', leases: read.leases }], faults: read.faults, revision: current }
  }
  const events: LeaseEvent[] = []
  if (revision === current) return { events, faults, revision }
  for (const { key, value } of tables.log.getRange({ start: revision + 1 })) {
    const written = value?.created === undefined ? undefined : { created: value.created, version: key }
    const decoded = decode(requireText(value?.key), value.value, value.expiresAt, written)
    if ('lease' in decoded) events.push({ type: value.type, lease: decoded.lease })
    else if (value.type === 'put') faults.set(`${value.key} ${value.value}`, decoded.fault)
  }
  return { events, faults, revision: current }
}

/** Writes one record and logs it. Use `putLease` for leases. */
export function putRecord(tables: Tables, key: string, value: string, expiresAt?: number): RecordVersion {
  const version = revisionOf(tables) + 1
  const isNew = tables.leases.get(key) === undefined
  // One that format 1 wrote is older than anything that has a version.
  const created = isNew ? version : (tables.versions.get(key)?.created ?? 0)
  tables.leases.put(key, value)
  tables.versions.put(key, { created, version })
  if (expiresAt === undefined) tables.ends.remove(key)
  else tables.ends.put(key, expiresAt)
  record(tables, { type: 'put', key, value, created, ...(expiresAt !== undefined && { expiresAt }) })
  return { created, version }
}

function putLease(tables: Tables, lease: Lease): Lease {
  const value = encodeLeaseAttributes(lease.attributes)
  return { ...lease, ...putRecord(tables, leaseKey(lease), value, lease.expiresAt) }
}

function deleteLease(tables: Tables, key: string): void {
  const value = tables.leases.get(key)
  const expiresAt = tables.ends.get(key)
  tables.ends.remove(key)
  tables.versions.remove(key)
  if (value === undefined) return
  tables.leases.remove(key)
  record(tables, { type: 'delete', key, value, ...(expiresAt !== undefined && { expiresAt }) })
}

function record(tables: Tables, entry: LogEntry): void {
  const revision = revisionOf(tables) + 1
  tables.meta.put('revision', revision)
  tables.log.put(revision, entry)
  tables.log.remove(revision - CHANGES_KEPT)
}

function revisionOf({ meta }: Tables): number {
  return Number(meta.get('revision') ?? 0)
}

/** Throws a SyntaxError for what only damage can put there: LMDB's keys may also be numbers and symbols. */
function requireText(key: unknown): string {
  if (typeof key !== 'string') throw new SyntaxError('a key is not text')
  return key
}

interface ReadLeases {
  readonly leases: Lease[]
  /** Subnets whose key holds a record that is not a lease: they have no owner and are not free. */
  readonly occupied: Lease[]
  readonly faults: Map<string, OverlayError>
}

function readLeases({ leases: records, ends, versions }: Tables): ReadLeases {
  const read: ReadLeases = { leases: [], occupied: [], faults: new Map() }
  for (const { key, value } of records.getRange()) {
    const decoded = decode(requireText(key), value, ends.get(key), versions.get(key))
    if ('lease' in decoded) read.leases.push(decoded.lease)
    else {
      read.faults.set(`${key} ${value}`, decoded.fault)
      const subnets = parseLeaseKey(key)
      if (subnets !== undefined) read.occupied.push({ ...subnets, attributes: {} })
    }
  }
  return read
}

function readLease({ leases, ends, versions }: Tables, key: string): Lease | undefined {
  const value = leases.get(key)
  if (value === undefined) return undefined
  const decoded = decode(key, value, ends.get(key), versions.get(key))
  return 'lease' in decoded ? decoded.lease : undefined
}

function decode(
  key: string,
  value: string,
  expiresAt: number | undefined,
  written: RecordVersion | undefined,
): { readonly lease: Lease } | { readonly fault: OverlayError } {
  const subnets = parseLeaseKey(key)
  try {
    if (subnets === undefined) throw new SyntaxError('its key names no subnet')
    const { subnet, ipv6Subnet } = subnets
    const { created, version } = written ?? {}
    const attributes = decodeLeaseAttributes(value)
    return { lease: { subnet, ipv6Subnet, attributes, expiresAt, created, version } }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return {
      fault: new OverlayError(
        'INVALID_LEASE',
        `the record ${key} is not a lease: ${why}; correct or delete it`,
        { cause },
      ),
    }
  }
}
