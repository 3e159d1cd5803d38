import { printable } from '@selvedge/core/kit'
import type { ChainRule, RuleChain } from '../chains.js'
import type { TopologyHost } from './topology.js'

/** What is drawn: bounded, whatever the host has, and in a fixed order. */
export interface Drawing {
  readonly own: TopologyHost | undefined
  readonly peers: readonly TopologyHost[]
  /** How many further peers there are. */
  readonly morePeers: number
  readonly chains: readonly DrawnChain[]
  readonly moreChains: number
}

export interface DrawnChain {
  readonly title: string
  /** How many jumps it is away from a chain that the kernel enters. */
  readonly depth: number
  /** Whether it is flannel's, or ours, by its name. */
  readonly isOwn: boolean
  readonly rules: readonly DrawnRule[]
  readonly moreRules: number
}

export interface DrawnRule {
  readonly text: string
  /** The place in `chains` of the chain that it leads to. */
  readonly leadsTo?: number | undefined
  readonly verdict?: string | undefined
}

/** Beyond these a picture is not read any more; Mermaid refuses texts of over 50,000 characters by default. */
const MAX_PEERS = 40
const MAX_CHAINS = 30
const MAX_RULES = 16
const MAX_TEXT = 72

/** Address translation on the way in and out, and what passes through. */
const HOOKS = ['prerouting', 'forward', 'postrouting']

/** The topology, and the chains of NAT and forwarding with what they lead to. */
export function drawingOf(hosts: readonly TopologyHost[], chains: readonly RuleChain[]): Drawing {
  const peers = hosts.filter(({ isOwn }) => !isOwn)
  const order = reachedChains(chains)
  const drawn = order.slice(0, MAX_CHAINS)
  const places = new Map(drawn.map(({ chain }, place) => [placeKey(chain, chain.name), place]))
  return {
    own: hosts.find(({ isOwn }) => isOwn),
    peers: peers.slice(0, MAX_PEERS),
    morePeers: Math.max(0, peers.length - MAX_PEERS),
    chains: drawn.map(({ chain, depth }) => drawChain(chain, depth, places)),
    moreChains: order.length - drawn.length,
  }
}

/** Breadth first, so that a chain comes after those that lead to it, and each once. */
function reachedChains(
  chains: readonly RuleChain[],
): readonly { readonly chain: RuleChain; readonly depth: number }[] {
  const byName = new Map(chains.map((chain) => [placeKey(chain, chain.name), chain]))
  const found = chains.filter(isDrawnBase).map((chain) => ({ chain, depth: 0 }))
  const seen = new Set(found.map(({ chain }) => chain))
  for (let next = 0; next < found.length; next += 1) {
    const { chain, depth } = found[next] ?? { chain: undefined, depth: 0 }
    for (const { target } of chain?.rules ?? []) {
      const led = chain && target !== undefined ? byName.get(placeKey(chain, target)) : undefined
      if (led === undefined || seen.has(led)) continue
      seen.add(led)
      found.push({ chain: led, depth: depth + 1 })
    }
  }
  return found
}

/** A chain without rules has nothing to show, but for a policy that drops. */
const isDrawnBase = ({ holder, table, hook, rules, policy }: RuleChain): boolean => {
  if (hook === undefined || !HOOKS.includes(hook)) return false
  if (rules.length === 0 && policy?.toLowerCase() !== 'drop') return false
  return holder === 'nftables' || table === (hook === 'forward' ? 'filter' : 'nat')
}

/** It takes the room that the verdict needs. */
const COMMENT = /-m comment --comment (?:"[^"]*"|\S+) /

function drawChain(chain: RuleChain, depth: number, places: ReadonlyMap<string, number>): DrawnChain {
  const { holder, family, table, name, hook, policy, rules } = chain
  const entered = hook === undefined ? '' : ` (${hook}${policy === undefined ? '' : `, policy ${policy}`})`
  const leadsTo = ({ target }: ChainRule): number | undefined =>
    target === undefined ? undefined : places.get(placeKey(chain, target))
  return {
    title: printable(`${holder} ${family} ${table} ${name}${entered}`, MAX_TEXT),
    depth,
    isOwn: /^FLANNEL-/.test(name) || /^flannel-ipv[46]/.test(table),
    rules: rules.slice(0, MAX_RULES).map((rule) => {
      const place = leadsTo(rule)
      return {
        text: printable(rule.text.replace(COMMENT, ''), MAX_TEXT),
        leadsTo: place,
        verdict: place === undefined && rule.target !== undefined ? printable(rule.target, 30) : undefined,
      }
    }),
    moreRules: Math.max(0, rules.length - MAX_RULES),
  }
}

const placeKey = ({ holder, family, table }: RuleChain, name: string): string =>
  JSON.stringify([holder, family, table, name])
