/** Speaks to the API server: requests, and the reflector that follows Nodes. Knows nothing of leases. */

export { AdvertisedAddress } from './advertised-address.js'
export { KubeApi } from './kube-api.js'
export type { ListMode } from './list-nodes.js'
export { type AnnotateOptions, NodeClient, type PodReference } from './node-client.js'
export { NodeDecoder } from './node-codec.js'
export type { NodeRecord } from './node-record.js'
export {
  type NodeChange,
  type ReflectorEvent,
  type ReflectorObserver,
  reflectNodes,
} from './reflector.js'
export type { WrittenAnnotation } from './written-annotations.js'
