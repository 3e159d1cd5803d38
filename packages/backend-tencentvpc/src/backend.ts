import {
  type Backend,
  type Driver,
  type LeaseContext,
  type NodeContext,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import { publicAddresses } from '@selvedge/core/kit'
import { vpcRoute } from './resource.js'
import { readSettings, SECTION } from './settings.js'

/** As in the network config's `Backend.Type`. */
export const TYPE = 'tencent-vpc'

/** What the pure backend is made of. */
export interface TencentVpcParts {
  /** Makes the driver of the route tables. */
  readonly driver: () => Driver
  /** What was found when it was loaded and an operator should know. Default: nothing. */
  readonly warnings?: readonly string[] | undefined
}

/** The same with the driver at hand: pure functions. */
export function tencentVpcBackend({ driver, warnings = [] }: TencentVpcParts): Backend {
  return {
    type: TYPE,
    warnings: ({ config }) => [...SECTION.warnings(config), ...warnings],
    mtu({ config, externalInterface }) {
      readSettings(config)
      return externalInterface.mtu
    },
    // As flannel's, it publishes no type.
    attributes(context) {
      readSettings(context.config)
      return publicAddresses(context)
    },
    local,
    // A peer's route is written by the peer: all hosts share the table.
    peer: () => [],
    drivers: () => [driver()],
  }
}

function local(context: LeaseContext): Resource[] {
  readSettings(context.config)
  const { subnet } = context.lease
  if (subnet === undefined) {
    throw new OverlayError('INVALID_LEASE', "this node's own lease has no IPv4 subnet to route")
  }
  return [vpcRoute({ destination: subnet, gateway: ownAddress(context) })]
}

/** The instance's private address, which the VPC routes to; its public address may be another. */
export function ownAddress({ externalInterface: { name, ipv4 } }: NodeContext): string {
  if (ipv4 !== undefined) return ipv4
  throw new OverlayError('INTERFACE_UNSUITABLE', `${name} has no IPv4 address for the VPC to route to`)
}
