import type { Driver, Operation, OwnershipScope } from '../contract/driver.js'
import { RT_TABLE_MAIN } from '../contract/resource.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { canonicalCidr, parseCidr } from '../net/cidr.js'
import { familyOf } from '../net/ip.js'
import { Reconciler } from '../reconciler/reconciler.js'
import type { AbortOptions } from '../util/abort.js'
import { systemClock } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { overlayAlias, servedBy } from './ownership.js'
import { isPeerRoute } from './plain-routes.js'

/** A link of a host, as far as it says whose it is. */
export interface LeftLink {
  /** As the kernel names it, such as `flannel.1`. */
  readonly name: string
  /** IFLA_INFO_KIND; undefined for hardware. */
  readonly type: string | undefined
  /** IFLA_IFALIAS; undefined if it has none. */
  readonly alias: string | undefined
  /** Of a VXLAN link. */
  readonly vni?: number | undefined
}

/** A network that an agent served on this host, and what it had of it: as a subnet.env says it. CIDRs. */
export interface ServedNetwork {
  /** The whole network, such as `10.244.0.0/16`. */
  readonly network: string
  /** This node's subnet of it, such as `10.244.5.0/24`. */
  readonly subnet: string
}

/** The links that flannel makes, and selvedge by the same names, by their types. wireguard-go's is a TUN device. */
const FLANNEL_LINKS: readonly (readonly [name: RegExp, ...types: string[]])[] = [
  [/^flannel(-v6)?\.\d+$/, 'vxlan'],
  [/^flannel\.ipip$/, 'ipip'],
  [/^flannel\d+$/, 'tun'],
  [/^flannel-wg(-v6)?$/, 'wireguard', 'tun'],
  [/^flannel-ipsec$/, 'tun'],
]

/** The number in the name of a VXLAN link is its VNI, as flannel and selvedge make it. */
const isFlannelLink = ({ name, type = '', vni }: LeftLink): boolean =>
  FLANNEL_LINKS.some(([pattern, ...types]) => pattern.test(name) && types.includes(type)) &&
  (vni === undefined || name.endsWith(`.${vni}`))

const isNamedLikeFlannels = ({ name }: LeftLink): boolean =>
  FLANNEL_LINKS.some(([pattern]) => pattern.test(name))

/** What an agent has left on a host, as `hostScope` finds it. */
export interface HostScope {
  /** For the drivers whose state is looked through: `planRemoval` and `removeHeld` take it. */
  readonly scope: OwnershipScope
  /** The networks that are known to have been served here, CIDR. */
  readonly networks: readonly string[]
  /** Links that have a name of flannel's, and that another program has made: they are no overlay's. */
  readonly lookAlikes: readonly LeftLink[]
}

const EVERYWHERE = ['0.0.0.0/0', '::/0']

/**
 * Which of all that a host's kernel holds any overlay of selvedge's, or flanneld, has left: links with selvedge's mark, or of
 * flannel's names and types; all routes of selvedge's protocol; and of the routes without a mark those that flanneld writes
 * for the networks that are `served`: to other nodes' subnets by a gateway, and blackholes of this node's own.
 */
export function hostScope(links: readonly LeftLink[], served: readonly ServedNetwork[]): HostScope {
  const aliases = [
    ...new Set(links.flatMap(({ alias = '' }) => (servedBy(alias) === undefined ? [] : [alias]))),
  ]
  const areOurs = served.map(unmarkedOf)
  const networks = [
    ...aliases.flatMap((alias) => servedBy(alias) ?? []),
    ...served.map(({ network }) => network),
  ]
  return {
    scope: {
      aliases: [...new Set([...aliases, ...served.map(({ network }) => overlayAlias(network))])],
      links: links.filter(isFlannelLink).map(({ name }) => name),
      networks: EVERYWHERE,
      isUnmarkedOurs: served.length === 0 ? undefined : (route) => areOurs.some((isOurs) => isOurs(route)),
    },
    networks: [...new Set(networks)],
    lookAlikes: links.filter(
      (link) => isNamedLikeFlannels(link) && !isFlannelLink(link) && servedBy(link.alias ?? '') === undefined,
    ),
  }
}

/** The routes of one network that bear no mark and are flanneld's. It may have leased any subnet of it. */
function unmarkedOf({ network, subnet }: ServedNetwork): NonNullable<OwnershipScope['isUnmarkedOurs']> {
  const base = network.slice(0, network.indexOf('/'))
  const length = parseCidr(subnet)?.length
  const config =
    familyOf(network) === 4
      ? { Network: network, SubnetLen: length, SubnetMin: base }
      : {
          EnableIPv4: false,
          EnableIPv6: true,
          IPv6Network: network,
          IPv6SubnetLen: length,
          IPv6SubnetMin: base,
        }
  const own = canonicalCidr(subnet)
  const isPeers = peersOf(config)
  return (route) =>
    isPeers(route) ||
    (route.type === 'blackhole' && route.table === RT_TABLE_MAIN && route.destination === own)
}

function peersOf(config: object): ReturnType<typeof isPeerRoute> {
  try {
    return isPeerRoute(parseNetworkConfig(config), [])
  } catch {
    // The network of a subnet.env that no config could have.
    return () => false
  }
}

/** Drivers, one for each kind, and which of what they hold is meant. */
export interface HeldState {
  /** They are read and written, and not disposed of. */
  readonly drivers: readonly Driver[]
  /** Which of what the drivers hold is meant. */
  readonly scope: OwnershipScope
}

/**
 * The deletions that leave nothing of it, in the order in which they are carried out; changes nothing. Rejects as the
 * `snapshot` of a driver does.
 */
export async function planRemoval(
  held: HeldState,
  options: AbortOptions = {},
): Promise<readonly Operation[]> {
  const reconciler = reconcilerOf(held)
  reconciler.openGate()
  return reconciler.plan(options)
}

/**
 * Removes all of it that can be removed, as `overlay.stop({ cleanup: true })` does, and returns an error for each thing that
 * could not. Rejects only if the signal aborts. Disposes of no driver.
 */
export async function removeHeld(
  held: HeldState,
  options: AbortOptions = {},
): Promise<readonly OverlayError[]> {
  const reconciler = reconcilerOf(held)
  try {
    await reconciler.removeAll(options)
    return []
  } catch (error) {
    options.signal?.throwIfAborted()
    const failed = reconciler.status.failures.map((failure) => failure.error)
    return failed.length > 0 ? failed : [OverlayError.from(error, 'DRIVER_REFUSED', 'removing what is left')]
  }
}

const DAY_MS = 24 * 60 * 60 * 1000

const reconcilerOf = ({ drivers, scope }: HeldState): Reconciler =>
  new Reconciler({
    drivers,
    scope: () => scope,
    clock: systemClock,
    random: Math.random,
    resyncIntervalMs: DAY_MS,
  })
