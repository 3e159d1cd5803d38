import type { JsonValue, Lease } from '@selvedge/core'
import {
  describeLease,
  type FamilyParts,
  type Field,
  hasManyDestinations,
  integerField,
  invalidField,
  isJsonObject,
  parseMac,
  readFields,
  readPeerData,
} from '@selvedge/core/kit'

/** A VXLAN tunnel endpoint, as its node publishes it. */
export interface Vtep {
  /** Undefined if the lease has none: flannel once published the MAC alone. */
  readonly vni: number | undefined
  readonly mac: string
}

/** The MAC in published data, if it is that of one device. */
function deviceMac(value: unknown): string | undefined {
  const mac = typeof value === 'string' ? parseMac(value) : undefined
  return mac === undefined || hasManyDestinations(mac) ? undefined : mac
}

const vtepMac: Field<unknown> = {
  rule: 'must be the MAC of one device, such as c6:d2:32:6f:8f:44',
  fallback: undefined,
  accepts: (value) => deviceMac(value) !== undefined,
}

const PUBLISHED = {
  fields: { VNI: integerField(0, 2 ** 24 - 1, undefined), VtepMAC: vtepMac },
  required: 'VtepMAC',
  example: '{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}',
} as const

/** The data that flannel publishes, with its fields in flannel's order. */
export function vtepData(vni: number, mac: string): JsonValue {
  return { VNI: vni, VtepMAC: mac }
}

/**
 * Reads the tunnel endpoint that a lease publishes. Throws an OverlayError `INVALID_LEASE` if the lease has no endpoint,
 * or one with another VNI. (flannel ignores a peer's VNI and sends to it all the same; the peer drops those packets.)
 */
export function readVtep(lease: Lease, parts: FamilyParts, vni: number): Vtep {
  const values = readPeerData(lease, parts, PUBLISHED)
  if (!isSameVni(values.VNI, vni)) {
    const where = `${describeLease(lease)}, ${parts.written.backendData}`
    throw invalidField('VNI', values.VNI, `this network's is ${vni}`, where, 'INVALID_LEASE')
  }
  return { vni: values.VNI, mac: deviceMac(values.VtepMAC) ?? '' }
}

/** The MAC that this node's own data has, if there is a usable one. */
export function macIn(data: JsonValue | undefined): string | undefined {
  if (!isJsonObject(data)) return undefined
  const { values } = readFields({ VtepMAC: { ...vtepMac, accepts: () => true } }, data, '')
  return deviceMac(values.VtepMAC)
}

/** flannel published only the lowest 16 bits of a VNI until late in 2023 (its pull request 1831). */
function isSameVni(published: number | undefined, vni: number): boolean {
  return published === undefined || published === vni || published === (vni & 0xffff)
}
