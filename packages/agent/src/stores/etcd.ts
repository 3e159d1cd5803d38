import { EtcdSubnetManager, tlsFiles } from '@selvedge/store-etcd'
import type { EtcdSettings } from '../command-line/settings.js'
import type { OpenStore, StoreEvents } from './store.js'

/**
 * How long a call retries while no endpoint answers. A start waits this long before it uses the cache; everything else is
 * retried anyway.
 */
const PATIENCE_MS = 2_000

export function openEtcd(settings: EtcdSettings, { onWaiting, onDetail }: StoreEvents): OpenStore {
  const { endpoints, prefix, tls, username, password, leaseTermMs } = settings
  const subnets = new EtcdSubnetManager({
    endpoints,
    prefix,
    tls: tlsFiles(tls),
    username,
    password,
    leaseTermMs,
    patienceMs: PATIENCE_MS,
    onWaiting: ({ code, message }) => onWaiting({ for: 'network-config', code, message }),
    onWatchCut: ({ message }) => onDetail(`a watch was cut, and is reopened at once: ${message}`),
  })
  return { subnets, identity: `etcd ${[...endpoints].sort().join(',')} ${prefix}` }
}
