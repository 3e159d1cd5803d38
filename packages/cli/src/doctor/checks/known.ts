import type { KnownLease, ResourcesPage, StatusPage } from '@selvedge/agent'
import type { Facts } from '../facts/facts.js'
import type { LinkFact } from '../facts/network.js'

/** What several checks ask of the facts. */

/** What agent, store and command line say of the network. */
export type Known = Pick<Facts, 'agent' | 'store' | 'asked'>

export const pageOf = ({ agent }: Pick<Facts, 'agent'>): StatusPage | undefined =>
  agent?.state === 'answers' ? agent.page : undefined

export const nodeOf = (facts: Pick<Facts, 'agent'>): StatusPage['node'] => pageOf(facts)?.node

/** In force, or else that of the store's config, or the one that was asked about. */
export function backendOf(facts: Known): string | undefined {
  const { agent, store, asked } = facts
  if (agent?.state === 'answers' && agent.page.node !== undefined)
    return agent.page.node.backend.toLowerCase()
  return (store?.state === 'answers' ? store.backend : undefined) ?? asked.backend
}

/** What is desired here, and found of it; undefined if nobody says. */
export const desiredOf = ({ desired }: Facts): ResourcesPage | undefined =>
  desired === undefined || desired.source === 'none' ? undefined : desired.page

export const hasIpv4 = (facts: Known): boolean => networksOf(facts).some((network) => !network.includes(':'))
export const hasIpv6 = (facts: Known): boolean => networksOf(facts).some((network) => network.includes(':'))

/** The networks of the config in force, or of the store's. */
export function networksOf(facts: Known): readonly string[] {
  const inForce = pageOf(facts)?.config?.inForce
  const { Network, IPv6Network, EnableIPv4, EnableIPv6 } = Object(inForce)
  const named = [EnableIPv4 === false ? undefined : Network, EnableIPv6 === true ? IPv6Network : undefined]
  const texts = named.filter((text): text is string => typeof text === 'string')
  if (texts.length > 0) return texts
  const stored = facts.store?.state === 'answers' ? facts.store.networks : []
  return stored.length > 0 ? stored : facts.asked.networks
}

/** This host's lease: the agent's, or the one that an agent would keep. */
export function ownLease(facts: Facts): KnownLease | undefined {
  const page = desiredOf(facts)
  return nodeOf(facts)?.lease ?? page?.leases.find(({ key }) => key === page.own)
}

/** Of pods, in bytes. */
export const mtuOf = (facts: Facts): number | undefined => nodeOf(facts)?.mtu ?? desiredOf(facts)?.mtu

/** The interface that packets to peers leave by. */
export function externalOf(facts: Facts): LinkFact | undefined {
  const { external } = facts.driver
  const planned = desiredOf(facts)?.externalInterface ?? ('name' in external ? external.name : undefined)
  const name = nodeOf(facts)?.externalInterface.name ?? planned
  return facts.network?.links.find(({ ifname }) => ifname === name)
}

/** Those of the host that are not link-local. */
export const hostAddresses = ({ network }: Facts): ReadonlySet<string> =>
  new Set((network?.links ?? []).flatMap(({ addr_info }) => addr_info.map(({ local }) => local)))

const PORTS: Readonly<Record<string, readonly [field: string, port: number]>> = {
  vxlan: ['Port', 8472],
  udp: ['Port', 8285],
  wireguard: ['ListenPort', 51_820],
}

/** The UDP port of the backend, as configured or by default; undefined if it has none. */
export function portOf(facts: Known): number | undefined {
  const [field, port] = PORTS[backendOf(facts) ?? ''] ?? []
  const named = field === undefined ? undefined : settingOf(facts, field)
  return typeof named === 'number' && named > 0 ? named : port
}

/** A value of the Backend section in force, or else of the store's. */
export function settingOf({ agent, store }: Pick<Facts, 'agent' | 'store'>, name: string): unknown {
  const stored = store?.state === 'answers' ? store.comparable : undefined
  const config = (agent?.state === 'answers' ? agent.page.config?.inForce : undefined) ?? stored
  return Reflect.get(Object(Object(config).Backend), name)
}
