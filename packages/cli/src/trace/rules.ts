import type { ResourceEntry } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'
import { containsAddress, familyOf, parseCidr } from '@selvedge/core/kit'
import { type ChainRule, parseIptablesSave, parseNftRuleset, type RuleChain } from '../inspect/chains.js'
import type { Hop } from './hop.js'

/**
 * What the overlay's own traffic rules do to the first packet of a flow, one that bears no mark: those that are there, and
 * those that are desired. Other programs' rules are not evaluated.
 */
export function ruleHops(
  entries: readonly ResourceEntry[],
  source: string | undefined,
  destination: string,
): readonly Hop[] {
  if (source === undefined) return []
  const family = familyOf(destination)
  return entries
    .filter(
      ({ resource, state }) => resource.kind === 'ruleset' && state !== 'stale' && familyIs(resource, family),
    )
    .flatMap(({ resource, state, actual }) => {
      const there = state === 'held' ? resource : actual
      const [desired, kernel] = [chainsOf(resource), there === undefined ? [] : chainsOf(there)]
      return STEPS.flatMap(({ step, hook, otherwise }) => {
        const wanted = outcome(desired, hook, source, destination)
        const found = outcome(kernel, hook, source, destination)
        if (wanted === undefined && found === undefined) return []
        return [
          {
            step,
            kernel: found ?? otherwise,
            leases: wanted ?? otherwise,
            verdict: found === wanted ? ('same' as const) : ('differs' as const),
          },
        ]
      })
    })
}

const STEPS = [
  { step: 'forward rules', hook: 'forward', name: /^FLANNEL-FWD/, otherwise: 'no rule of the overlay' },
  { step: 'nat rules', hook: 'postrouting', name: /^FLANNEL-POSTRTG/, otherwise: 'no rule of the overlay' },
] as const

type Hook = (typeof STEPS)[number]['hook']

const familyIs = (resource: Resource, family: number): boolean => Reflect.get(resource, 'family') === family

function chainsOf(resource: Resource): readonly RuleChain[] {
  const text = String(Reflect.get(resource, 'text') ?? '')
  if (Reflect.get(resource, 'mode') === 'nftables') return parseNftRuleset(text)
  return parseIptablesSave(text, Reflect.get(resource, 'family') === 6 ? 'ip6' : 'ip')
}

/** The rule that decides, as it is printed; undefined if there is no such chain, or none of its rules matches. */
function outcome(
  chains: readonly RuleChain[],
  hook: Hook,
  source: string,
  destination: string,
): string | undefined {
  const name = STEPS.find((step) => step.hook === hook)?.name
  const chain = chains.find((each) =>
    each.holder === 'nftables' ? each.hook === hook : name?.test(each.name) === true,
  )
  const rule = chain?.rules.find((each) => matches(each, source, destination))
  return rule && `${rule.target ?? 'goes on'}: ${rule.text}`
}

/** In the overlay's rules there is nothing to match but addresses and the mark. */
function matches({ text }: ChainRule, source: string, destination: string): boolean {
  if (/--mark |meta mark /.test(text)) return false
  return (
    isMatched(/(! )?-s (\S+)/.exec(text) ?? /saddr (!= )?(\S+)/.exec(text), source) &&
    isMatched(/(! )?-d (\S+)/.exec(text) ?? /daddr (!= )?(\S+)/.exec(text), destination)
  )
}

function isMatched(match: RegExpExecArray | null, address: string): boolean {
  if (match === null) return true
  const [, not, network = ''] = match
  const cidr = network.includes('/') ? network : `${network}/${familyOf(network) === 4 ? 32 : 128}`
  return (parseCidr(cidr) !== undefined && containsAddress(cidr, address)) !== (not !== undefined)
}
