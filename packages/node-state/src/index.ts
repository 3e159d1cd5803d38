export { type AtomicWriteFs, type AtomicWriteOptions, writeFileAtomically } from './file/atomic-write.js'
export { readBoundedFile } from './file/bounded-read.js'
export {
  CachedNodeAddresses,
  type CachedNodeAddressesOptions,
  type NodeAddressCache,
} from './lease-cache/cached-node-addresses.js'
export {
  CachedSubnetManager,
  type CachedSubnetManagerOptions,
  type CacheObserver,
} from './lease-cache/cached-subnet-manager.js'
export type { KnownNetwork, LeaseCache } from './lease-cache/known-network.js'
export { LeaseFile, type LeaseFileOptions } from './lease-cache/lease-file.js'
export { readSubnetEnv, readSubnetEnvText, writeSubnetEnv } from './subnet-env/read-write.js'
export {
  type SubnetEnvDrift,
  SubnetEnvFile,
  type SubnetEnvFileOptions,
  type SubnetEnvIo,
} from './subnet-env/subnet-env-file.js'
