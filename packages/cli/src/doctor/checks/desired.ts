import { describeResource, type ResourceEntry } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'
import type { FdbResource, NeighbourResource, RouteResource } from '@selvedge/core/kit'
import { isRoute } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import { type Check, fatal, warning } from '../finding.js'
import { desiredOf } from './known.js'

/** What is desired here, entry by entry: the agent's answer, or, without an agent, what one with these flags would write. */

const MAX_SHOWN = 3

const missing = (name: string, kind: string | undefined, title: string): Check => ({
  id: `kernel.${name}`,
  title,
  find: (facts) => {
    const all = (desiredOf(facts)?.entries ?? []).filter(
      ({ state, resource }) => state !== 'stale' && isOfKind(resource, kind),
    )
    const absent = all.filter((entry) => entry.state === 'missing' && !isOnlyDown(entry))
    if (absent.length === 0) return []
    const count = absent.length === 1 ? '' : `${absent.length} of ${all.length}, such as: `
    const shown = absent.slice(0, MAX_SHOWN).map(describeMissing).join('; ')
    return [fatal(`${count}${shown}`, rewrite(facts))]
  },
})

/** Kinds that have a check of their own; what else drivers write has one together. */
const KINDS = ['link', 'address', 'route', 'neighbour', 'fdb', 'ruleset']

const isOfKind = ({ kind }: Resource, wanted: string | undefined): boolean =>
  wanted === undefined ? !KINDS.includes(kind) : kind === wanted

export const desiredChecks: readonly Check[] = [
  missing('device-missing', 'link', 'the device of the backend is there, as the backend makes it'),
  missing('address-missing', 'address', 'the device of the backend has its address'),
  missing('route-missing', 'route', 'there is a route to each peer'),
  missing('neighbour-missing', 'neighbour', 'there is a neighbour entry for each peer, with its MAC address'),
  missing('fdb-missing', 'fdb', 'there is an fdb entry for each peer, with its address'),
  missing('rules-missing', 'ruleset', 'the traffic rules are there'),
  missing('entry-missing', undefined, 'what else the backend writes is there, such as IPsec policies'),
  {
    id: 'kernel.stale-entry',
    title: 'no route, neighbour or fdb entry of a lease that ended is left',
    find: (facts) => {
      const stale = (desiredOf(facts)?.entries ?? []).filter(
        ({ state, resource }) => state === 'stale' && ['route', 'neighbour', 'fdb'].includes(resource.kind),
      )
      if (stale.length === 0) return []
      const shown = stale.slice(0, MAX_SHOWN)
      const count = stale.length === 1 ? '' : `${stale.length} entries, such as: `
      const texts = shown.map(({ resource }) => `${resource.kind} ${describeResource(resource)}`)
      const { page } = facts.agent?.state === 'answers' ? facts.agent : {}
      return [
        warning(
          `${count}${texts.join('; ')} belongs to no lease`,
          page === undefined && stale.length <= MAX_SHOWN
            ? shown.map(({ resource }) => deletion(resource)).join('; ')
            : rewrite(facts),
        ),
      ]
    },
  },
]

/** Down, and as desired else, is a finding of its own. */
function isOnlyDown({ resource, actual }: ResourceEntry): boolean {
  return resource.kind === 'link' && actual !== undefined && differences(resource, actual).join() === 'up'
}

function describeMissing({ resource, actual, owners }: ResourceEntry): string {
  const forWhom = owners.length === 0 ? '' : `, for ${owners[0]}`
  const what = `${resource.kind} ${resource.kind === 'ruleset' ? resource.key : describeResource(resource)}`
  if (actual === undefined) return `${what} is missing${forWhom}`
  if (resource.kind === 'command' && Reflect.get(actual, 'done') === false)
    return `${what} has begun, and not succeeded${forWhom}`
  const values = differences(resource, actual).map(
    (name) => `${name} is ${JSON.stringify(Reflect.get(actual, name))}`,
  )
  const shown = resource.kind === 'ruleset' || values.length === 0 ? '' : `: ${values.join(', ')}`
  return `${what} differs${shown}${forWhom}`
}

/** Of those that are desired; an actual resource may have more. */
function differences(resource: Resource, actual: Resource): readonly string[] {
  return Object.entries(resource).flatMap(([name, value]) =>
    value === undefined || JSON.stringify(value) === JSON.stringify(Reflect.get(actual, name)) ? [] : [name],
  )
}

const rewrite = ({ agent }: Facts): string =>
  agent?.state === 'absent'
    ? 'start the agent, which writes it: systemctl start selvedged'
    : 'restart the agent, which writes it again, and look in its log for what kept it: systemctl restart selvedged'

function deletion(resource: Resource): string {
  if (isRoute(resource)) return routeDeletion(resource)
  if (resource.kind === 'neighbour') {
    const { address, link } = resource as NeighbourResource
    return `ip neighbour delete ${address} dev ${link}`
  }
  const { macAddress, link, destination } = resource as FdbResource
  return `bridge fdb delete ${macAddress} dev ${link} dst ${destination}`
}

/** `ip route delete …` */
export function routeDeletion({ destination, type, gateway, device, table, metric }: RouteResource): string {
  const isIpv6 = destination.includes(':')
  const words = [
    isIpv6 ? 'ip -6 route delete' : 'ip route delete',
    type === 'unicast' ? '' : type,
    destination,
    gateway === undefined ? '' : `via ${gateway}`,
    device === undefined ? '' : `dev ${device}`,
    table === 254 ? '' : `table ${table}`,
    metric === 0 || isIpv6 ? '' : `metric ${metric}`,
  ]
  return words.filter((word) => word !== '').join(' ')
}
