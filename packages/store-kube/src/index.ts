/** The leases of an overlay network in the Nodes of a Kubernetes cluster. */

export { DEFAULT_ANNOTATION_PREFIX } from './annotations.js'
export {
  type KubeAccess,
  type KubeConfigAccess,
  type KubeDiscoveryAccess,
  type KubeUrlAccess,
  type PodEnvironment,
  podAccess,
} from './auth/index.js'
export type { PodReference } from './client/index.js'
export { KubeSubnetManager } from './manager.js'
export type { KubeStatus, KubeSubnetManagerOptions, KubeWait } from './options.js'
export type { RecordEntry } from './record-entries.js'
