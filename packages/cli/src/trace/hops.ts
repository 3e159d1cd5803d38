import { describeResource, type KnownLease, type ResourceEntry } from '@selvedge/agent'
import type { LinkResource, RouteResource } from '@selvedge/core/kit'
import type { LinkAnswer, RouteAnswer } from '@selvedge/dataplane-linux'
import type { AskedNeighbour, AskedUnderlay, TraceFacts } from './facts.js'
import type { Hop } from './hop.js'
import { tunnelHops } from './tunnel-hops.js'
import { type Owner, type Wanted, wantedOf } from './wanted.js'

export interface Trace {
  readonly owner: Owner
  readonly lease?: KnownLease | undefined
  readonly hops: readonly Hop[]
}

export function traceOf(facts: TraceFacts): Trace {
  const { asked, destination, desired } = facts
  const wanted = wantedOf(destination, desired)
  const { owner, lease } = wanted
  const hops: Hop[] = [routeHop(asked, wanted)]
  if (asked.link !== undefined) hops.push(linkHop('device', asked.link, wanted))
  if (asked.neighbour !== undefined) hops.push(neighbourHop(asked.neighbour, wanted))
  if (asked.fdb !== undefined) hops.push(fdbHop(asked.fdb, wanted))
  for (const hop of tunnelHops(facts, wanted)) hops.push(hop)
  if (asked.underlay !== undefined) for (const hop of underlayHops(asked.underlay, wanted)) hops.push(hop)
  return { owner, lease, hops }
}

export const differs = ({ hops }: Trace): boolean => hops.some(({ verdict }) => verdict === 'differs')

function routeHop({ route: answer, link }: TraceFacts['asked'], wanted: Wanted): Hop {
  const { isKnown, route, links, owner } = wanted
  const step = 'route'
  const kernel = routeText(answer)
  if (!isKnown) return { step, kernel, verdict: 'unsaid' }
  if (route?.type === 'blackhole' && owner === 'pod') {
    // It is behind all others: charon routes each peer's subnet, in a table of its own.
    const leases = "a route of charon's into its device, and behind it a blackhole"
    return { step, kernel, leases, verdict: verdictOf(answer.type === 'unicast' && link?.type === 'tun') }
  }
  if (route !== undefined) {
    return { step, kernel, leases: describeResource(route), verdict: verdictOf(isRoute(answer, route)) }
  }
  const isThroughOverlay = answer.device !== undefined && links.has(answer.device)
  switch (owner) {
    case 'own pod': {
      const isFine = answer.error === undefined && !isThroughOverlay && answer.type !== 'blackhole'
      // Every host has a default route: a pod is reached by one of its own subnet.
      const isDefault = answer.destination?.endsWith('/0') === true
      return {
        step,
        kernel,
        leases: "a route of this node's pods, not of the overlay",
        verdict: verdictOf(isFine && !isDefault),
      }
    }
    case 'own host':
      return { step, kernel, leases: 'an address of this host', verdict: verdictOf(answer.type === 'local') }
    case 'pod':
      return { step, kernel, ...unrouted(wanted) }
    case 'no lease':
      return { step, kernel, leases: 'no lease, no route', verdict: verdictOf(!isThroughOverlay) }
    default:
      return { step, kernel, leases: 'not through the overlay', verdict: verdictOf(!isThroughOverlay) }
  }
}

/** Backends that make no routes: commands of an operator, a cloud or nobody does. */
const ROUTELESS = ['alloc', 'extension', 'tencent-vpc']

/** What is said of a peer without a route of the overlay. */
function unrouted({ entries, lease, backend = '' }: Wanted): Pick<Hop, 'leases' | 'verdict'> {
  const hasEntries = lease !== undefined && entries.some(({ owners }) => owners.includes(lease.key))
  if (hasEntries || (ROUTELESS.includes(backend) && lease?.backendType === backend)) {
    return { leases: `the backend ${backend} itself makes no routes`, verdict: 'unsaid' }
  }
  return { leases: "none: the lease is refused, and the agent's log says why", verdict: 'differs' }
}

/** A blackhole answers with an error, EINVAL for IPv4. */
function isRoute(answer: RouteAnswer, route: RouteResource): boolean {
  if (route.type === 'blackhole') return answer.type === 'blackhole' || answer.error !== undefined
  return (
    answer.type === 'unicast' &&
    answer.destination === route.destination &&
    answer.device === route.device &&
    answer.gateway === route.gateway &&
    answer.onLink === route.onLink &&
    answer.isMultipath !== true
  )
}

