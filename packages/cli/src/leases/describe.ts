import { type Lease, leaseKey } from '@selvedge/core'
import { duration } from '../output/duration.js'
import type { Cell } from '../output/table.js'
import { isReservedOnly } from './reservation.js'

export const LEASE_HEAD = ['SUBNET', 'PUBLIC ADDRESS', 'BACKEND', 'ENDS IN'] as const

/** The rows of one lease: one for each family, so that a dual-stack one fits a page. */
export function leaseRows(lease: Lease, isReserved: boolean, now: number): readonly (readonly Cell[])[] {
  const { subnet, ipv6Subnet, attributes } = lease
  const { publicIp, publicIpv6, backendType } = attributes
  const end = endOf(lease, isReserved, now)
  const backend = backendType ?? (isReservedOnly(attributes) && isReserved ? 'unused' : '-')
  const first = [subnet ?? ipv6Subnet ?? '-', publicIp ?? publicIpv6 ?? '-', backend, end]
  if (subnet === undefined || ipv6Subnet === undefined) return [first]
  return [first, [ipv6Subnet, publicIp === undefined ? '' : (publicIpv6 ?? ''), '', '']]
}

/** `reserved`, a time, or `-` if the store does not say it. */
export function endOf({ expiresAt }: Lease, isReserved: boolean, now: number): string {
  if (isReserved) return 'reserved'
  return expiresAt === undefined ? '-' : duration(expiresAt - now)
}

/** A lease in a JSON document. */
export function leaseJson(lease: Lease, isReserved: boolean, redact: (value: unknown) => unknown): object {
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
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
    created,
    version,
  }
}

export const ownerOf = ({ attributes }: Lease): string =>
  attributes.publicIp ?? attributes.publicIpv6 ?? 'a node without a public address'
