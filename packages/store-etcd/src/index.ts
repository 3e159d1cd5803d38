export type { EtcdClient } from './etcd-api.js'
export * from './etcd-subnet-manager.js'
export type { EtcdSubnetManagerOptions } from './options.js'
export { type EtcdTls, type EtcdTlsFiles, tlsFiles } from './tls.js'
