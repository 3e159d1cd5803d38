import { credsFile, NatsSubnetManager, type NatsSubnetManagerOptions, nkeyFile } from '@selvedge/store-nats'
import type { NatsCredentialSettings, NatsSettings } from '../command-line/nats-settings.js'
import type { OpenStore, StoreEvents } from './store.js'

/**
 * How long a call retries while no server answers. A start waits this long before it uses the cache; everything else is
 * retried anyway.
 */
const PATIENCE_MS = 2_000

export function openNats(settings: NatsSettings, { onWaiting, onDetail }: StoreEvents): OpenStore {
  const { servers, bucket, domain, credentials, tls, leaseTermMs, replicas } = settings
  const subnets = new NatsSubnetManager({
    servers,
    bucket,
    domain,
    credentials: credentials && credentialsOf(credentials),
    tls: Object.keys(tls).length > 0 ? tls : undefined,
    leaseTermMs,
    replicas,
    patienceMs: PATIENCE_MS,
    onWaiting: ({ code, message }) => onWaiting({ for: 'network-config', code, message }),
    onWatchCut: ({ message }) => onDetail(`a watch was cut, and is reopened at once: ${message}`),
  })
  const where = domain === undefined ? bucket : `${bucket} ${domain}`
  return { subnets, identity: `nats ${[...servers].sort().join(',')} ${where}` }
}

function credentialsOf(settings: NatsCredentialSettings): NatsSubnetManagerOptions['credentials'] {
  if ('credsFile' in settings) return credsFile(settings.credsFile)
  return 'nkeyFile' in settings ? nkeyFile(settings.nkeyFile) : settings
}
