import { EtcdClient } from './etcd-client.js'
import { NatsClient } from './nats-client.js'
import type { StoreName } from './server.js'
import type { StoreClient } from './types.js'

const CLIENTS = {
  etcd: () => EtcdClient.connect(),
  NATS: () => NatsClient.connect(),
} satisfies Record<StoreName, () => Promise<StoreClient>>

export const connect = (store: StoreName): Promise<StoreClient> => CLIENTS[store]()
