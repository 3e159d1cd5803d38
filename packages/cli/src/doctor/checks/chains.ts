import { contains, overlaps, parseCidr } from '@selvedge/core/kit'
import type { FirewallChain, FirewallRule } from '../facts/ruleset.js'

/** What chains of rules do to packets: as far as it can be told from their text, and rather too little than too much. */

/** Whether a chain drops what nothing before accepts: by its policy, or by its last rule. */
export const drops = (chain: FirewallChain): boolean =>
  chain.policy?.toLowerCase() === 'drop' || chain.rules.some(isDropOfAll)

/** The rules that packets meet before those are dropped: the chain's, and those of chains that it jumps to. */
export function rulesBefore(chains: readonly FirewallChain[], base: FirewallChain): readonly FirewallRule[] {
  const end = base.rules.findIndex(isDropOfAll)
  const first = end === -1 ? base.rules : base.rules.slice(0, end)
  const found = new Set<FirewallChain>()
  const rules: FirewallRule[] = []
  const walk = (those: readonly FirewallRule[]): void => {
    for (const rule of those) {
      rules.push(rule)
      const next = chains.find((chain) => isSibling(chain, base) && chain.name === rule.target)
      if (next === undefined || found.has(next)) continue
      found.add(next)
      walk(next.rules)
    }
  }
  walk(first)
  return rules
}

const isSibling = (chain: FirewallChain, { tool, family, table }: FirewallChain): boolean =>
  chain.tool === tool && chain.family === family && chain.table === table && chain.hook === undefined

const isDropOfAll = ({ text }: FirewallRule): boolean =>
  /^(?:-m comment --comment (?:"[^"]*"|\S+) )?-j (?:DROP|REJECT)(?: --reject-with \S+)?$/.test(text) ||
  /^(?:counter )?(?:drop|reject)(?: with .+)?$/.test(text)

const ANY = /^(?:-m comment --comment (?:"[^"]*"|\S+) )?-j ACCEPT$|^(?:counter )?accept(?: comment .*)?$/

/** Whether new packets of any kind are accepted. */
export const acceptsAll = ({ text }: FirewallRule): boolean => ANY.test(text)

/** Whether packets of connections that are known are accepted. */
const acceptsReplies = ({ text, target }: FirewallRule): boolean =>
  target === 'accept' && /\b(?:RELATED|ESTABLISHED|established)\b/.test(text)

/** Calico's accept by their mark what its policies have let pass. */
const acceptsByMark = ({ text, target }: FirewallRule): boolean =>
  target === 'accept' && text.includes('cali:')

/** Whether the rules let the packets of pods of the network pass, from them and to them. */
export function acceptForwarded(rules: readonly FirewallRule[], network: string): boolean {
  if (rules.some((rule) => acceptsAll(rule) || acceptsByMark(rule))) return true
  const accepts = (side: 'from' | 'to') => rules.some((rule) => acceptsSide(rule, side, network))
  return accepts('from') && (accepts('to') || rules.some(acceptsReplies))
}

const SIDES = {
  from: {
    address: /(?:^|\s)(?:-s|ip6? saddr) (\S+)/,
    device: /(?:^|\s)(?:-i|iif|iifname) "?(?:cni|flannel)/,
  },
  to: { address: /(?:^|\s)(?:-d|ip6? daddr) (\S+)/, device: /(?:^|\s)(?:-o|oif|oifname) "?(?:cni|flannel)/ },
} as const

function acceptsSide({ text, target }: FirewallRule, side: 'from' | 'to', network: string): boolean {
  if (text.startsWith('! ') || text.includes('!=')) return false
  const { address, device } = SIDES[side]
  const [, cidr] = address.exec(text) ?? []
  // firewalld's zones: a chain of its own for what comes from a source.
  const isAccept = target === 'accept' || /_(?:trusted|ACCEPT)$/.test(target ?? '')
  return isAccept && ((cidr !== undefined && includes(cidr, network)) || device.test(text))
}

/** Whether every packet from or to the network meets the rule's end, and is dropped. */
export function dropsNetwork({ text }: FirewallRule, network: string): boolean {
  const [, cidr] =
    /^-[sd] (\S+) (?:-m comment --comment (?:"[^"]*"|\S+) )?-j (?:DROP|REJECT)\b/.exec(text) ??
    /^ip6? [sd]addr (\S+) (?:counter )?(?:drop|reject)\b/.exec(text) ??
    []
  const [dropped, whole] = [parseCidr(cidr ?? ''), parseCidr(network)]
  return (
    dropped !== undefined &&
    whole !== undefined &&
    dropped.family === whole.family &&
    overlaps(dropped, whole)
  )
}

function includes(cidr: string, network: string): boolean {
  const [outer, inner] = [parseCidr(cidr), parseCidr(network)]
  return outer !== undefined && inner !== undefined && outer.family === inner.family && contains(outer, inner)
}

/** Whether what comes from any of these hosts, or by the interface, is accepted whatever it is. */
export function acceptsHosts(
  { text, target }: FirewallRule,
  hosts: readonly string[],
  device: string,
): boolean {
  if (target !== 'accept' || /dport|--dports?|tcp|icmp|ctstate|ct state/.test(text)) return false
  const [, cidr] = SIDES.from.address.exec(text) ?? []
  if (cidr !== undefined)
    return hosts.some((host) => includes(cidr, `${host}/${host.includes(':') ? 128 : 32}`))
  const [, name] = /(?:^|\s)(?:-i|iif|iifname) "?([^"\s]+)/.exec(text) ?? []
  return (
    name !== undefined &&
    device !== '' &&
    (name === device || (name.endsWith('+') && device.startsWith(name.slice(0, -1))))
  )
}
