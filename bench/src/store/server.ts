import type { Lab } from '@selvedge/lab'
import { etcd } from './etcd.js'
import { nats } from './nats.js'
import type { StoreServer } from './types.js'

/** Starts each store on the switch of a lab. */
export const STORES = { etcd, NATS: nats } satisfies Readonly<
  Record<string, (lab: Lab) => Promise<StoreServer>>
>

export type StoreName = keyof typeof STORES

/** etcd first, which the others are compared with. */
export const STORE_NAMES: readonly StoreName[] = ['etcd', 'NATS']
