import { OverlayError } from '@selvedge/core'
import type { InterfaceChoice } from './interface/select-interface.js'

export interface LinuxOptions {
  /**
   * The network namespace to work in, by path such as `/run/netns/blue`. The process's own where absent. Takes
   * CAP_SYS_ADMIN.
   */
  readonly namespace?: string | undefined
  /**
   * How to find the interface that packets to peers leave by: the first choice that fits. The one of the default
   * route where absent.
   */
  readonly interface?: InterfaceChoice | readonly InterfaceChoice[] | undefined
  /**
   * The protocol number (rtm_protocol) that our routes and nexthops bear, 5 to 255; 157 where absent. No other
   * program on the host may write routes of this number into the overlay's networks.
   */
  readonly routeProtocol?: number | undefined
  /**
   * How many IPv4 routes with a gateway lead through one device before further ones are written through nexthop
   * objects; 256 where absent, `Infinity` for never. See the README for why.
   */
  readonly nexthopThreshold?: number | undefined
}

/** Numbers up to here are the kernel's and `ip`'s own: unspec, redirect, kernel, boot, static. */
const LAST_RESERVED_PROTOCOL = 4

/**
 * In none of the lists of protocol numbers that are about: include/uapi/linux/rtnetlink.h, iproute2's rt_protos,
 * Calico (80), OVN (84), FRR (11, 186 to 198).
 */
export const DEFAULT_ROUTE_PROTOCOL = 157

/**
 * The kernel keeps next hops that differ in their gateway only in one hash chain (net/ipv4/fib_semantics.c,
 * fib_info_hashfn), so adding the n-th route of that sort compares it with all before: 5,000 take 0.3 s, 20,000 take
 * 5 s. At 256 it is not to be noticed yet, and `ip route` reads as it does under flannel.
 */
export const DEFAULT_NEXTHOP_THRESHOLD = 256

export interface Settings {
  readonly namespace: string | undefined
  readonly interfaces: readonly InterfaceChoice[]
  readonly routeProtocol: number
  readonly nexthopThreshold: number
}

/** Fills in what is absent. Throws `INVALID_CONFIG` for a value out of its range. */
export function readOptions(options: LinuxOptions): Settings {
  const { routeProtocol = DEFAULT_ROUTE_PROTOCOL, nexthopThreshold = DEFAULT_NEXTHOP_THRESHOLD } = options
  const choice = options.interface ?? []
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
    namespace: options.namespace,
    interfaces: isList(choice) ? choice : [choice],
    routeProtocol,
    nexthopThreshold,
  }
}

/** `Array.isArray` does not tell a readonly array from what else the union holds. */
const isList = (choice: InterfaceChoice | readonly InterfaceChoice[]): choice is readonly InterfaceChoice[] =>
  Array.isArray(choice)
