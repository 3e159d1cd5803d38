import type { Backend } from '../contract/backend.js'
import type { HostNetwork, LeaseContext } from '../contract/node-context.js'
import type { SubnetManager } from '../contract/subnet-manager.js'
import { Admission, type AdmissionFacts, type RefusedLease } from '../lease/admission/index.js'
import { type Lease, leaseKey } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { contains, requireCidr } from '../net/cidr.js'
import type { DesiredState } from '../reconciler/desired-state.js'
import { OverlayError } from '../util/errors.js'
import { NetworkBounds, namesakeRefusal, type PeerEvent, roleOf } from './lease-table.js'
import { networksOf, withAlias } from './ownership.js'

export interface PeerResourcesOptions {
  readonly config: NetworkConfig
  readonly backend: Pick<Backend, 'peer'>
  /** No peer's subnet may contain an address of the store. */
  readonly subnets: Pick<SubnetManager, 'name' | 'addresses'>
  /** Where the resources of each lease stand under the lease's key. */
  readonly desired: DesiredState
  /** Whether this node needs the resource of this key whatever its peers are. */
  readonly isOwnResource: (key: string) => boolean
  /** The names of the overlay's own links: their addresses are not the host's. */
  readonly ownLinks: () => readonly string[]
  /** Whether this node's lease is held now: while another is acquired, that one may look like another node's. */
  readonly isHeld: () => boolean
  readonly onPeer: (event: PeerEvent) => void
  /** A lease outside the network came: the store's config may have changed. */
  readonly onOutside: () => void
  readonly onError: (error: OverlayError) => void
}

/** How many of the leases that are refused at once are reported one by one. */
const MAX_REPORTED = 10

/**
 * The resources of other nodes' leases: decides what each lease is to this node, has those of peers admitted, and asks
 * the backend for the resources of those that are. A lease that makes no sense has none, and disturbs no other.
 */
export class PeerResources {
  readonly #options: PeerResourcesOptions
  readonly #bounds: NetworkBounds
  /** Subnets outside the network, by the key of their lease. */
  readonly #outside = new Map<string, readonly string[]>()
  /** The leases that bear this node's public address and were reported. */
  readonly #namesakes = new Set<string>()
  #context: LeaseContext | undefined
  #storeConfig: NetworkConfig | undefined
  #admission: Admission | undefined
  /** The host and the store as they were when the leases were last decided on, as text. */
  #surroundings = ''

  constructor(options: PeerResourcesOptions) {
    this.#options = options
    this.#bounds = new NetworkBounds(options.config)
  }

