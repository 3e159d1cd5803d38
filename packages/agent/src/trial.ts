import { isOverlayError, type LeaseContext, type NodeContext, parseNetworkConfig } from '@selvedge/core'
import type { RulesetResource } from '@selvedge/firewall'
import { backends } from './backends.js'
import type { AgentSettings } from './command-line/settings.js'

/** What an agent asks of a host, with an example of a network: to try whether the host has it before anything runs. */

const IPV4 = { Network: '10.244.0.0/16' }
const IPV6 = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
const EXTERNAL_INTERFACE = { name: 'eth0', mtu: 1500, onLink: [] }

/** Which families the network of a trial has. */
export interface TrialFamilies {
  /** At least one of the two is true. */
  readonly ipv4: boolean
  /** At least one of the two is true. */
  readonly ipv6: boolean
}

/**
 * Rulesets as an agent with these flags holds them, of an example network. Without a port taken at random: a tool that cannot
 * do that is found out, and does without.
 */
export async function exampleRulesets(
  { ipMasq, forwardRules }: Pick<AgentSettings, 'ipMasq' | 'forwardRules'>,
  { ipv4, ipv6 }: TrialFamilies,
  byNftables: boolean,
): Promise<readonly RulesetResource[]> {
  if (!ipMasq && !forwardRules) return []
  const { trafficRules } = await import('@selvedge/firewall')
  const rules = trafficRules({ masquerade: ipMasq, forward: forwardRules, randomFully: false })
  const config = parseNetworkConfig({
    ...(ipv4 ? IPV4 : { EnableIPv4: false }),
    ...(ipv6 ? IPV6 : {}),
    EnableNFTables: byNftables,
  })
  const context: LeaseContext = {
    config,
    externalInterface: EXTERNAL_INTERFACE,
    lease: {
      ...(ipv4 ? { subnet: '10.244.1.0/24' } : {}),
      ...(ipv6 ? { ipv6Subnet: 'fd00:10:244:1::/64' } : {}),
      attributes: {},
    },
  }
  return (rules.local?.(context) ?? []).filter((each): each is RulesetResource => each.kind === 'ruleset')
}

/** Backends that find out whether the host has what they need before they do anything. */
const FIND_OUT: Readonly<Record<string, object>> = { wireguard: {}, ipsec: { PSK: '0'.repeat(96) } }

/**
 * Why a backend cannot run on this host: a sentence with what is missing, and where to get it; undefined if it can, or if
 * that is not found out by looking. The variables that name its programs are read as by an agent.
 */
export async function whyNoBackend(type: string, signal: AbortSignal): Promise<string | undefined> {
  const section = FIND_OUT[type]
  const loader = section && backends.find((backend) => backend.type === type)
  if (loader === undefined || !('preview' in loader)) return undefined
  const config = parseNetworkConfig({ ...IPV4, Backend: { Type: type, ...section } })
  const context: NodeContext = { config, externalInterface: EXTERNAL_INTERFACE }
  try {
    await loader.preview?.(context, { signal })
  } catch (error) {
    signal.throwIfAborted()
    // What else is wrong, such as a key that cannot be read, is no matter of what the host has.
    if (isOverlayError(error, 'UNSUPPORTED')) return error.message
  }
  return undefined
}
