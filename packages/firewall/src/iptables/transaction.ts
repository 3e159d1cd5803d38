import { type IptablesChain, jumpOf } from '../rules/iptables-text.js'
import { parseSaved, type SavedChain } from './saved-rules.js'

/**
 * The input of `iptables-restore --noflush` that gets from one ruleset to another, or to none. Each table changes in one
 * step, and a chain that is declared is emptied in that same step: no packet meets half of it. Rules of others stay where
 * they are, and a jump that is there stays there too.
 */
export function transaction(actual: string, desired: string, chains: readonly IptablesChain[]): string {
  const to = parseSaved(desired, chains)
  return parseSaved(actual, chains)
    .flatMap((from, i) => {
      const target = to[i]
      return target === undefined || same(from, target) ? [] : tableChange(from, target)
    })
    .map((line) => `${line}\n`)
    .join('')
}

const same = (a: SavedChain, b: SavedChain): boolean =>
  a.exists === b.exists && sameLines(a.parentRules, b.parentRules) && sameLines(a.rules, b.rules)

const sameLines = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, i) => line === b[i])

function tableChange(from: SavedChain, to: SavedChain): readonly string[] {
  const { chain } = from
  const jump = jumpOf(chain)
  // One of the jumps that are there is kept.
  const kept = to.exists ? from.parentRules.indexOf(jump) : -1
  const surplus = from.parentRules.filter((_, i) => i !== kept)
  return [
    `*${chain.table}`,
    ...(to.exists ? [`:${chain.name} - [0:0]`, ...to.rules] : []),
    ...surplus.map((rule) => rule.replace(/^-A/, '-D')),
    ...(to.exists && kept < 0 ? [jump] : []),
    ...(!to.exists && from.exists ? [`-F ${chain.name}`, `-X ${chain.name}`] : []),
    'COMMIT',
  ]
}
