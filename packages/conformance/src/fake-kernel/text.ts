import { ROUTE_PROTOCOLS } from './routes.js'
import type { KernelState } from './state.js'
import type { LinkState, RouteState } from './types.js'

const PROTOCOL_NAMES = new Map<number, string>(
  Object.entries(ROUTE_PROTOCOLS).map(([name, number]) => [number, name]),
)

/** So that 10.244.2.0 comes before 10.244.10.0. */
const { compare } = new Intl.Collator('en', { numeric: true })

/** The whole state, a line for each thing, close to what `ip` and `bridge` print, in an order that is always the same. */
export function stateText(state: KernelState): string {
  const links = [...state.links.values()]
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`# ${title}`, ...lines.toSorted(compare)]
  return [
    ...section('link', links.map(linkText)),
    ...section('address', links.flatMap(addressLines)),
    ...section('route', [...state.routes.values()].flat().map(routeText)),
    ...section('neighbour', links.flatMap(neighbourLines)),
    ...section('fdb', links.flatMap(fdbLines)),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function linkText(link: LinkState): string {
  return words(
    link.name,
    link.up ? 'UP' : 'DOWN',
    `mtu ${link.mtu}`,
    `link/ether ${link.macAddress}`,
    link.alias === undefined ? '' : `alias ${link.alias}`,
    link.acceptRouterAdvertisements === false ? 'accept_ra 0' : '',
    link.type,
    vxlanText(link),
    ...Object.entries(link.settings ?? {}).map(([name, value]) => `${name} ${value}`),
  )
}

function vxlanText({ vxlan }: LinkState): string {
  if (vxlan === undefined) return ''
  return words(
    `id ${vxlan.vni}`,
    vxlan.local === undefined ? '' : `local ${vxlan.local}`,
    vxlan.parent === undefined ? '' : `dev ${vxlan.parent.name}`,
    `dstport ${vxlan.port}`,
    vxlan.learning ? '' : 'nolearning',
    vxlan.gbp ? 'gbp' : '',
  )
}

const addressLines = (link: LinkState): string[] =>
  [...link.addresses.keys()].map((address) => `${address} dev ${link.name}`)

function routeText(route: RouteState): string {
  const { destination, table, tos, metric, type, link, gateway, onLink, protocol } = route
  return words(
    type === 'blackhole' ? type : '',
    destinationText(destination),
    gateway === undefined ? '' : `via ${gateway}`,
    link === undefined ? '' : `dev ${link.name}`,
    table === 254 ? '' : `table ${table}`,
    tos === 0 ? '' : `tos ${tos}`,
    `proto ${PROTOCOL_NAMES.get(protocol) ?? protocol}`,
    metric === 0 ? '' : `metric ${metric}`,
    onLink ? 'onlink' : '',
  )
}

/** `ip` leaves out the length of a host's route. */
function destinationText(destination: string): string {
  if (destination === '0.0.0.0/0' || destination === '::/0') return 'default'
  return destination.replace(destination.includes(':') ? /\/128$/ : /\/32$/, '')
}

const neighbourLines = (link: LinkState): string[] =>
  [...link.neighbours.values()].map(({ address, macAddress, permanent }) =>
    words(address, `dev ${link.name}`, `lladdr ${macAddress}`, permanent ? 'PERMANENT' : 'REACHABLE'),
  )

const fdbLines = (link: LinkState): string[] =>
  [...link.fdb.values()].flatMap(({ macAddress, destinations, permanent }) =>
    destinations.map((destination) =>
      words(macAddress, `dev ${link.name}`, `dst ${destination}`, 'self', permanent ? 'permanent' : ''),
    ),
  )

const words = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(' ')
