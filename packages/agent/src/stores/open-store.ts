import type { StoreSettings } from '../command-line/settings.js'
import type { OpenStore, StoreEvents } from './store.js'

/** Opens the store that the flags name, and imports no other: a store brings the client of what it stands on. */
export async function openStore(settings: StoreSettings, events: StoreEvents): Promise<OpenStore> {
  switch (settings.type) {
    case 'etcd':
      return (await import('./etcd.js')).openEtcd(settings, events)
    case 'kubernetes':
      return (await import('./kubernetes.js')).openKubernetes(settings, events)
    case 'local':
      return (await import('./local.js')).openLocal(settings)
    case 'nats':
      return (await import('./nats.js')).openNats(settings, events)
  }
}
