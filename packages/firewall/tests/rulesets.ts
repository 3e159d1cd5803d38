import type { NetworkConfig } from '@selvedge/core'
import {
  type Firewall,
  type IptablesVariant,
  type RulesetResource,
  type TrafficRulesOptions,
  trafficRules,
} from '../src/index.js'

export interface Network {
  readonly network: string
  readonly subnet: string
}

/** What an overlay desires: both families. */
export function rulesets(
  enableNFTables: boolean,
  { network, subnet }: Network,
  options: TrafficRulesOptions = {},
) {
  const config = {
    enableNFTables,
    ipv4: { network },
    ipv6: { network: 'fd00::/48' },
  } as unknown as NetworkConfig
  const lease = { subnet, ipv6Subnet: 'fd00:0:0:1::/64' }
  const context = { config, lease } as unknown as Parameters<ReturnType<typeof trafficRules>['local']>[0]
  return trafficRules(options).local(context) as readonly RulesetResource[]
}

export const put = (resource: RulesetResource) => ({ type: 'put' as const, resource })
export const remove = (resource: RulesetResource) => ({ type: 'delete' as const, resource })

export async function write(driver: Firewall, operations: Parameters<Firewall['apply']>[0]): Promise<void> {
  for (const result of await driver.apply(operations)) {
    if (!result.ok) throw result.error
  }
}

/** The three ways to hold rules: what it is called, whether the network config asks for nftables, which iptables. */
export const MODES: readonly (readonly [string, boolean, IptablesVariant | undefined])[] = [
  ['iptables-nft', false, 'nft'],
  ['iptables-legacy', false, 'legacy'],
  ['nftables', true, undefined],
]
