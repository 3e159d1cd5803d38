export type { EtcdCallOptions, EtcdClient } from './client/etcd-client.js'
export { type EtcdTls, type EtcdTlsFiles, tlsFiles } from './client/tls.js'
export { EtcdSubnetManager } from './manager.js'
export type { EtcdSubnetManagerOptions } from './options.js'
