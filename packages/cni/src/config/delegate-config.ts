import type { SubnetEnvLists } from '@selvedge/core/kit'
import type { JsonObject, PluginConfig } from './plugin-config.js'

/** The config of the plugin that does the work. */
export interface DelegateConfig extends JsonObject {
  readonly name: string
  readonly type: string
  readonly cniVersion?: string
  readonly mtu?: unknown
  readonly ipam: JsonObject & { readonly type: string }
}

/**
 * What flannel's plugin sends to its delegate (cni-plugin, flannel_linux.go): the settings under `delegate`, and beside
 * them what subnet.env says, if they do not. Addresses come from the node's subnets, whatever ranges the config names.
 */
export function delegateConfig(config: PluginConfig, node: SubnetEnvLists): DelegateConfig {
  const { cniVersion, name, delegate, runtimeConfig } = config
  const { type = 'bridge' } = delegate
  return {
    ...(node.ipMasq !== undefined && { ipMasq: !node.ipMasq }),
    ...(node.mtu !== undefined && { mtu: node.mtu }),
    ...(type === 'bridge' && { isGateway: true }),
    ...delegate,
    ...(runtimeConfig !== undefined && { runtimeConfig }),
    ...(cniVersion !== undefined && { cniVersion }),
    name,
    type: String(type),
    ipam: ipamConfig(config, node),
  }
}

function ipamConfig({ ipam }: PluginConfig, node: SubnetEnvLists): DelegateConfig['ipam'] {
  const { type = 'host-local', routes = [] } = ipam
  const rangeSets = [node.subnets, node.ipv6Subnets].filter((subnets) => subnets.length > 0)
  return {
    ...ipam,
    type: String(type),
    ranges: rangeSets.map((subnets) => subnets.map((subnet) => ({ subnet }))),
    routes: [
      ...(routes as readonly JsonObject[]),
      ...[...node.networks, ...node.ipv6Networks].map((dst) => ({ dst })),
    ],
  }
}
