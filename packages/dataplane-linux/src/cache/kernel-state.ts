import type { OwnershipScope } from '@selvedge/core'
import { familyOf, type RouteResource } from '@selvedge/core/kit'
import type { LinkMessage, RouteMessage } from '../netlink/index.js'
import { type Nexthop, NexthopTable } from './nexthop-table.js'
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
  /** The name of the interface that packets to peers leave by: one of that name that comes back is news. */
  externalName: string | undefined
  readonly addresses = new Set<string>()
  readonly neighbours = new Set<string>()
  /** Forwarding entries' keys, and their destinations: the kernel does not tell who wrote them. */
  readonly forwarding = new Map<string, string>()
  /** Where the kernel holds several routes of ours under one key: how many. */
  readonly surplusRoutes = new Map<string, number>()
  readonly nexthops = new NexthopTable()
  /** Keys of routes, and the nexthop object that each leads through; undefined for one that is held inline. */
  readonly #routes = new Map<string, Nexthop | undefined>()
  /** How many IPv4 routes with a gateway lead through a device, by its name. */
  readonly #routesThrough = new Map<string, number>()

  constructor(scope: OwnershipScope, protocol: number) {
    this.scope = scope
    this.ownership = new RouteOwnership(scope, protocol)
  }

  isOwnRoute(message: RouteMessage): boolean {
    return this.ownership.isOwn(message, this.ownLinks.has(message.oif))
  }

  /** The index of our own link of this name. Should it have gone unnoticed, the kernel knows the index no more. */
  indexOf(name: string): number | undefined {
    for (const [index, own] of this.ownLinks) if (own === name) return index
    return undefined
  }

  watch(link: LinkMessage, print: string): void {
    this.watchedLinks.set(link.index, print)
  }

  watchExternal(link: LinkMessage, print: string): void {
    this.externalName = link.name
    this.watch(link, print)
  }

  hasRoute(key: string): boolean {
    return this.#routes.has(key)
  }

  /** How many IPv4 routes with a gateway lead through a device. */
  countThrough(device: string): number {
    return this.#routesThrough.get(device) ?? 0
  }

  /**
   * @param nexthop what it leads through; undefined where it is held inline
   * @returns the nexthop object that it led through before and that no route leads through now, if any
   */
  holdRoute(resource: RouteResource, nexthop: Nexthop | undefined): Nexthop | undefined {
    const { key, device } = resource
    const isNew = !this.#routes.has(key)
    const previous = this.#routes.get(key)
    this.#routes.set(key, nexthop)
    if (nexthop !== undefined) nexthop.uses += 1
    if (isNew && device !== undefined && countsForThreshold(resource)) this.#count(device, 1)
    return release(previous)
  }

  /** @returns the nexthop object that it led through and that no route leads through now, if any */
  forgetRoute(resource: RouteResource): Nexthop | undefined {
    const { key, device } = resource
    this.surplusRoutes.delete(key)
    if (!this.#routes.has(key)) return undefined
    const previous = this.#routes.get(key)
    this.#routes.delete(key)
    if (device !== undefined && countsForThreshold(resource)) this.#count(device, -1)
    return release(previous)
  }

  #count(device: string, difference: 1 | -1): void {
    this.#routesThrough.set(device, this.countThrough(device) + difference)
  }
}

/** Only next hops of IPv4 are compared with one another; an IPv6 gateway of IPv4 is nobody's wish. */
export const countsForThreshold = ({ gateway }: RouteResource): boolean =>
  gateway !== undefined && familyOf(gateway) === 4

function release(nexthop: Nexthop | undefined): Nexthop | undefined {
  if (nexthop === undefined) return undefined
  nexthop.uses -= 1
  return nexthop.uses === 0 ? nexthop : undefined
}
