import type { Facts } from '../facts/facts.js'
import { type BaseChain, linesOf } from '../facts/ruleset.js'
import { type Check, fatal, warning } from '../finding.js'
import { backendOf, networksOf } from './known.js'

const PORT_OF: Readonly<Record<string, number>> = { vxlan: 8472, udp: 8285, wireguard: 51820 }

export const firewallChecks: readonly Check[] = [
  {
    id: 'firewall.forward-drop',
    title: 'no chain drops forwarded packets by its policy before anything accepts those of the network',
    find: (facts) =>
      dropping(facts, 'forward').flatMap((chain) => {
        const networks = networksOf(facts)
        if (networks.length === 0 || acceptsNetwork(facts, chain, networks)) return []
        return [
          fatal(
            `${nameOf(chain)} drops what it does not accept, and accepts nothing of ${networks.join(', ')}${whoseIs(chain)}`,
            remedyOf(chain, networks, facts),
          ),
        ]
      }),
  },
  {
    id: 'firewall.input-drop',
    title: "the backend's packets are accepted from other hosts",
    find: (facts) => {
      const port = PORT_OF[backendOf(facts) ?? '']
      if (port === undefined) return []
      return dropping(facts, 'input').flatMap((chain) => {
        const lines = chainText(facts, chain)
        if (
          lines.some(
            (line) => new RegExp(`dport (?:${port}|\\{[^}]*\\b${port}\\b)`).test(line) && /accept/.test(line),
          )
        )
          return []
        if (lines.some((line) => /^(?:counter packets \d+ bytes \d+ )?accept$/.test(line))) return []
        return [
          fatal(
            `${nameOf(chain)} drops what it does not accept, and does not accept UDP port ${port}${whoseIs(chain)}`,
            isIptables(chain)
              ? `${tool(chain)} -I INPUT -p udp --dport ${port} -j ACCEPT`
              : `nft insert rule ${chain.family} ${chain.table} ${chain.chain} udp dport ${port} accept`,
          ),
        ]
      })
    },
  },
  {
    id: 'firewall.dropped-port',
    title: "no rule drops the backend's packets",
    find: (facts) => {
      const port = PORT_OF[backendOf(facts) ?? '']
      if (port === undefined || facts.rulesets === undefined) return []
      return facts.rulesets.chains
        .filter(({ hook }) => ['input', 'output', 'prerouting', 'ingress'].includes(hook))
        .flatMap((chain) =>
          chainText(facts, chain)
            .filter(
              (line) => new RegExp(`\\b[ds]port ${port}\\b`).test(line) && /\b(?:drop|reject)\b/.test(line),
            )
            .map((line) =>
              fatal(
                `a rule of ${nameOf(chain)} drops the packets of the tunnel: ${line}`,
                `remove it: nft -a list chain ${chain.family} ${chain.table} ${chain.chain} shows its handle, nft delete rule ${chain.family} ${chain.table} ${chain.chain} handle … removes it`,
              ),
            ),
        )
    },
  },
  {
    id: 'firewall.dropped-network',
    title: 'no rule drops the packets of the network',
    find: (facts) => {
      const bases = networksOf(facts)
      return (facts.rulesets?.chains ?? [])
        .filter(({ hook }) => hook === 'forward' || hook === 'prerouting' || hook === 'postrouting')
        .flatMap((chain) =>
          chainText(facts, chain)
            .filter((line) => bases.some((base) => line.includes(base)) && /\b(?:drop|reject)\b/.test(line))
            .map((line) =>
              fatal(
                `a rule of ${nameOf(chain)} drops packets of the network: ${line}`,
                `remove it: nft -a list chain ${chain.family} ${chain.table} ${chain.chain} shows its handle, nft delete rule ${chain.family} ${chain.table} ${chain.chain} handle … removes it`,
              ),
            ),
        )
    },
  },
  {
    id: 'firewall.two-iptables',
    title: 'the rules of legacy iptables and those of nftables are not both in use',
    pre: true,
    find: ({ rulesets }) => {
      const lines = rulesets?.legacy.split('\n').filter((line) => line !== '') ?? []
      if (lines.length === 0 || !/^table ip (?:filter|nat) /m.test(rulesets?.text ?? '')) return []
      return [
        warning(
          `both variants of iptables have rules, and a packet passes both; legacy has ${lines.length}, such as: ${lines[0]}`,
          'move all programs to one variant: update-alternatives --config iptables, restart them, then iptables-legacy -F',
        ),
      ]
    },
  },
]

const dropping = ({ rulesets }: Facts, hook: string): readonly BaseChain[] =>
  (rulesets?.chains ?? []).filter((chain) => chain.hook === hook && chain.policy === 'drop')

const chainText = ({ rulesets }: Facts, chain: BaseChain): readonly string[] =>
  rulesets === undefined ? [] : linesOf(rulesets.text, chain)

/** Whether the chain, or one that it jumps to, accepts packets of one of the networks, or all. */
function acceptsNetwork(facts: Facts, chain: BaseChain, networks: readonly string[], depth = 0): boolean {
  return chainText(facts, chain).some((line) => {
    const isAll = /^(?:counter packets \d+ bytes \d+ )?accept$/.test(line.replace(/ comment ".*"/, ''))
    const isOurs = networks.some((network) => line.includes(network)) && /\baccept\b/.test(line)
    const [, target] = /\b(?:jump|goto) (\S+)/.exec(line) ?? []
    if (isAll || isOurs) return true
    return (
      target !== undefined &&
      depth < 4 &&
      acceptsNetwork(facts, { ...chain, chain: target }, networks, depth + 1)
    )
  })
}

const isIptables = ({ family, table, chain }: BaseChain): boolean =>
  (family === 'ip' || family === 'ip6') && table === 'filter' && chain === chain.toUpperCase()

const tool = ({ family }: BaseChain): string => (family === 'ip6' ? 'ip6tables' : 'iptables')

const nameOf = (chain: BaseChain): string =>
  isIptables(chain)
    ? `${tool(chain)}'s chain ${chain.chain}`
    : `the nftables chain ${chain.family} ${chain.table} ${chain.chain}`

/** As these programs name their tables and chains. */
function whoseIs({ table, chain }: BaseChain): string {
  if (table === 'firewalld') return '; it is firewalld’s'
  return chain.startsWith('ufw') ? '; it is ufw’s' : ''
}

function remedyOf(chain: BaseChain, networks: readonly string[], { rulesets }: Facts): string {
  if (chain.table === 'firewalld') {
    return networks
      .map((network) => `firewall-cmd --permanent --zone=trusted --add-source=${network}`)
      .join('; ')
  }
  if (isIptables(chain)) {
    const docker = rulesets?.text.includes('chain DOCKER') ? ' (Docker sets that policy)' : ''
    return `start selvedged with --iptables-forward-rules, its default${docker}; or: ${networks
      .flatMap((network) =>
        ['-s', '-d'].map((side) => `${tool(chain)} -I ${chain.chain} ${side} ${network} -j ACCEPT`),
      )
      .join('; ')}`
  }
  return networks
    .flatMap((network) =>
      ['saddr', 'daddr'].map(
        (side) =>
          `nft insert rule ${chain.family} ${chain.table} ${chain.chain} ${network.includes(':') ? 'ip6' : 'ip'} ${side} ${network} accept`,
      ),
    )
    .join('; ')
}
