import type { Facts } from '../facts/facts.js'
import type { FirewallChain, FirewallRule } from '../facts/ruleset.js'
import { type Check, fatal, warning } from '../finding.js'
import { acceptanceOf, carriersOf, carrierText, namesCarrier } from './carriers.js'
import { acceptForwarded, acceptsAll, acceptsHosts, drops, dropsNetwork, rulesBefore } from './chains.js'
import { desiredOf, externalOf, networksOf } from './known.js'

export const firewallChecks: readonly Check[] = [
  {
    id: 'firewall.forward-drop',
    title: 'no chain drops forwarded packets before anything accepts those of the network',
    pre: true,
    find: (facts) =>
      baseChains(facts, 'forward')
        .filter(drops)
        .flatMap((chain) => {
          const rules = rulesBefore(facts.rulesets?.chains ?? [], chain)
          const networks = networksOf(facts).filter(
            (network) => passes(chain, network) && !acceptForwarded(rules, network),
          )
          if (networks.length === 0) return []
          const who = whoseIs(facts, chain)
          return [
            fatal(
              `${nameOf(chain)} drops what it does not accept, and accepts nothing of ${networks.join(', ')}${who === undefined ? '' : `; it is ${who}'s`}`,
              forwardRemedy(chain, networks),
            ),
          ]
        }),
  },
  {
    id: 'firewall.input-drop',
    title: "the backend's packets are accepted from other hosts",
    pre: true,
    find: (facts) => {
      const carriers = carriersOf(facts)
      const hosts = peersOf(facts)
      const device = externalOf(facts)?.ifname ?? ''
      return baseChains(facts, 'input')
        .filter((chain) => drops(chain) && isFamily(chain, facts))
        .flatMap((chain) => {
          const rules = rulesBefore(facts.rulesets?.chains ?? [], chain)
          if (rules.some((rule) => acceptsAll(rule) || acceptsHosts(rule, hosts, device))) return []
          // What names such packets and is no accept is a finding of its own.
          const missing = carriers.filter((carrier) => !rules.some(({ text }) => namesCarrier(text, carrier)))
          if (missing.length === 0) return []
          return [
            fatal(
              `${nameOf(chain)} drops what it does not accept, and does not accept ${missing.map(carrierText).join(', nor ')}`,
              missing.map((carrier) => insertion(chain, acceptanceOf(carrier))).join(' && '),
            ),
          ]
        })
    },
  },
  {
    id: 'firewall.dropped-port',
    title: "no rule drops the backend's packets",
    pre: true,
    find: (facts) =>
      ['input', 'prerouting', 'ingress'].flatMap((hook) =>
        baseChains(facts, hook).flatMap((chain) => {
          const rules = rulesBefore(facts.rulesets?.chains ?? [], chain)
          const firsts = carriersOf(facts).map((carrier) =>
            rules.find(({ text, target }) => target !== undefined && namesCarrier(text, carrier)),
          )
          // One rule may name several.
          return [...new Set(firsts)].flatMap((first) =>
            first === undefined || !isDrop(first) ? [] : [droppedBy(facts, chain, first, 'the tunnel')],
          )
        }),
      ),
  },
  {
    id: 'firewall.dropped-network',
    title: 'no rule drops the packets of the network',
    pre: true,
    find: (facts) =>
      ['forward', 'prerouting'].flatMap((hook) =>
        baseChains(facts, hook).flatMap((chain) => {
          const rules = rulesBefore(facts.rulesets?.chains ?? [], chain)
          return networksOf(facts).flatMap((network) => {
            const index = rules.findIndex((rule) => dropsNetwork(rule, network))
            const rule = rules[index]
            if (rule === undefined || acceptForwarded(rules.slice(0, index), network)) return []
            return [droppedBy(facts, chain, rule, 'the network')]
          })
        }),
      ),
  },
  {
    id: 'firewall.two-iptables',
    title: 'the rules of legacy iptables and those of nftables are not both in use',
    pre: true,
    find: ({ rulesets }) => {
      const { legacyRules = [], nftRules = [] } = rulesets ?? {}
      if (legacyRules.length === 0 || nftRules.length === 0) return []
      return [
        warning(
          `both variants of iptables have rules, a packet passes both, and neither lists the other's: legacy has ${legacyRules.length}, such as: ${legacyRules[0]}`,
          "move all programs to one variant (update-alternatives --config iptables), restart those that wrote the other's, then flush it: for t in filter nat mangle raw; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done",
        ),
      ]
    },
  },
]

