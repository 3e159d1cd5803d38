import { describeResource, type EntryChange, type ResourceEntry, type ResourcesPage } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'
import type { ViewedEntry } from '@selvedge/dataplane-linux'
import { parseIptablesSave, parseNftRuleset, type RuleChain, ruleLines } from './chains.js'
import { LeaseIndex } from './lease-index.js'

/**
 * `held`: desired, and there. `missing`: desired, and not there. `stale`: there, the overlay's own, and not desired.
 * `foreign`: another program's, within the overlay's networks or on its links, and not necessarily wrong. `unknown`: there,
 * and what is desired is not known.
 */
export type Mark = 'held' | 'missing' | 'stale' | 'foreign' | 'unknown'

export interface MarkedEntry {
  readonly mark: Mark
  /** `route`, `fdb`, …; `rule` for a line of a ruleset. */
  readonly kind: string
  readonly text: string
  /** The key of the lease that it belongs to, if any. */
  readonly lease?: string | undefined
  /** The last change by another program that the agent has seen. */
  readonly changed?: EntryChange | undefined
  /** Who wrote a foreign entry, as far as the kernel says: a route's protocol. */
  readonly writer?: string | undefined
}

/** Every entry with its mark: the agent's, or those of a plan, and what else is in the kernel. */
export function markEntries(
  { entries, leases, own, networks }: Pick<ResourcesPage, 'entries' | 'leases' | 'own' | 'networks'>,
  view: readonly ViewedEntry[],
  chains: readonly RuleChain[],
): readonly MarkedEntry[] {
  const index = new LeaseIndex(leases)
  const known = new Set<string>()
  const marked: MarkedEntry[] = []
  for (const entry of entries) {
    if (entry.state !== 'missing' || entry.actual !== undefined) known.add(entry.resource.key)
    for (const each of markOwn(entry, index, own)) marked.push(each)
  }
  for (const { resource, protocol, learned } of view) {
    if (known.has(resource.key)) continue
    const lease = index.of(resource)
    const writer = protocol ?? (learned === true ? 'learned' : undefined)
    marked.push({ mark: 'foreign', kind: resource.kind, text: describeResource(resource), lease, writer })
  }
  const links = entries.flatMap(({ resource }) => (resource.kind === 'link' ? [nameOf(resource)] : []))
  for (const text of foreignRules(chains, marked, [...networks, ...links])) {
    marked.push({ mark: 'foreign', kind: 'rule', text })
  }
  return marked
}

function* markOwn(entry: ResourceEntry, index: LeaseIndex, own: string): Generator<MarkedEntry> {
  const { state, resource, actual, owners, changed } = entry
  const lease = owners[0] ?? index.of(resource)
  if (resource.kind === 'ruleset') {
    yield* markRules(state, resource, actual, own, changed)
    return
  }
  yield { mark: state, kind: resource.kind, text: describeResource(resource), lease, changed }
  if (actual !== undefined) {
    yield { mark: 'stale', kind: actual.kind, text: describeResource(actual), lease, changed }
  }
}

/** A ruleset line by line: one that differs differs in few of its rules. */
function* markRules(
  state: Mark,
  resource: Resource,
  actual: Resource | undefined,
  lease: string,
  changed: EntryChange | undefined,
): Generator<MarkedEntry> {
  const there = new Set(actual === undefined ? [] : linesOf(actual))
  for (const text of linesOf(resource)) {
    const mark = state === 'missing' && there.has(text) ? 'held' : state
    yield { mark, kind: 'rule', text, lease, changed: mark === 'held' ? undefined : changed }
    there.delete(text)
  }
  for (const text of there) yield { mark: 'stale', kind: 'rule', text, lease, changed }
}

function linesOf(resource: Resource): readonly string[] {
  const text = String(Reflect.get(resource, 'text') ?? '')
  const family = Reflect.get(resource, 'family') === 6 ? 'ip6' : 'ip'
  const isIptables = Reflect.get(resource, 'mode') === 'iptables'
  return ruleLines(isIptables ? parseIptablesSave(text, family) : parseNftRuleset(text))
}

/** Rules of others that name one of these words: a network of the overlay, or a link of it. */
function foreignRules(
  chains: readonly RuleChain[],
  marked: readonly MarkedEntry[],
  names: readonly string[],
): readonly string[] {
  const own = new Set(marked.flatMap(({ kind, text }) => (kind === 'rule' ? [withoutOptions(text)] : [])))
  return ruleLines(chains).filter((line) => {
    const words = line.split(/[\s"{},]+/)
    return names.some((name) => words.includes(name)) && !own.has(withoutOptions(line))
  })
}

/** An iptables or nft that does not know an option prints the rule without it. */
const withoutOptions = (line: string): string =>
  line.replace(/ (--random-fully|fully-random)\b/, '').replaceAll('"', '')

const nameOf = (resource: Resource): string => String(Reflect.get(resource, 'name'))