function linkHop(step: string, answer: LinkAnswer, { links }: Wanted): Hop {
  const { name, type, mtu, up, carrier, settings } = answer
  const remote =
    settings?.remote === undefined || settings.remote === '0.0.0.0' ? '' : ` to ${settings.remote}`
  const state =
    up && !carrier ? `up, but ${type === 'tun' ? 'no process holds it' : 'no carrier'}` : up ? 'up' : 'down'
  const kernel = `${name} ${type ?? 'hardware'}${remote} mtu ${mtu} ${state}`
  const isFine = up && carrier
  const entry = links.get(name)
  if (entry === undefined) {
    return isFine ? { step, kernel, verdict: 'unsaid' } : { step, kernel, verdict: 'differs', leases: 'up' }
  }
  const link = entry.resource as LinkResource
  // Its settings were compared where they were read.
  const isSame =
    isFine === link.up && mtu === (link.mtu ?? mtu) && type === link.type && entry.state === 'held'
  return { step, kernel, leases: describeResource(link), verdict: verdictOf(isSame) }
}

function neighbourHop(
  { link, address, answer }: AskedNeighbour,
  { entries }: Wanted,
  step = 'neighbour',
): Hop {
  const kernel =
    answer === undefined
      ? `${address} dev ${link}: no entry yet`
      : `${address} lladdr ${answer.macAddress ?? '-'} dev ${link} ${answer.state}`
  const wanted = entries.find(({ resource }) => isEntry(resource, 'neighbour', { link, address }))
  if (wanted === undefined) return { step, kernel, verdict: 'unsaid' }
  const isSame =
    answer?.state === 'permanent' && answer.macAddress === Reflect.get(wanted.resource, 'macAddress')
  return { step, kernel, leases: describeResource(wanted.resource), verdict: verdictOf(isSame) }
}

function fdbHop(
  { macAddress, answer }: { readonly macAddress: string; readonly answer: readonly string[] },
  { entries, lease }: Wanted,
): Hop {
  const kernel = answer.length === 0 ? `${macAddress}: no entry` : `${macAddress} dst ${answer.join(', ')}`
  const wanted = entries.find(
    ({ resource, owners }) =>
      isEntry(resource, 'fdb', { macAddress }) && (lease === undefined || owners.includes(lease.key)),
  )
  if (wanted === undefined) {
    const leases = lease === undefined ? undefined : 'no such entry'
    return { step: 'fdb', kernel, leases, verdict: lease === undefined ? 'unsaid' : 'differs' }
  }
  const isSame = answer.length === 1 && answer[0] === Reflect.get(wanted.resource, 'destination')
  return { step: 'fdb', kernel, leases: describeResource(wanted.resource), verdict: verdictOf(isSame) }
}

function underlayHops({ address, route, link, neighbour }: AskedUnderlay, wanted: Wanted): readonly Hop[] {
  const { links, isKnown } = wanted
  const isThroughOverlay = route.device !== undefined && links.has(route.device)
  const isFine = route.error === undefined && route.type === 'unicast' && !isThroughOverlay
  return [
    {
      step: 'underlay route',
      kernel: `to ${address}: ${routeText(route)}`,
      leases: isKnown ? 'a route outside of the overlay' : undefined,
      verdict: isKnown || !isFine ? verdictOf(isFine) : 'unsaid',
    },
    ...(link === undefined ? [] : [linkHop('underlay device', link, wanted)]),
    ...(neighbour === undefined ? [] : [neighbourHop(neighbour, wanted, 'underlay neighbour')]),
  ]
}

const isEntry = (
  resource: ResourceEntry['resource'],
  kind: string,
  fields: Readonly<Record<string, string>>,
): boolean =>
  resource.kind === kind &&
  Object.entries(fields).every(([name, value]) => Reflect.get(resource, name) === value)

function routeText(answer: RouteAnswer): string {
  const { type, error, destination, table, protocol, device, gateway, onLink, source, isMultipath } = answer
  if (error !== undefined) return `none: ${error}`
  const via = gateway === undefined ? '' : ` via ${gateway}`
  const on = device === undefined ? '' : ` dev ${device}`
  const table_ = table === undefined ? '' : ` table ${TABLES[table] ?? table}`
  const rest = [
    onLink === true && ' onlink',
    source && ` src ${source}`,
    isMultipath === true && ', one of several paths',
  ]
  return `${type === 'unicast' ? '' : `${type} `}${destination}${via}${on}${table_} proto ${protocol}${rest.filter(Boolean).join('')}`
}

const TABLES: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' }

const verdictOf = (isSame: boolean): Hop['verdict'] => (isSame ? 'same' : 'differs')
