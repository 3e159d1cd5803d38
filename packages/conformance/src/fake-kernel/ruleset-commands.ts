import type { Rulesets } from './rulesets.js'

/**
 * Carries out a command line of `iptables`, `ip6tables` or `nft`, of those that change rules: `-A`, `-D` and `-F` with a
 * chain, `nft delete table`. Returns false for another tool, and throws a TypeError for what it does not understand.
 */
export function runRulesetCommand(rulesets: Rulesets, line: string): boolean {
  const [, tool = ''] = /^(ip6?tables|nft) /.exec(line) ?? []
  if (tool === '') return false
  const [, deleted] = /^nft delete table (ip6? \S+)$/.exec(line) ?? []
  if (deleted !== undefined) {
    rulesets.deleteTable(deleted)
    return true
  }
  const [, table = 'filter', verb, rule = ''] = /^ip6?tables (?:-t (\S+) )?(-[ADF]) (.+)$/.exec(line) ?? []
  const family = tool === 'ip6tables' ? 6 : 4
  if (verb === '-A') rulesets.append(family, table, rule)
  else if (verb === '-D') rulesets.remove(family, table, rule)
  else if (verb === '-F') rulesets.flush(family, table, rule)
  else throw new TypeError(`${line}: is not understood`)
  return true
}
