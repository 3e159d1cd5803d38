import { type Lease, leaseKey } from '@selvedge/core'
import type { Cell } from '../output/table.js'
import { endOf, type LeaseState, leaseState } from './lease-end.js'
import { isReservedOnly } from './reservation.js'

export const LEASE_HEAD = ['SUBNET', 'PUBLIC ADDRESS', 'BACKEND', 'ENDS IN', 'STATE'] as const

const STYLES: Partial<Record<LeaseState, 'yellow' | 'red'>> = { ending: 'yellow', expired: 'red' }
/** What is as it should be needs no word. */
const SILENT: readonly LeaseState[] = ['held', 'unknown']

/** The rows of one lease: one for each family, so that a dual-stack one fits a page. */
export function leaseRows(lease: Lease, isReserved: boolean, now: number): readonly (readonly Cell[])[] {
  const { subnet, ipv6Subnet, attributes } = lease
  const { publicIp, publicIpv6, backendType } = attributes
  const state = leaseState(lease, isReserved, now)
  const style = STYLES[state]
  const marked = (text: string): Cell => (style === undefined ? text : { text, style })
  const end = state === 'expired' || isReserved ? '-' : endOf(lease, isReserved, now)
  const backend = backendType ?? (isReservedOnly(attributes) && isReserved ? 'unused' : '-')
  const word = marked(SILENT.includes(state) ? '' : state)
  const first = [subnet ?? ipv6Subnet ?? '-', publicIp ?? publicIpv6 ?? '-', backend, end, word]
  if (subnet === undefined || ipv6Subnet === undefined) return [first]
  return [first, [ipv6Subnet, publicIp === undefined ? '' : (publicIpv6 ?? ''), '', '', marked('')]]
}

/** A lease in a JSON document. */
export function leaseJson(
  lease: Lease,
  { isReserved, now, redact }: { isReserved: boolean; now: number; redact: (value: unknown) => unknown },
): object {
  const { subnet, ipv6Subnet, attributes, expiresAt, created, version } = lease
  const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = attributes
  return {
    key: leaseKey(lease),
    subnet,
    ipv6Subnet,
    publicIp,
    publicIpv6,
    backendType,
    backendData: redact(backendData),
    backendV6Data: redact(backendV6Data),
    reserved: isReserved,
    state: leaseState(lease, isReserved, now),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
    created,
    version,
  }
}

export const ownerOf = ({ attributes }: Lease): string =>
  attributes.publicIp ?? attributes.publicIpv6 ?? 'a node without a public address'
