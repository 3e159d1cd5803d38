import type { OwnershipScope } from '@selvedge/core'
import {
  type AddressResource,
  type FdbResource,
  familyOf,
  type NeighbourResource,
  type RouteResource,
} from '@selvedge/core/kit'
import { type LinkMessage, type RouteMessage, RT_TABLE_LOCAL, RT_TABLE_MAIN } from '../rtnetlink/index.js'
import { type Nexthop, NexthopTable } from './nexthop-table.js'
import { Ownership } from './ownership.js'

/** What is on a link of ours. */
export type OnLinkResource = AddressResource | NeighbourResource | FdbResource

/**
 * What of the overlay's own was in the kernel at the last snapshot, or was written since. It decides which
 * notifications report a change by another process, which nexthop objects are in use, and what else is under a key.
 */
export class KernelState {
  readonly scope: OwnershipScope
  readonly ownership: Ownership
  /** What the external interface reaches without a gateway. */
  readonly #onLink: Ownership
  /** Names of our own links, by index. */
  readonly ownLinks = new Map<number, string>()
  /** Fingerprints of the links whose changes matter: our own, and those that they and our routes lead through. */
  readonly watchedLinks = new Map<number, string>()
  /** The index of the external interface; undefined while there is none. */
  externalIndex: number | undefined
  readonly addresses = new Set<string>()
  readonly neighbours = new Set<string>()
  /** Destinations of fdb entries, by key. */
  readonly fdb = new Map<string, string>()
  /** If the kernel holds several routes of ours under one key: how many. */
  readonly duplicateRoutes = new Map<string, number>()
  /** Keys of the routes that are ours without our protocol. */
  readonly unmarkedRoutes = new Set<string>()
  readonly nexthops = new NexthopTable()
  /** By key: the nexthop object that a route leads through, undefined for an inline route. */
  readonly #routes = new Map<string, Nexthop | undefined>()
  /** How many IPv4 routes with a gateway lead through a device, by its name. */
  readonly #routesThrough = new Map<string, number>()

  constructor(scope: OwnershipScope, protocol: number) {
    this.scope = scope
    this.ownership = new Ownership(scope, protocol)
    this.#onLink = new Ownership({ ...scope, networks: scope.onLink ?? [] }, protocol)
  }

  isOwnRoute(message: RouteMessage): boolean {
    return this.ownership.isOwn(message, this.ownLinks.has(message.oif))
  }

  /** Whether a foreign route decides how peers are reached that seem to be on the external interface's link. */
  concernsPeers({ destination, table, oif, gateway }: RouteMessage): boolean {
    if (table === RT_TABLE_LOCAL) return false
    if (destination === '0.0.0.0/0' || destination === '::/0') return true
    const isDirect = oif === this.externalIndex && gateway === undefined
    if (isDirect || this.#onLink.isInside(destination)) return true
    // In the main table the network on the link itself is the longer one.
    return table !== RT_TABLE_MAIN && this.#onLink.isAround(destination)
  }

  /** The index of our own link of this name. If it is out of date, the kernel no longer knows the index. */
  indexOf(name: string): number | undefined {
    for (const [index, own] of this.ownLinks) if (own === name) return index
    return undefined
  }

  watchLink(link: LinkMessage, fingerprint: string): void {
    this.watchedLinks.set(link.index, fingerprint)
  }

  add(resource: OnLinkResource): void {
    if (resource.kind === 'fdb') this.fdb.set(resource.key, resource.destination)
    else if (resource.kind === 'neighbour') this.neighbours.add(resource.key)
    else this.addresses.add(resource.key)
  }

  remove(resource: OnLinkResource): void {
    if (resource.kind === 'fdb') this.fdb.delete(resource.key)
    else if (resource.kind === 'neighbour') this.neighbours.delete(resource.key)
    else this.addresses.delete(resource.key)
  }

  hasRoute(key: string): boolean {
    return this.#routes.has(key)
  }

  /** How many IPv4 routes with a gateway lead through a device. */
  countThrough(device: string): number {
    return this.#routesThrough.get(device) ?? 0
  }

  /**
   * @param nexthop what it leads through; undefined for an inline route
   * @returns the nexthop object that it led through before, if no route leads through that any more
   */
  addRoute(resource: RouteResource, nexthop: Nexthop | undefined): Nexthop | undefined {
    const { key } = resource
    if (!this.#routes.has(key)) this.#count(resource, 1)
    const previous = this.#routes.get(key)
    this.#routes.set(key, nexthop)
    if (nexthop !== undefined) nexthop.uses += 1
    return release(previous)
  }

  /** @returns the nexthop object that it led through, if no route leads through that any more */
  removeRoute(resource: RouteResource): Nexthop | undefined {
    const { key } = resource
    this.duplicateRoutes.delete(key)
    this.unmarkedRoutes.delete(key)
    if (!this.#routes.has(key)) return undefined
    this.#count(resource, -1)
    const previous = this.#routes.get(key)
    this.#routes.delete(key)
    return release(previous)
  }

  #count(resource: RouteResource, difference: 1 | -1): void {
    const { device } = resource
    if (device === undefined || !countsForThreshold(resource)) return
    this.#routesThrough.set(device, this.countThrough(device) + difference)
  }
}

/** The kernel compares next hops of IPv4 with one another, but not those of IPv6. */
export const countsForThreshold = ({ gateway }: RouteResource): boolean =>
  gateway !== undefined && familyOf(gateway) === 4

function release(nexthop: Nexthop | undefined): Nexthop | undefined {
  if (nexthop === undefined) return undefined
  nexthop.uses -= 1
  return nexthop.uses === 0 ? nexthop : undefined
}
