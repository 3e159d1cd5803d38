import type { JsonValue, Lease } from '@selvedge/core'
import {
  describeLease,
  type FamilyParts,
  type Field,
  integerField,
  invalidField,
  isJsonObject,
  readFields,
  readPeerData,
} from '@selvedge/core/kit'

/** A VXLAN tunnel endpoint, as its node publishes it. */
export interface Vtep {
  /** Undefined if the lease has none: flannel once published the MAC alone. */
  readonly vni: number | undefined
  readonly mac: string
}

/** Six octets as Go's net.ParseMAC reads them: `c6:d2:32:6f:8f:44`, `c6-d2-32-6f-8f-44` or `c6d2.326f.8f44`. */
const MAC = /^(?:[\da-f]{2}(?::[\da-f]{2}){5}|[\da-f]{2}(?:-[\da-f]{2}){5}|[\da-f]{4}(?:\.[\da-f]{4}){2})$/i
/** The group bit, the lowest of the first octet (IEEE 802-2014, 8.2). */
const GROUP_BIT = 1

const vtepMac: Field<unknown> = {
  rule: 'must be the MAC of one device, such as c6:d2:32:6f:8f:44',
  fallback: undefined,
  accepts: (value) =>
    typeof value === 'string' &&
    MAC.test(value) &&
    canonicalMac(value) !== '00:00:00:00:00:00' &&
    (Number.parseInt(value.slice(0, 2), 16) & GROUP_BIT) === 0,
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
  return { vni: values.VNI, mac: canonicalMac(String(values.VtepMAC)) }
}

/** The MAC in published data, if there is a usable one. */
export function macIn(data: JsonValue | undefined): string | undefined {
  if (!isJsonObject(data)) return undefined
  const { values } = readFields({ VtepMAC: { ...vtepMac, accepts: () => true } }, data, '')
  return vtepMac.accepts(values.VtepMAC) ? canonicalMac(String(values.VtepMAC)) : undefined
}

/** flannel published only the lowest 16 bits of a VNI until late in 2023 (its pull request 1831). */
function isSameVni(published: number | undefined, vni: number): boolean {
  return published === undefined || published === vni || published === (vni & 0xffff)
}

function canonicalMac(text: string): string {
  const [lower, dotted] = [text.toLowerCase(), text.includes('.')]
  return dotted ? lower.replaceAll('.', '').replace(/..(?=.)/g, '$&:') : lower.replaceAll('-', ':')
}