  /** The peers' subnets that lie outside the network as this node knows it. */
  get outside(): readonly string[] {
    return [...this.#outside.values()].flat()
  }

  /** Takes in leases that came, changed or went. */
  update(changes: readonly PeerEvent[], context: LeaseContext): void {
    if (changes.length === 0) return
    const admission = this.#admit(context)
    const peers: [key: string, lease: Lease][] = []
    const refused: RefusedLease[] = []
    for (const { type, lease } of changes) {
      const key = leaseKey(lease)
      if (type === 'put' && this.#isPeer(key, lease, context)) peers.push([key, lease])
      else refused.push(...this.#delete(admission, key))
      if (type === 'delete') this.#namesakes.delete(key)
    }
    this.#noteOutside(peers)
    this.#report([...refused, ...admission.put(peers)])
    for (const change of changes) {
      if (roleOf(change.lease, context.lease) === 'peer') this.#options.onPeer(change)
    }
  }

  /** Decides on every lease again: what this node is, or holds, may change what any lease calls for. */
  recompute(leases: Iterable<Lease>, context: LeaseContext): void {
    this.#context = context
    const admission = this.#admit(context)
    const facts = this.#facts(context)
    const unknown: [key: string, lease: Lease][] = []
    for (const lease of leases) {
      const key = leaseKey(lease)
      if (!this.#isPeer(key, lease, context)) this.#report(this.#delete(admission, key))
      else if (!admission.has(key)) unknown.push([key, lease])
    }
    this.#noteOutside(unknown)
    this.#surroundings = surroundingsOf(facts)
    this.#report([...admission.decideAgain(facts), ...admission.put(unknown)])
  }

  /** Decides again if the host's network or the addresses of the store are others now. Returns whether they are. */
  refresh(context: LeaseContext): boolean {
    const facts = this.#facts(context)
    const surroundings = surroundingsOf(facts)
    if (this.#admission === undefined || surroundings === this.#surroundings) return false
    this.#context = context
    this.#surroundings = surroundings
    this.#report(this.#admission.decideAgain(facts))
    return true
  }

  /** The config that the store holds now: leases inside its networks are admitted as well. */
  setStoreConfig(config: NetworkConfig, context: LeaseContext): void {
    const isOther = networksOf(config).join() !== networksOf(this.#options.config).join()
    this.#storeConfig = isOther ? config : undefined
    this.refresh(context)
  }

  #admit(context: LeaseContext): Admission {
    this.#context = context
    if (this.#admission !== undefined) return this.#admission
    const { backend, config, desired, isOwnResource } = this.#options
    const facts = this.#facts(context)
    this.#surroundings = surroundingsOf(facts)
    this.#admission = new Admission(
      {
        resourcesOf: (lease) => withAlias(backend.peer(lease, this.#context ?? context), config),
        holdersOf: (key) => desired.ownersOf(key),
        isOwn: (key) => isOwnResource(key),
        hold: (key, resources) => desired.set(key, resources),
      },
      facts,
    )
    return this.#admission
  }

  #facts({ lease: own, externalInterface }: LeaseContext): AdmissionFacts {
    const { config, subnets } = this.#options
    const store = { name: subnets.name, addresses: subnets.addresses?.() ?? [] }
    const host = externalInterface.host && this.#concerning(own, externalInterface.host)
    return { own, config, storeConfig: this.#storeConfig, externalInterface, host, store }
  }

  /** What of the host's network concerns other nodes' leases: the routes to its own pods come and go with them. */
  #concerning(own: Lease, host: HostNetwork): HostNetwork {
    const ownLinks = this.#options.ownLinks()
    const networks = [this.#options.config, this.#storeConfig].flatMap(
      (config) => config && networksOf(config),
    )
    const isForeign = ({ link }: { readonly link: string }) => !ownLinks.includes(link)
    const routes = host.routes?.filter(
      (route) =>
        isForeign(route) &&
        isInside(route.destination, networks) &&
        !isInside(route.destination, [own.subnet, own.ipv6Subnet]),
    )
    return {
      ...host,
      addresses: host.addresses.filter(isForeign),
      routes,
      routesByGateway: undefined,
      macAddresses: undefined,
    }
  }

  /** Whether it is the lease of another node, for another subnet than ours. */
  #isPeer(key: string, lease: Lease, { lease: own }: LeaseContext): boolean {
    const role = roleOf(lease, own)
    if (role !== 'namesake') this.#namesakes.delete(key)
    else if (this.#options.isHeld() && !this.#namesakes.has(key)) {
      this.#namesakes.add(key)
      this.#options.onError(namesakeRefusal(lease, own))
    }
    return role === 'peer' || role === 'overlapping'
  }

  #delete(admission: Admission, key: string): readonly RefusedLease[] {
    this.#outside.delete(key)
    return admission.delete(key)
  }

  #noteOutside(leases: readonly (readonly [key: string, lease: Lease])[]): void {
    let isNew = false
    for (const [key, lease] of leases) {
      const outside = this.#bounds.outside(lease)
      if (outside.length === 0) {
        this.#outside.delete(key)
      } else {
        isNew ||= !this.#outside.has(key)
        this.#outside.set(key, outside)
      }
    }
    if (isNew) this.#options.onOutside()
  }

  #report(refused: readonly RefusedLease[]): void {
    const { onError } = this.#options
    for (const { code, message } of refused.slice(0, MAX_REPORTED)) onError(new OverlayError(code, message))
    const others = refused.length - MAX_REPORTED
    const [first] = refused
    if (others > 0 && first !== undefined) {
      onError(
        new OverlayError(first.code, `${others} more leases get no resources, for reasons such as these`),
      )
    }
  }
}

const isInside = (inner: string, networks: readonly (string | undefined)[]): boolean =>
  networks.some((network) => network !== undefined && contains(requireCidr(network), requireCidr(inner)))

/** What changes though no lease does. */
const surroundingsOf = ({ host, store, storeConfig }: AdmissionFacts): string =>
  JSON.stringify([host, store, storeConfig])
