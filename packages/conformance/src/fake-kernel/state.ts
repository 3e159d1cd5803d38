import { FakeKernelError } from './errors.js'
import { RouteIndex } from './lookup.js'
import type { Change, LinkState, RouteState } from './types.js'

/** What a kernel holds. Only the functions of `fake-kernel-links`, `-routes` and `-neighbours` write it. */
export class KernelState {
  readonly links = new Map<string, LinkState>()
  /** By the key of the resource that the route is: table, destination, tos, metric. The first one counts. */
  readonly routes = new Map<string, readonly RouteState[]>()
  readonly routeIndex = new RouteIndex()
  /** Called with every change, the kernel's own among them. */
  onChange: (change: Change) => void = () => {}
  #lastIndex = 1

  /** Indexes are never used twice, as in Linux (until they wrap). */
  nextIndex(): number {
    this.#lastIndex += 1
    return this.#lastIndex
  }

  /** The link of this name; throws ENODEV if there is none. */
  requireLink(name: string): LinkState {
    const link = this.links.get(name)
    if (link === undefined) throw new FakeKernelError('ENODEV', `no link is named '${name}'`)
    return link
  }
}

/** RFC 8200, 5: a link of a smaller MTU carries no IPv6, and Linux takes IPv6 off it. */
export const MIN_IPV6_MTU = 1280

export function requireIpv6({ name, mtu }: LinkState, errno: string): void {
  if (mtu < MIN_IPV6_MTU) throw new FakeKernelError(errno, `IPv6 is off on '${name}': its MTU is ${mtu}`)
}

/** Stands for every destination that is not known. */
export const ALL_ZERO_MAC = '00:00:00:00:00:00'
