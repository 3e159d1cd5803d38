import { type LeaseSubnets, leaseKey } from '@selvedge/core'
import { parseLeaseKey } from '@selvedge/core/kit'

/**
 * The keys in a bucket: `config`, `subnets.<lease>`, `claims.<IPv6 subnet>` and `reserving.<lease>`.
 *
 * A lease's key is etcd's, in the characters that NATS allows: `10.5.52.0-24`, or in a dual-stack network
 * `10.5.52.0-24/2001=cafe=42=1==-64` for `10.5.52.0-24&2001:cafe:42:1::-64`.
 */
export const CONFIG_KEY = 'config'

const LEASES = 'subnets.'
const CLAIMS = 'claims.'
const RESERVING = 'reserving.'

export const LEASES_FILTER = `${LEASES}>`

const fromEtcd = (name: string): string => name.replaceAll('&', '/').replaceAll(':', '=')
const toEtcd = (name: string): string => name.replaceAll('/', '&').replaceAll('=', ':')

/** The key of a record that etcd has below `subnets/` under `name`. */
export const recordKey = (name: string): string => LEASES + fromEtcd(name)

export const recordKeyOf = (subnets: LeaseSubnets): string => recordKey(leaseKey(subnets))

export const claimKey = (ipv6Subnet: string): string =>
  CLAIMS + ipv6Subnet.replaceAll(':', '=').replace('/', '-')

/** What etcd would have below `subnets/`; undefined for a key that is no record's. */
export const recordName = (key: string): string | undefined =>
  key.startsWith(LEASES) ? toEtcd(key.slice(LEASES.length)) : undefined

/** The IPv6 subnet of a claim's key; undefined for any other. */
export const claimedSubnet = (key: string): string | undefined =>
  key.startsWith(CLAIMS)
    ? key
        .slice(CLAIMS.length)
        .replaceAll('=', ':')
        .replace(/-(\d+)$/, '/$1')
    : undefined

/** The key of a claim on the subnets of a reservation. */
export const reservingKey = (subnets: LeaseSubnets): string => RESERVING + fromEtcd(leaseKey(subnets))

/** The subnets of such a key; undefined for any other. */
export const reservedSubnets = (key: string): LeaseSubnets | undefined =>
  key.startsWith(RESERVING) ? parseLeaseKey(toEtcd(key.slice(RESERVING.length))) : undefined
