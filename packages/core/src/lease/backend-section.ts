import type { NodeContext } from '../contract/node-context.js'
import { enabledFamilies, type FamilyParts } from '../net/address-family.js'
import { publicAddresses } from '../net/public-address.js'
import type { JsonValue } from '../util/json.js'
import { type FieldTable, type FieldValues, readFields, unknownKeyWarnings } from '../util/json-fields.js'
import type { LeaseAttributes } from './lease.js'
import type { NetworkConfig } from './network-config.js'

/**
 * Reads a backend's settings, the network config's Backend section. Throws an OverlayError of code `INVALID_CONFIG` that
 * names the key and its rule. `warnings` has a sentence for each unknown key.
 *
 * @param where for messages, such as `the vxlan settings`
 */
export function readBackendSection<T extends FieldTable>(
  { backend }: NetworkConfig,
  fields: T,
  where: string,
): { readonly values: FieldValues<T>; readonly warnings: readonly string[] } {
  const { values, unknownKeys } = readFields(fields, backend?.options ?? {}, where)
  return { values, warnings: unknownKeyWarnings(unknownKeys, fields, where) }
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
