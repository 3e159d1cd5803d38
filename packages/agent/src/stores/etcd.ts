import { EtcdSubnetManager, tlsFiles } from '@selvedge/store-etcd'
import type { EtcdSettings } from '../command-line/settings.js'
import type { OpenStore, StoreEvents } from './store.js'

/**
 * How long a call goes on asking where no endpoint answers, in ms. A start waits so long before it takes what was known
 * before; all else is repeated, so that the length matters little.
 */
const PATIENCE = 2_000

export function openEtcd(settings: EtcdSettings, { onWaiting }: StoreEvents): OpenStore {
  const { endpoints, prefix, tls, username, password, leaseTerm } = settings
  const subnets = new EtcdSubnetManager({
    endpoints,
    prefix,
    tls: tlsFiles(tls),
    username,
    password,
    leaseTermMs: leaseTerm,
    patienceMs: PATIENCE,
    onWaiting: ({ code, message }) => onWaiting({ for: 'network-config', code, message }),
  })
  return { subnets, identity: `etcd ${[...endpoints].sort().join(',')} ${prefix}` }
}
