export { writeFileAtomically } from './atomic-file.js'
export { ForwardingSubnetManager } from './forwarding-subnet-manager.js'
export {
  CachedSubnetManager,
  type CachedSubnetManagerOptions,
  type CacheObserver,
} from './lease-cache/cached-subnet-manager.js'
export type { KnownNetwork } from './lease-cache/known-network.js'
export { type LeaseCache, LeaseFile, type LeaseFileOptions } from './lease-cache/lease-file.js'
export { SubnetFile, type SubnetFileOptions } from './subnet-env/subnet-env-file.js'
