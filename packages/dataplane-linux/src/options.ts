import { OverlayError } from '@selvedge/core'
import {
  checkOptions,
  either,
  listOf,
  number,
  path,
  requireNamespacePath,
  type Shape,
  withMethods,
} from '@selvedge/core/kit'
import type { InterfaceChoice } from './interface/select-interface.js'
import { collectLinkTypes, type LinkType, type LinkTypes } from './link-types/index.js'

/** What `linux` is called with. It throws an OverlayError `INVALID_CONFIG` for a value out of range. */
export interface LinuxOptions {
  /** The network namespace to use, by path such as `/run/netns/blue`. The process's own by default. Needs CAP_SYS_ADMIN. */
  readonly namespace?: string | undefined
  /** How to find the interface that packets to peers leave by: the first choice that fits. By default the default route's. */
  readonly interface?: InterfaceChoice | readonly InterfaceChoice[] | undefined
  /**
   * The protocol number (rtm_protocol) of our routes and nexthop objects, 5 to 255. 157 by default. No other program
   * on the host may write routes of this number into the overlay's networks.
   */
  readonly routeProtocol?: number | undefined
  /**
   * How many IPv4 routes with a gateway may lead through a device before further ones are written through nexthop
   * objects. 256 by default, `Infinity` for never. The README says why.
   */
  readonly nexthopThreshold?: number | undefined
  /** Link types besides vxlan, ipip, ip6tnl, tun and wireguard. None by default. */
  readonly linkTypes?: readonly LinkType[] | undefined
}

/** The numbers up to this one belong to the kernel and `ip`: unspec, redirect, kernel, boot, static. */
const LAST_RESERVED_PROTOCOL = 4

/** Used by none of include/uapi/linux/rtnetlink.h, iproute2's rt_protos, Calico (80), OVN (84), FRR (11, 186 to 198). */
export const DEFAULT_ROUTE_PROTOCOL = 157

/**
 * The kernel keeps next hops that differ only in their gateway in one hash chain (net/ipv4/fib_semantics.c,
 * fib_info_hashfn), so adding the n-th such route compares it with all before: 5,000 take 0.3 s, 20,000 take 5 s. Up
 * to 256 this is not noticeable, and `ip route` prints what it does under flannel.
 */
export const DEFAULT_NEXTHOP_THRESHOLD = 256

export interface Settings {
  readonly namespace: string | undefined
  readonly interfaces: readonly InterfaceChoice[]
  readonly routeProtocol: number
  readonly nexthopThreshold: number
  readonly linkTypes: LinkTypes
}

const LINK_TYPE = withMethods('LinkTypes', 'encode', 'decode')

const CHOICE: Shape = {
  rule: "the name or an address of an interface, a RegExp of names, or { canReach: '192.0.2.1' }",
  accepts: (value) =>
    typeof value === 'string' || value instanceof RegExp || typeof Object(value).canReach === 'string',
}

/**
 * Fills in defaults. Throws `INVALID_CONFIG` for a value out of range, and a TypeError for an option that does not exist or is
 * of another type.
 */
export function readOptions(options: LinuxOptions): Settings {
  checkOptions<LinuxOptions>('linux()', options, {
    namespace: path,
    interface: either(CHOICE, listOf(CHOICE)),
    routeProtocol: number,
    nexthopThreshold: number,
    linkTypes: listOf(LINK_TYPE),
  })
  const { routeProtocol = DEFAULT_ROUTE_PROTOCOL, nexthopThreshold = DEFAULT_NEXTHOP_THRESHOLD } = options
  const { namespace } = options
  const choice = options.interface ?? []
  requireNamespacePath('linux()', namespace)
  if (!Number.isInteger(routeProtocol) || routeProtocol <= LAST_RESERVED_PROTOCOL || routeProtocol > 255) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `routeProtocol ${routeProtocol} must be a whole number from ${LAST_RESERVED_PROTOCOL + 1} to 255`,
    )
  }
  if (!(nexthopThreshold >= 0)) {
    throw new OverlayError('INVALID_CONFIG', `nexthopThreshold ${nexthopThreshold} must be 0 or more`)
  }
  return {
    namespace,
    interfaces: isList(choice) ? choice : [choice],
    routeProtocol,
    nexthopThreshold,
    linkTypes: collectLinkTypes(options.linkTypes ?? []),
  }
}

/** `Array.isArray` does not narrow to a readonly array. */
const isList = (choice: InterfaceChoice | readonly InterfaceChoice[]): choice is readonly InterfaceChoice[] =>
  Array.isArray(choice)
