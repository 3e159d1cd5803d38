import { UsageError } from './flag-set.js'
import type { FlagName, SelvedgedFlags } from './flannel-flags.js'

/** The embedded store: a file that agents on one host share. */
export interface LocalSettings {
  readonly type: 'local'
  /** The store's file: `-local-store`. */
  readonly path: string
  /** A file with the network config, for a store that holds none yet; undefined if none was named. */
  readonly networkConfigFile: string | undefined
}

/** Throws a UsageError for flags that name another store too. */
export function localSettings(values: SelvedgedFlags, given: ReadonlySet<FlagName>): LocalSettings {
  for (const flag of ['kube-subnet-mgr', 'etcd-endpoints', 'nats-servers'] as const) {
    if (given.has(flag) && values[flag] !== false && values[flag] !== '') {
      throw new UsageError(`flags -local-store and -${flag} name two stores: give one`)
    }
  }
  return {
    type: 'local',
    path: values['local-store'],
    networkConfigFile: given.has('net-config-path') ? values['net-config-path'] : undefined,
  }
}
