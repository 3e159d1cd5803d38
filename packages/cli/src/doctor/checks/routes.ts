import {
  containsAddress,
  isRoute,
  overlaps,
  parseCidr,
  type RouteResource,
  requireCidr,
} from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import type { RouteFact } from '../facts/network.js'
import { addressIn } from '../facts/ways.js'
import { type Check, type Finding, fatal, warning } from '../finding.js'
import { backendOf, desiredOf, externalOf, networksOf, nodeOf, pageOf } from './known.js'

/** Backends whose packets nobody between the hosts can read. */
const ENCRYPTED = ['wireguard', 'ipsec']

const MAX_SHOWN = 3

export const routeChecks: readonly Check[] = [
  {
    id: 'kernel.foreign-route',
    title: 'no other route takes packets out of the network',
    find: foreignRoutes,
  },
  {
    id: 'kernel.route-elsewhere',
    title: 'packets to peers leave by the device of their routes, whatever policy rules there are',
    find: (facts) => {
      const page = desiredOf(facts)
      // A foreign route is a cause that has been named.
      if (page === undefined || foreignRoutes(facts).length > 0) return []
      const routes = page.entries.flatMap(({ state, resource }) =>
        state === 'held' && isRoute(resource) && resource.type === 'unicast' ? [resource] : [],
      )
      const exact = new Map(routes.map((route) => [route.destination, route]))
      const subnets = new Set(page.leases.flatMap(({ subnet, ipv6Subnet }) => [subnet, ipv6Subnet]))
      const whole = routes.filter(({ destination }) => !subnets.has(destination))
      const astray = page.leases.flatMap(({ key, subnet, ipv6Subnet }) =>
        (key === page.own ? [] : [subnet, ipv6Subnet]).flatMap((text) => {
          if (text === undefined) return []
          const address = addressIn(text)
          const way = facts.ways.get(address)
          if (way === undefined) return []
          const device = (exact.get(text) ?? mostSpecific(whole, address))?.device
          return device === undefined || way.device === device ? [] : [{ address, way, device, lease: key }]
        }),
      )
      const [first] = astray
      if (first === undefined) return []
      const to = first.way.device === undefined ? `nowhere (${first.way.problem})` : `by ${first.way.device}`
      const plain =
        first.way.device === externalOf(facts)?.ifname && ENCRYPTED.includes(backendOf(facts) ?? '')
          ? ', and in plain text'
          : ''
      return [
        fatal(
          `packets to ${astray.length} peers, such as ${first.address} (${first.lease}), go ${to}${plain}, and not by ${first.device}: a policy rule, or a rule's table, comes first`,
          `find it (ip rule; ip route get ${first.address}), and remove it: ip rule delete …`,
        ),
      ]
    },
  },
  {
    id: 'host.rp-filter',
    title: 'strict reverse path filtering drops nothing that comes from peers',
    find: (facts) => {
      const page = desiredOf(facts)
      const external = externalOf(facts)?.ifname
      if (page === undefined || external === undefined || !isStrict(facts, external)) return []
      const astray = page.leases.flatMap(({ key, publicIp }) => {
        const device =
          publicIp === undefined || key === page.own ? undefined : facts.ways.get(publicIp)?.device
        return device === undefined || device === external ? [] : [`${publicIp} (${key}) by ${device}`]
      })
      if (astray.length === 0) return []
      return [
        fatal(
          `reverse path filtering of ${external} is strict, and packets to ${astray.length} peers leave elsewhere, such as ${astray.slice(0, MAX_SHOWN).join(', ')}: what they send to ${external} is dropped`,
          `sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.${external.replaceAll('.', '/')}.rp_filter=2`,
        ),
      ]
    },
  },
]

/** The route that a packet meets, of these alone. */
function mostSpecific(routes: readonly RouteResource[], address: string): RouteResource | undefined {
  return routes
    .filter(({ destination }) => containsAddress(destination, address))
    .sort((a, b) => requireCidr(b.destination).length - requireCidr(a.destination).length)[0]
}

/** The kernel takes the greater of the two: 1 is strict, 2 loose (Documentation/networking/ip-sysctl.rst). */
function isStrict({ sysctls }: Facts, link: string): boolean {
  const [all, own] = ['all', link].map((name) => Number(sysctls.get(`net/ipv4/conf/${name}/rp_filter`) ?? 0))
  return Math.max(all ?? 0, own ?? 0) === 1
}

function foreignRoutes(facts: Facts): readonly Omit<Finding, 'id'>[] {
  const networks = networksOf(facts).flatMap((text) => parseCidr(text) ?? [])
  const page = desiredOf(facts)
  const all = page?.leases.filter(({ key }) => key !== page.own) ?? pageOf(facts)?.peers ?? []
  const peers = all.flatMap(({ subnet, ipv6Subnet }) =>
    [subnet, ipv6Subnet].filter((text) => text !== undefined),
  )
  const own = nodeOf(facts)?.lease ?? page?.leases.find(({ key }) => key === page.own)
  const ownSubnets = [own?.subnet, own?.ipv6Subnet].filter((subnet) => subnet !== undefined)
  const desired = new Set(
    page?.entries.flatMap(({ resource }) => (isRoute(resource) ? [resource.destination] : [])),
  )
  return (facts.network?.routes ?? []).flatMap((route) => {
    const { dst, dev, gateway, protocol, type = 'unicast', table = 'main' } = route
    if (table !== 'main' || !['unicast', 'blackhole', 'unreachable', 'prohibit'].includes(type)) return []
    if (/^(?:flannel|cni|veth)/.test(dev ?? '')) return []
    const text = cidrText(dst)
    const cidr = parseCidr(text)
    if (cidr === undefined) return []
    const isInside = networks.some(
      (network) => network.family === cidr.family && network.length <= cidr.length && overlaps(network, cidr),
    )
    const [base = ''] = dst.split('/')
    if (!isInside || desired.has(text) || ownSubnets.some((subnet) => containsAddress(subnet, base)))
      return []
    // By host-gw, and DirectRouting, peers' subnets have plain routes, and a gateway each.
    if (gateway !== undefined && peers.includes(text)) return []
    const holder = peers.find((subnet) => containsAddress(subnet, base))
    const where = type === 'unicast' ? `${gateway === undefined ? '' : ` via ${gateway}`} dev ${dev}` : ''
    return [
      (holder === undefined ? warning : fatal)(
        `the ${type === 'unicast' ? '' : `${type} `}route ${dst}${where} (protocol ${protocol ?? '?'}) is not the agent's, and takes packets ${holder === undefined ? 'out of the network' : `for ${holder}`}`,
        deletion(route),
      ),
    ]
  })
}

const cidrText = (dst: string): string => (dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`)

function deletion({ dst, dev, gateway, type = 'unicast' }: RouteFact): string {
  const words = ['ip', dst.includes(':') ? '-6' : '', 'route delete', type === 'unicast' ? '' : type, dst]
  if (gateway !== undefined) words.push('via', gateway)
  if (dev !== undefined && type === 'unicast') words.push('dev', dev)
  return words.filter((word) => word !== '').join(' ')
}
