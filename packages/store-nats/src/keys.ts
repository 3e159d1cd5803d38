import { type LeaseSubnets, leaseKey } from '@selvedge/core'

/**
 * The keys in a bucket: `config`, `subnets.<lease>` and `claims.<IPv6 subnet>`.
 *
 * A lease's key is etcd's, in the characters that NATS allows: `10.5.52.0-24`, or in a dual-stack network
 * `10.5.52.0-24/2001=cafe=42=1==-64` for `10.5.52.0-24&2001:cafe:42:1::-64`.
 */
export const CONFIG_KEY = 'config'

const LEASES = 'subnets.'
const CLAIMS = 'claims.'

export const LEASES_FILTER = `${LEASES}>`

/** The key of a record that etcd has below `subnets/` under `name`. */
export const recordKey = (name: string): string => LEASES + name.replaceAll('&', '/').replaceAll(':', '=')

export const recordKeyOf = (subnets: LeaseSubnets): string => recordKey(leaseKey(subnets))

export const claimKey = (ipv6Subnet: string): string =>
  CLAIMS + ipv6Subnet.replaceAll(':', '=').replace('/', '-')

/** What etcd would have below `subnets/`; undefined for a key that is no record's. */
export const recordName = (key: string): string | undefined =>
  key.startsWith(LEASES) ? key.slice(LEASES.length).replaceAll('/', '&').replaceAll('=', ':') : undefined

/** The IPv6 subnet of a claim's key; undefined for any other. */
export const claimedSubnet = (key: string): string | undefined =>
  key.startsWith(CLAIMS)
    ? key
        .slice(CLAIMS.length)
        .replaceAll('=', ':')
        .replace(/-(\d+)$/, '/$1')
    : undefined
