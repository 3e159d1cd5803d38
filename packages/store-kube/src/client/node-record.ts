import type { Annotations } from '../annotations.js'

/**
 * Of a Node object, which takes 8 to 20 kB, what a lease needs. Nothing else of it is kept, so that memory does not
 * grow with the images, conditions and managed fields of a cluster's nodes.
 */
export interface NodeRecord {
  readonly name: string
  /** Another one where a node was deleted and created again under its name. */
  readonly uid: string
  readonly resourceVersion: string
  /** When it registered, in s since the epoch. */
  readonly created: number
  /** `spec.podCIDRs`, or `spec.podCIDR` on a server that knows no other. Empty until one is assigned. */
  readonly podCidrs: readonly string[]
  readonly annotations: Annotations
}
