import { hostAddress } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import { type Check, warning } from '../finding.js'
import { backendOf, hostAddresses, pageOf, portOf } from './known.js'

const MAX_SHOWN = 3

export const natChecks: readonly Check[] = [
  {
    id: 'path.nat',
    title: 'packets of peers come from the addresses that they publish, and no NAT is between the hosts',
    find: (facts) => [...byEndpoint(facts), ...byArrival(facts)],
  },
]

const remedy = (seen: string, port: number | undefined): string =>
  `have that host publish the address that others see, selvedged --public-ip=${seen}, and the NAT forward UDP port ${port} to it; if the NAT changes ports, only wireguard gets through, with "PersistentKeepaliveInterval": 25 in the Backend section of the config`

/** WireGuard itself keeps where a peer's last packet came from. */
function byEndpoint(facts: Facts) {
  const port = portOf(facts)
  const astray = (pageOf(facts)?.peers ?? []).flatMap(({ subnet, ipv6Subnet, publicIp, publicIpv6 }) => {
    const shake = facts.shaken.find(({ allowedIps }) =>
      [subnet, ipv6Subnet].some((each) => each !== undefined && allowedIps.includes(each)),
    )
    const [, address = ''] = /^\[?([0-9a-f.:]+?)\]?:\d+$/.exec(shake?.endpoint ?? '') ?? []
    const seen = hostAddress(address)
    // Without a handshake it is where this host sends to, as published.
    if (seen === undefined || shake?.at === undefined) return []
    if (seen === publicIp || seen === publicIpv6) return []
    return [
      { seen, what: `${subnet ?? ipv6Subnet} publishes ${publicIp ?? publicIpv6}, and sends from ${seen}` },
    ]
  })
  const [first] = astray
  if (first === undefined) return []
  const shown = astray.slice(0, MAX_SHOWN).map(({ what }) => what)
  return [
    warning(
      `a NAT is between this host and ${astray.length === 1 ? 'a peer' : `${astray.length} peers`}: ${shown.join('; ')}`,
      remedy(first.seen, port),
    ),
  ]
}

/**
 * For other backends: packets come from an address that no lease publishes, and none from a peer's own, though it was tried just
 * now. Either alone says nothing: hosts of the Internet send to every port, and a host may be off.
 */
function byArrival(facts: Facts) {
  const { flows, paths } = facts
  if (flows.length === 0 || backendOf(facts) === 'wireguard') return []
  const own = hostAddresses(facts)
  const arrivals = new Set([
    ...flows.flatMap(({ source, destination }) => (own.has(destination) ? [source] : [])),
    ...flows.flatMap(({ source, destination, isAnswered }) =>
      own.has(source) && isAnswered ? [destination] : [],
    ),
  ])
  const published = new Set([
    ...(facts.store?.state === 'answers' ? facts.store.leases.map(({ publicIp }) => publicIp) : []),
    ...(pageOf(facts)?.peers ?? []).flatMap(({ publicIp, publicIpv6 }) => [publicIp, publicIpv6]),
  ])
  const strangers = [...arrivals].filter((address) => !own.has(address) && !published.has(address))
  const silent = paths.tried.filter(({ publicIp }) => !arrivals.has(publicIp))
  const [seen] = strangers
  if (seen === undefined || silent.length === 0) return []
  const peers = silent.slice(0, MAX_SHOWN).map(({ subnet, publicIp }) => `${subnet} (${publicIp})`)
  const port = portOf(facts)
  return [
    warning(
      `packets to UDP port ${port} come from ${strangers.slice(0, MAX_SHOWN).join(', ')}, which no lease publishes, and none from ${peers.join(', ')}: a NAT may be between the hosts`,
      remedy(seen, port),
    ),
  ]
}
