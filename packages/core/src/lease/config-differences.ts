import type { FamilyNetwork, NetworkConfig } from './network-config.js'

/**
 * What differs between two network configs, in a phrase each, such as `Network is 10.1.0.0/16, was 10.244.0.0/16`. The
 * backend's own settings are named without their values, since one may be a pre-shared key. Empty if both say the same.
 */
export function configDifferences(
  before: NetworkConfig,
  after: NetworkConfig,
  relation: 'was' | 'not' = 'was',
): readonly string[] {
  const [was, is] = [plainSettings(before), plainSettings(after)]
  const [hadOption, hasOption] = [optionsOf(before), optionsOf(after)]
  return [
    ...changedKeys(was, is).map(
      (key) => `${key} is ${is.get(key) ?? 'absent'}, ${relation} ${was.get(key) ?? 'absent'}`,
    ),
    ...changedKeys(hadOption, hasOption).map((key) => `Backend.${key} differs`),
  ]
}

function changedKeys(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const keys = new Set([...before.keys(), ...after.keys()])
  return [...keys].filter((key) => before.get(key) !== after.get(key))
}

function plainSettings({ ipv4, ipv6, enableNFTables, backend }: NetworkConfig): ReadonlyMap<string, string> {
  return new Map([
    ...familySettings('', ipv4),
    ...familySettings('IPv6', ipv6),
    ['EnableNFTables', String(enableNFTables)],
    ...(backend === undefined ? [] : [['Backend.Type', backend.type] as const]),
  ])
}

function familySettings(prefix: string, family: FamilyNetwork | undefined): [name: string, value: string][] {
  if (family === undefined) return []
  return [
    [`${prefix}Network`, family.network],
    [`${prefix}SubnetLen`, String(family.subnetLength)],
    [`${prefix}SubnetMin`, family.subnetMin],
    [`${prefix}SubnetMax`, family.subnetMax],
  ]
}

function optionsOf({ backend }: NetworkConfig): ReadonlyMap<string, string> {
  return new Map(Object.entries(backend?.options ?? {}).map(([key, value]) => [key, JSON.stringify(value)]))
}
