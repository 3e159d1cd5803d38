import { runCommand } from './command.js'
import { Iptables } from './iptables/iptables.js'

/** What other programs have done to a host's traffic that an overlay's rules do not undo: a sentence each. */
export async function surroundings({
  namespace,
}: {
  readonly namespace?: string | undefined
}): Promise<readonly string[]> {
  const saved = async (variant: 'nft' | 'legacy'): Promise<string> =>
    (await new Iptables({ family: 4, namespace, variant }).save().catch(() => undefined)) ?? ''
  const tables = async (): Promise<string> =>
    (await runCommand({ program: 'nft', args: ['list tables'], namespace }))?.stdout ?? ''
  const [nft, legacy, listed] = await Promise.all([saved('nft'), saved('legacy'), tables()])
  return warningsOf({ nft, legacy, tables: listed })
}

export interface Surroundings {
  /** What `iptables-nft-save` and `iptables-legacy-save` print; empty if they are not installed. */
  readonly nft: string
  readonly legacy: string
  /** What `nft list tables` prints. */
  readonly tables: string
}

const hasRules = (saved: string): boolean => /^-A /m.test(saved)

export function warningsOf({ nft, legacy, tables }: Surroundings): readonly string[] {
  const warnings: string[] = []
  if (hasRules(nft) && hasRules(legacy)) {
    warnings.push(
      "this host has rules of both iptables-nft and iptables-legacy: packets meet both, and neither lists the other's. " +
        "Decide for one: update-alternatives --config iptables, then restart what wrote the other's",
    )
  }
  if (/^:FORWARD DROP /m.test(nft) || /^:FORWARD DROP /m.test(legacy)) {
    warnings.push(
      "the policy of FORWARD in iptables is DROP, as Docker sets it. The overlay's own rules let its packets through, unless " +
        'the network config says EnableNFTables: what iptables drops, no rule of nftables brings back. Then accept the ' +
        'network in iptables (iptables -I FORWARD -s NETWORK -j ACCEPT, and -d)',
    )
  }
  if (/\bfirewalld\b/.test(tables)) {
    warnings.push(
      "firewalld runs here, and drops what it does not know: put the overlay's network into a zone that accepts " +
        '(firewall-cmd --permanent --zone=trusted --add-source=NETWORK, then firewall-cmd --reload)',
    )
  }
  if (/^:ufw-/m.test(nft) || /^:ufw-/m.test(legacy)) {
    warnings.push(
      "ufw is active here, and drops what is forwarded: allow the overlay's network (ufw route allow from NETWORK, and to)",
    )
  }
  return warnings
}
