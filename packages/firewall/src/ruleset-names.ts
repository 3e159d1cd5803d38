import type { AbortOptions } from '@selvedge/core'
import { whyNoRulesetName } from '@selvedge/core/kit'
import { runCommand } from './command.js'
import { Iptables } from './iptables/iptables.js'
import { otherIptables } from './iptables/other-variant.js'

const CHAIN = /^:FLANNEL-(?:POSTRTG|FWD)-(\S+) /gm
const TABLE = /^table ip6? flannel-ipv[46]-(\S+)$/gm

/**
 * The names of all rulesets that there are on a host, by either iptables or by nftables, whether of agents that run or of
 * earlier ones: for `firewall({ name })`. Flannel's own, which has none, is not among them. Empty if neither tool is installed.
 */
export async function rulesetNames({
  namespace,
  signal,
}: AbortOptions & { readonly namespace?: string | undefined } = {}): Promise<readonly string[]> {
  const other = await otherIptables({ namespace })
  const variants = other === undefined ? [undefined] : [undefined, other]
  const texts = await Promise.all([
    ...variants.flatMap((variant) =>
      ([4, 6] as const).map((family) =>
        // A kernel without nf_tables, or without IPv6, has none, and its tools say so in many ways.
        new Iptables({ family, namespace, variant }).save([], signal).catch(() => undefined),
      ),
    ),
    runCommand({ program: 'nft', args: ['list tables'], namespace, signal }).then((output) => output?.stdout),
  ])
  signal?.throwIfAborted()
  const found = texts.flatMap((text = '') =>
    [CHAIN, TABLE].flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name)),
  )
  return [...new Set(found)].filter((name) => whyNoRulesetName(name) === undefined).sort()
}
