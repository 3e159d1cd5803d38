import {
  canonicalCidr,
  containsAddress,
  isJsonObject,
  parseCidr,
  type SubnetEnvLists,
} from '@selvedge/core/kit'
import type { DelegateConfig } from '../config/delegate-config.js'
import type { JsonObject } from '../config/plugin-config.js'
import type { AttachmentState, InterfaceState } from '../node/attachment-state.js'
import type { Attachment } from '../protocol/call.js'

export interface Expected {
  readonly attachment: Attachment
  readonly node: SubnetEnvLists
  readonly config: DelegateConfig
  /** What ADD has answered. */
  readonly prevResult: JsonObject
}

/** A sentence for each thing in which an attachment differs from what ADD has made, or no longer fits the node. */
export function whatIsWrong(state: AttachmentState, expected: Expected): readonly string[] {
  const { attachment, config } = expected
  if (state.inside === undefined) return [`the interface ${attachment.ifName} is gone`]
  return [
    ...interfaceProblems(state.inside, config),
    ...addressProblems(state.inside, expected),
    ...routeProblems(state, expected),
    ...bridgeProblems(state.hostInterfaces, config),
  ]
}

function interfaceProblems(inside: InterfaceState, { mtu }: DelegateConfig): readonly string[] {
  const problems: string[] = []
  if (!inside.flags.includes('UP')) problems.push('the interface is down')
  if (typeof mtu === 'number' && inside.mtu !== mtu) {
    problems.push(`its MTU is ${inside.mtu} bytes, and not ${mtu}`)
  }
  return problems
}

function addressProblems(inside: InterfaceState, { node, prevResult }: Expected): readonly string[] {
  const problems: string[] = []
  const held = inside.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  for (const address of addressesOf(prevResult)) {
    if (!held.includes(address)) problems.push(`the address ${address} is gone`)
    const ip = address.replace(/\/.*/, '')
    const subnets = ip.includes(':') ? node.ipv6Subnets : node.subnets
    if (!subnets.some((subnet) => containsAddress(subnet, ip))) {
      problems.push(
        `the address ${ip} is outside this node's ${subnets.join(', ') || 'subnets'}: peers do not route it here`,
      )
    }
  }
  return problems
}

/** `ips` of a result is a list since 0.3.0. */
function addressesOf({ ips }: JsonObject): readonly string[] {
  if (!Array.isArray(ips)) return []
  return ips.flatMap((ip) => (isJsonObject(ip) && typeof ip.address === 'string' ? [ip.address] : []))
}

function routeProblems({ routes }: AttachmentState, { config }: Expected): readonly string[] {
  const held = new Set(routes.map(({ dst }) => canonicalDestination(dst)))
  const { routes: asked = [] } = config.ipam
  return (asked as readonly JsonObject[]).flatMap(({ dst }) => {
    const destination = typeof dst === 'string' ? canonicalDestination(dst) : undefined
    return destination === undefined || held.has(destination) ? [] : [`the route to ${destination} is gone`]
  })
}

/** iproute2 prints a whole default route as `default`, and a host route without its length. */
function canonicalDestination(text: string): string {
  if (text === 'default' || text === '0.0.0.0/0' || text === '::/0') return 'default'
  const cidr = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`
  return parseCidr(cidr) === undefined ? text : canonicalCidr(cidr)
}

/** What the bridge plugin calls it if the config does not (containernetworking/plugins, plugins/main/bridge). */
const DEFAULT_BRIDGE = 'cni0'

function bridgeProblems(
  host: readonly InterfaceState[],
  { type, bridge }: DelegateConfig,
): readonly string[] {
  if (type !== 'bridge') return []
  const name = typeof bridge === 'string' && bridge !== '' ? bridge : DEFAULT_BRIDGE
  const found = host.find(({ ifname }) => ifname === name)
  if (found === undefined) return [`the bridge ${name} is gone`]
  return found.flags.includes('UP') ? [] : [`the bridge ${name} is down`]
}
