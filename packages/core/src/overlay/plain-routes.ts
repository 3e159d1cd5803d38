import type { Backend } from '../contract/backend.js'
import type { BackendLoader } from '../contract/backend-loader.js'
import type { Driver, OwnershipScope, UnmarkedRoute } from '../contract/driver.js'
import { isRoute, type RouteResource, RT_TABLE_MAIN } from '../contract/resource.js'
import type { FamilyNetwork, NetworkConfig } from '../lease/network-config.js'
import { type Cidr, lastAddress, parseCidr } from '../net/cidr.js'
import type { AbortOptions } from '../util/abort.js'
import { OverlayError } from '../util/errors.js'
import { networkBlackhole } from './blackhole-route.js'
import { leftoverScope, networksOf } from './ownership.js'

/*
 * With a backend that encrypts, no packet of the network's may leave in plain. An earlier backend leaves a route to each
 * peer, which is longer than the encrypting one's to the whole network, and beats it.
 *
 * What an overlay has left is known by its route protocol. flanneld's routes have none of their own, nor have those that
 * an extension's commands write: they are known by what they are.
 */

/**
 * Which routes without a mark count as an earlier agent's: those that lead by a gateway to a subnet of which only a node
 * can be the holder. One to a part of a subnet, or outside the range that is leased, is an operator's.
 *
 * @param subnets of this node, now or before: where subnets are assigned, their length alone says how long all are
 */
export function isPeerRoute(
  { ipv4, ipv6 }: NetworkConfig,
  subnets: readonly (string | undefined)[],
): (route: UnmarkedRoute) => boolean {
  const own = subnets.flatMap((subnet) => (subnet === undefined ? [] : (parseCidr(subnet) ?? [])))
  const ranges = [ipv4, ipv6].flatMap((network) => (network === undefined ? [] : rangeOf(network, own)))
  return ({ type, destination, table, gateway }) => {
    if (type !== 'unicast' || table !== RT_TABLE_MAIN || gateway === undefined) return false
    const cidr = parseCidr(destination)
    return cidr !== undefined && ranges.some((range) => isLeasable(cidr, range))
  }
}

/** The subnets that a node may hold. */
interface LeasedRange {
  readonly first: Cidr
  readonly end: bigint
  readonly lengths: readonly number[]
}

function rangeOf(
  { subnetLength, subnetMin, subnetMax }: FamilyNetwork,
  own: readonly Cidr[],
): readonly LeasedRange[] {
  const first = parseCidr(`${subnetMin}/${subnetLength}`)
  const last = parseCidr(`${subnetMax}/${subnetLength}`)
  if (first === undefined || last === undefined) return []
  const lengths = own.filter(({ family }) => family === first.family).map(({ length }) => length)
  return [{ first, end: lastAddress(last), lengths: [subnetLength, ...lengths] }]
}

const isLeasable = (cidr: Cidr, { first, end, lengths }: LeasedRange): boolean =>
  cidr.family === first.family &&
  lengths.includes(cidr.length) &&
  cidr.base >= first.base &&
  lastAddress(cidr) <= end

export interface PlainRoutes {
  readonly config: NetworkConfig
  /** The one that the config names. */
  readonly backend: Pick<Backend | BackendLoader, 'type'> & {
    readonly sendsPlain?:
      | ((route: RouteResource, config: NetworkConfig) => boolean | Promise<boolean>)
      | undefined
  }
  readonly drivers: readonly Driver[]
  readonly formerNetworks: readonly string[]
  /** As for `isPeerRoute`. */
  readonly subnets: readonly (string | undefined)[]
  readonly onWarning: (text: string) => void
  readonly onError: (error: OverlayError) => void
}

/** How many routes a warning names. */
const MAX_NAMED = 3

/**
 * For a start that failed: if the backend encrypts, removes the routes by which packets leave in plain, and has the
 * network's packets dropped until it has started. Without such routes it changes nothing: what an earlier run of the same
 * backend has left goes on. Rejects only if the signal aborts.
 */
export async function blockPlainRoutes(blocked: PlainRoutes, options: AbortOptions): Promise<void> {
  const { config, backend, drivers, formerNetworks, subnets, onWarning, onError } = blocked
  if (backend.sendsPlain === undefined) return
  const isUnmarkedOurs = isPeerRoute(config, subnets)
  const scope = leftoverScope({ config, formerNetworks, isUnmarkedOurs })
  try {
    for (const driver of drivers.filter(({ kinds }) => kinds.includes('route'))) {
      const plain = await plainRoutesOf(driver, blocked, scope, options)
      if (plain.length === 0) continue
      await replaceByBlackholes(driver, networksOf(config), plain, options)
      onWarning(
        `the backend ${backend.type} encrypts, and has not started. Routes by which packets left unencrypted are ` +
          `removed (${namesOf(plain)}): packets into ${networksOf(config).join(' and ')} are dropped until it starts`,
      )
    }
  } catch (thrown) {
    options.signal?.throwIfAborted()
    onError(OverlayError.from(thrown, 'DRIVER_REFUSED', 'removing routes by which packets leave unencrypted'))
  }
}

async function plainRoutesOf(
  driver: Driver,
  { config, backend: { sendsPlain = () => false } }: PlainRoutes,
  scope: OwnershipScope,
  options: AbortOptions,
): Promise<readonly RouteResource[]> {
  const plain: RouteResource[] = []
  for (const resource of await driver.snapshot(scope, options)) {
    if (isRoute(resource) && (await sendsPlain(resource, config))) plain.push(resource)
  }
  return plain
}

/** In this order, so that no packet finds the default route in between. */
async function replaceByBlackholes(
  driver: Driver,
  networks: readonly string[],
  plain: readonly RouteResource[],
  options: AbortOptions,
): Promise<void> {
  const puts = networks.map((network) => ({ type: 'put' as const, resource: networkBlackhole(network) }))
  const deletes = plain.map((resource) => ({ type: 'delete' as const, resource }))
  for (const operations of [puts, deletes]) {
    for (const result of await driver.apply(operations, options)) if (!result.ok) throw result.error
  }
}

function namesOf(routes: readonly RouteResource[]): string {
  const named = routes.slice(0, MAX_NAMED).map(({ destination }) => destination)
  const others = routes.length - named.length
  return others === 0 ? named.join(', ') : `${named.join(', ')} and ${others} more`
}
