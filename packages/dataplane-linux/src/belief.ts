import type { OwnershipScope } from '@selvedge/core'
import type { LinkMessage, RouteMessage } from './netlink/index.js'
import { NexthopTable } from './nexthop-table.js'
import { RouteOwnership } from './ownership.js'

/**
 * What the driver believes to be held since its last snapshot, and has written since. It decides nothing that is
 * wished; it tells which notifications are news, which nexthop objects are in use, and what else lay under a key.
 */
export class Belief {
  readonly scope: OwnershipScope
  readonly ownership: RouteOwnership
  /** Our own links, by index. */
  readonly ownLinks = new Map<number, string>()
  /** Links whose changes matter: our own, what they and our routes go out by; with what mattered of them last. */
  readonly watchedLinks = new Map<number, string>()
  readonly addresses = new Set<string>()
  readonly neighbours = new Set<string>()
  /** Forwarding entries' keys, and their destinations: the kernel does not tell who wrote them. */
  readonly forwarding = new Map<string, string>()
  /** Keys of routes, and the nexthop object that each leads through; 0 for one that is held inline. */
  readonly routes = new Map<string, number>()
  /** Where the kernel holds several routes of ours under one key: how many. */
  readonly surplusRoutes = new Map<string, number>()
  /** How many of `routes` lead through a device with a gateway, IPv4 only, by the device's name. */
  readonly routesThrough = new Map<string, number>()
  readonly nexthops = new NexthopTable()

  constructor(scope: OwnershipScope, protocol: number) {
    this.scope = scope
    this.ownership = new RouteOwnership(scope, protocol)
  }

  isOwnRoute(message: RouteMessage): boolean {
    return this.ownership.isOwn(message, this.ownLinks.has(message.oif))
  }

  watch(link: LinkMessage, print: string): void {
    this.watchedLinks.set(link.index, print)
  }

  countRoute(device: string | undefined, difference: 1 | -1): void {
    if (device === undefined) return
    this.routesThrough.set(device, (this.routesThrough.get(device) ?? 0) + difference)
  }
}
