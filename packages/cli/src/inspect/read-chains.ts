import { hasLegacyTables } from '../tools/legacy-tables.js'
import { runTool } from '../tools/run-tool.js'
import { parseIptablesSave, parseNftRuleset, type RuleChain } from './chains.js'

/** All chains of nftables and of both implementations of iptables. Tools that are not installed, or refuse, have none to show. */
export async function readChains(signal: AbortSignal): Promise<readonly RuleChain[]> {
  const output = async (program: string, args: readonly string[] = []): Promise<string> =>
    (await runTool(program, args, { signal }).catch(() => undefined))?.stdout ?? ''
  const ofFamily = async (family: 'ip' | 'ip6'): Promise<readonly RuleChain[]> => {
    const program = family === 'ip' ? 'iptables' : 'ip6tables'
    const [saved, nft, legacy] = await Promise.all([
      output(`${program}-save`),
      output(`${program}-nft-save`),
      hasLegacyTables(family).then((has) => (has ? output(`${program}-legacy-save`) : '')),
    ])
    return iptablesChains({ saved, nft, legacy }, family)
  }
  const [ipv4, ipv6, nft] = await Promise.all([
    ofFamily('ip'),
    ofFamily('ip6'),
    output('nft', ['list', 'ruleset']),
  ])
  return [...ipv4, ...ipv6, ...parseNftRuleset(nft)]
}

/**
 * The chains of the implementation that the host calls `iptables`, and of the other one, if it has any: the kernel applies both.
 *
 * @param outputs of `iptables-save`, `iptables-nft-save` and `iptables-legacy-save`; empty if there is none
 */
export function iptablesChains(
  { saved, nft, legacy }: { readonly saved: string; readonly nft: string; readonly legacy: string },
  family: 'ip' | 'ip6',
): readonly RuleChain[] {
  const others = [
    ['iptables-nft', nft],
    ['iptables-legacy', legacy],
  ] as const
  return [
    ...parseIptablesSave(saved, family),
    ...others.flatMap(([holder, text]) =>
      rulesIn(text) === '' || rulesIn(text) === rulesIn(saved) ? [] : parseIptablesSave(text, family, holder),
    ),
  ]
}

/** Without dates and counts, and empty without any rule. */
function rulesIn(text: string): string {
  const lines = text.split('\n').filter((line) => line.startsWith('*') || line.startsWith('-A'))
  return lines.some((line) => line.startsWith('-A')) ? lines.sort().join('\n') : ''
}
