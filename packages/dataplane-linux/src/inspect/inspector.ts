import type { AbortOptions } from '@selvedge/core'
import { withOverlayErrors } from '../kernel-error.js'
import { NetlinkConnection } from '../netlink/index.js'
import { readKernelView, type ViewedArea, type ViewedEntry } from './kernel-view.js'
import {
  type LinkAnswer,
  lookUpFdb,
  lookUpLink,
  lookUpNeighbour,
  lookUpRoute,
  type NeighbourAnswer,
  type PacketOrigin,
  type RouteAnswer,
} from './look-up.js'

/** Reads the kernel for people who look for what is wrong; changes nothing, and needs no rights. */
export interface LinuxInspector extends AsyncDisposable {
  /** Everything in an overlay's area, whoever wrote it. */
  view(area: ViewedArea, options?: AbortOptions): Promise<readonly ViewedEntry[]>
  /** The route that a packet to this address meets, by all policy rules and tables. */
  route(address: string, origin?: PacketOrigin, options?: AbortOptions): Promise<RouteAnswer>
  /** Undefined if the link has no entry for the address. */
  neighbour(link: string, address: string, options?: AbortOptions): Promise<NeighbourAnswer | undefined>
  /** The VTEPs that a VXLAN link sends frames for this MAC to. */
  fdb(link: string, macAddress: string, options?: AbortOptions): Promise<readonly string[]>
  /** Undefined if there is none of this name. */
  link(name: string, options?: AbortOptions): Promise<LinkAnswer | undefined>
}

/**
 * Reads the kernel of this host, or of another network namespace, for those who look for what is wrong.
 *
 * @param options `namespace`: the network namespace, by path such as `/run/netns/blue`; the process's own by default
 * @throws OverlayError if netlink cannot be used
 */
export function inspectLinux({ namespace }: { readonly namespace?: string } = {}): LinuxInspector {
  let opened: NetlinkConnection | undefined
  const connection = (): NetlinkConnection => {
    opened ??= new NetlinkConnection({ namespace })
    return opened
  }
  return {
    view: (area, options = {}) => withOverlayErrors(() => readKernelView(connection(), area, options)),
    route: (address, origin = {}, options = {}) =>
      withOverlayErrors(() => lookUpRoute(connection(), address, origin, options)),
    neighbour: (link, address, options = {}) =>
      withOverlayErrors(() => lookUpNeighbour(connection(), link, address, options)),
    fdb: (link, macAddress, options = {}) =>
      withOverlayErrors(() => lookUpFdb(connection(), link, macAddress, options)),
    link: (name, options = {}) => withOverlayErrors(() => lookUpLink(connection(), name, options)),
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]()
    },
  }
}
