import type { Resource } from '@selvedge/core'
import { canonicalAddress, canonicalCidr } from '@selvedge/core/kit'

/** A node's route in the VPC's route tables. Its key is its destination. */
export interface VpcRouteResource extends Resource {
  readonly kind: 'vpc-route'
  /** The node's subnet, CIDR. */
  readonly destination: string
  /** The private address of the instance that it leads to. */
  readonly gateway: string
  /**
   * Whether it is in every route table that it belongs in, enabled, marked as this instance's and without another beside
   * it, and in no other table. What is desired is always true.
   */
  readonly complete: boolean
}

export function vpcRoute(fields: {
  readonly destination: string
  readonly gateway: string
  readonly complete?: boolean
}): VpcRouteResource {
  const destination = canonicalCidr(fields.destination)
  return {
    kind: 'vpc-route',
    key: `vpc-route ${destination}`,
    destination,
    gateway: canonicalAddress(fields.gateway),
    complete: fields.complete ?? true,
  }
}
