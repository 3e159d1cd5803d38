import { type AbortOptions, isOverlayError, type StoreRight } from '@selvedge/core'
import type { IRequestOp } from 'etcd3'
import type { EtcdCluster } from './client/cluster.js'
import type { NetworkKeys } from './keys.js'

/** Of no node: a subnet that no network of hosts contains. */
const NOBODYS = { subnet: '0.0.0.0/32', ipv6Subnet: '::/128' }

/**
 * Finds out what etcd lets this user do, one right after the other. A transaction whose comparison never holds changes
 * nothing, and etcd checks the rights of all that it names.
 */
export async function askRights(
  cluster: EtcdCluster,
  keys: NetworkKeys,
  { signal }: AbortOptions,
): Promise<readonly StoreRight[]> {
  const { subnet } = NOBODYS
  const lease = keys.lease({ subnet })
  const claim = keys.claim(NOBODYS.ipv6Subnet)
  const ask = async (does: string, remedy: string, operation: IRequestOp): Promise<StoreRight> => {
    const txn = { compare: [NEVER], success: [operation], failure: [] }
    try {
      await cluster.call({ attempted: `asking whether this user may ${does}`, signal }, (client, options) =>
        client.kv.txn(txn, options),
      )
      return { does, isAllowed: true, remedy }
    } catch (error) {
      if (!isOverlayError(error, 'ACCESS_DENIED')) throw error
      return { does, isAllowed: false, remedy }
    }
  }
  const grant = (type: string, path: string, isPrefix = true) =>
    `etcdctl role grant-permission ${isPrefix ? '--prefix=true ' : ''}ROLE ${type} ${path}`
  const leases = keys.leasesPath
  const NEVER = { key: lease, target: 'Version', result: 'Less', version: '0' } as const
  return Promise.all([
    ask(`read ${keys.config}`, grant('read', keys.config, false), {
      request_range: { key: Buffer.from(keys.config) },
    }),
    ask(`list the leases below ${leases}`, grant('read', leases), { request_range: { ...keys.leases } }),
    ask(`write leases below ${leases}`, grant('readwrite', leases), {
      request_put: { key: lease, value: Buffer.from('{}') },
    }),
    ask(`write claims of IPv6 subnets below ${keys.claimsPath}`, grant('readwrite', keys.claimsPath), {
      request_put: { key: claim, value: lease },
    }),
  ])
}