const baseChains = ({ rulesets }: Facts, hook: string): readonly FirewallChain[] =>
  (rulesets?.chains ?? []).filter(
    (chain) =>
      chain.hook === hook && (chain.tool === 'nft' || ['filter', 'raw', 'mangle'].includes(chain.table)),
  )

const passes = ({ family }: FirewallChain, network: string): boolean =>
  family === 'inet' || family === (network.includes(':') ? 'ip6' : 'ip')

/** Whether packets between the hosts pass it. */
function isFamily({ family }: FirewallChain, facts: Facts): boolean {
  const peers = peersOf(facts)
  if (family === 'inet' || peers.length === 0) return family !== 'ip6'
  return peers.some((address) => address.includes(':') === (family === 'ip6'))
}

function peersOf(facts: Facts): readonly string[] {
  const page = desiredOf(facts)
  return (page?.leases ?? []).flatMap(({ key, publicIp, publicIpv6 }) =>
    key === page?.own ? [] : [publicIp, publicIpv6].filter((address) => address !== undefined),
  )
}

const isDrop = ({ target }: FirewallRule): boolean => target === 'drop' || target === 'reject'

const nameOf = ({ tool, family, table, name }: FirewallChain): string =>
  tool === 'nft' ? `the nftables chain ${family} ${table} ${name}` : `${tool}'s chain ${name}`

/** As these programs name their tables and chains. */
function whoseIs({ rulesets }: Facts, { tool, table }: FirewallChain): string | undefined {
  if (table === 'firewalld') return 'firewalld'
  const names = (rulesets?.chains ?? []).filter((chain) => chain.tool === tool).map(({ name }) => name)
  if (names.some((name) => name.startsWith('ufw'))) return 'ufw'
  return names.some((name) => name.startsWith('DOCKER')) ? 'Docker' : undefined
}

/** What puts a rule first. */
const insertion = (
  { tool, family, table, name }: FirewallChain,
  rule: { readonly iptables: string; readonly nft: string },
): string =>
  tool === 'nft'
    ? `nft insert rule ${family} ${table} ${name} ${rule.nft}`
    : `${tool} ${table === 'filter' ? '' : `-t ${table} `}-I ${name} ${rule.iptables}`

function forwardRemedy(chain: FirewallChain, networks: readonly string[]): string {
  if (chain.table === 'firewalld') {
    const zones = networks.map((network) => `firewall-cmd --permanent --zone=trusted --add-source=${network}`)
    return [...zones, 'firewall-cmd --reload'].join(' && ')
  }
  return networks
    .flatMap((network) =>
      (['s', 'd'] as const).map((side) =>
        insertion(chain, {
          iptables: `-${side} ${network} -j ACCEPT`,
          nft: `${network.includes(':') ? 'ip6' : 'ip'} ${side}addr ${network} accept`,
        }),
      ),
    )
    .join(' && ')
}

function droppedBy({ rulesets }: Facts, base: FirewallChain, rule: FirewallRule, whose: string) {
  const chain = rulesets?.chains.find(({ rules }) => rules.includes(rule)) ?? base
  const { tool, family, table, name } = chain
  const remedy =
    tool === 'nft'
      ? `nft delete rule ${family} ${table} ${name} handle ${rule.handle ?? '…'}`
      : `${tool} ${table === 'filter' ? '' : `-t ${table} `}-D ${name} ${rule.text}`
  return fatal(`a rule of ${nameOf(chain)} drops the packets of ${whose}: ${rule.text}`, remedy)
}
