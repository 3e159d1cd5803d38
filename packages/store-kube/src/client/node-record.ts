import type { AnnotationName, Annotations } from '../annotations.js'

/**
 * The few fields of a Node that a lease needs, out of the 8 to 20 kB of the object. Nothing else is kept, so that memory
 * does not grow with the images, conditions and managed fields of a cluster's nodes.
 */
export interface NodeRecord {
  readonly name: string
  /** Differs if a Node was deleted and another one created under its name. */
  readonly uid: string
  readonly resourceVersion: string
  /** When it registered, in s since the epoch. */
  readonly created: number
  /** `spec.podCIDRs`, or `spec.podCIDR` from a server that knows no other. Empty until one is assigned. */
  readonly podCidrs: readonly string[]
  readonly annotations: Annotations
  /** The annotations that are too long, and not read. */
  readonly oversized?: readonly AnnotationName[] | undefined
}
