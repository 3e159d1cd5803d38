import type { NetworkConfig } from './network-config.js'

/**
 * The network config in the form that `parseNetworkConfig` reads, with every default written out. Unknown keys are
 * left out, so two configs that mean the same give the same object.
 */
export function networkConfigJson({ ipv4, ipv6, enableNFTables, backend }: NetworkConfig): object {
  return {
    EnableIPv4: ipv4 !== undefined,
    EnableIPv6: ipv6 !== undefined,
    EnableNFTables: enableNFTables,
    ...(ipv4 !== undefined && {
      Network: ipv4.network,
      SubnetLen: ipv4.subnetLength,
      SubnetMin: ipv4.subnetMin,
      SubnetMax: ipv4.subnetMax,
    }),
    ...(ipv6 !== undefined && {
      IPv6Network: ipv6.network,
      IPv6SubnetLen: ipv6.subnetLength,
      IPv6SubnetMin: ipv6.subnetMin,
      IPv6SubnetMax: ipv6.subnetMax,
    }),
    ...(backend !== undefined && { Backend: { ...backend.options, Type: backend.type } }),
  }
}
