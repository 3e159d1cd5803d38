import type { StatusPage } from '@selvedge/agent'
import type { Facts } from '../facts/facts.js'
import type { LinkFact } from '../facts/network.js'

/** What several checks ask of the facts. */

export const pageOf = ({ agent }: Facts): StatusPage | undefined =>
  agent?.state === 'answers' ? agent.page : undefined

export const nodeOf = (facts: Facts): StatusPage['node'] => pageOf(facts)?.node

/** In force, or else that of the store's config. */
export function backendOf(facts: Facts): string | undefined {
  const { store } = facts
  const inForce = nodeOf(facts)?.backend
  if (inForce !== undefined || store?.state !== 'answers' || store.config === undefined) return inForce
  const [, type] = /"Type"\s*:\s*"([a-z-]+)"/i.exec(store.config) ?? []
  return type
}

export const hasIpv4 = (facts: Facts): boolean => nodeOf(facts)?.lease.subnet !== undefined
export const hasIpv6 = (facts: Facts): boolean => nodeOf(facts)?.lease.ipv6Subnet !== undefined

/** The networks of the config in force, or of the store's. */
export function networksOf(facts: Facts): readonly string[] {
  const inForce = pageOf(facts)?.config?.inForce
  const { Network, IPv6Network, EnableIPv4, EnableIPv6 } = Object(inForce)
  const named = [EnableIPv4 === false ? undefined : Network, EnableIPv6 === true ? IPv6Network : undefined]
  const texts = named.filter((text): text is string => typeof text === 'string')
  if (texts.length > 0) return texts
  return facts.store?.state === 'answers' ? facts.store.networks : []
}

/** The interface that packets to peers leave by. */
export function externalOf(facts: Facts): LinkFact | undefined {
  const name = nodeOf(facts)?.externalInterface.name
  return facts.network?.links.find(({ ifname }) => ifname === name)
}

/** Those of the host that are not link-local. */
export const hostAddresses = ({ network }: Facts): ReadonlySet<string> =>
  new Set((network?.links ?? []).flatMap(({ addr_info }) => addr_info.map(({ local }) => local)))
