import { Iptables, type IptablesVariant } from './iptables.js'

/**
 * The implementation of iptables that the system does not call `iptables`, whether its programs are installed or not; undefined
 * if the system has no iptables at all. Each holds rules that the other does not show.
 */
export async function otherIptables({
  namespace,
}: {
  readonly namespace: string | undefined
}): Promise<IptablesVariant | undefined> {
  const variant = await new Iptables({ family: 4, namespace }).variant().catch(() => undefined)
  if (variant === undefined) return undefined
  return variant === 'nft' ? 'legacy' : 'nft'
}
