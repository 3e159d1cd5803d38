import type { NodeContext } from '../contract/node-context.js'
import { enabledFamilies, type FamilyParts } from '../net/address-family.js'
import { describeLease, publicAddresses } from '../net/public-address.js'
import type { JsonValue } from '../util/json.js'
import {
  type FieldTable,
  type FieldValues,
  invalidField,
  isJsonObject,
  readFields,
} from '../util/json-fields.js'
import type { Lease, LeaseAttributes } from './lease.js'

/** What a backend publishes in a lease's `BackendData`, or `BackendV6Data`. */
export interface PeerData<T extends FieldTable> {
  /** How each key is read. */
  readonly fields: T
  /** A field that must be there. */
  readonly required: keyof T & string
  /** For messages, such as `{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}`. */
  readonly example: string
}

/**
 * Reads what a peer's lease publishes for one family. Throws an OverlayError of code `INVALID_LEASE` that names the lease
 * and the field if it is not as its backend publishes it.
 */
export function readPeerData<T extends FieldTable>(
  lease: Lease,
  { backendData, written }: FamilyParts,
  { fields, required, example }: PeerData<T>,
): FieldValues<T> {
  const data = lease.attributes[backendData]
  if (!isJsonObject(data)) {
    const rule = `must be an object such as ${example}`
    throw invalidField(written.backendData, data, rule, describeLease(lease), 'INVALID_LEASE')
  }
  const where = () => `${describeLease(lease)}, ${written.backendData}`
  const { values } = readFields(fields, data, where, 'INVALID_LEASE')
  if (values[required] !== undefined) return values
  throw invalidField(required, undefined, fields[required]?.rule ?? '', where(), 'INVALID_LEASE')
}

/** What a node publishes: its addresses, its backend's type, and data for each family that is on. */
export function attributesWithData(
  context: NodeContext,
  backendType: string,
  dataOf: (parts: FamilyParts) => JsonValue,
): LeaseAttributes {
  let published: LeaseAttributes = { ...publicAddresses(context), backendType }
  for (const parts of enabledFamilies(context.config)) {
    published = { ...published, [parts.backendData]: dataOf(parts) }
  }
  return published
}
