import { type Cidr, contains, lastAddress, parseCidr } from '../net/cidr.js'
import { addressBits, type Family, formatAddress, parseAddress } from '../net/ip.js'
import { unroutablePart } from '../net/special-networks.js'
import { OverlayError } from '../util/errors.js'
import { CONFIG_LIMITS, membersOf, objectOf, parseJson } from '../util/json.js'
import {
  booleanField,
  type FieldTable,
  integerField,
  invalidField,
  isJsonObject,
  objectField,
  readFields,
  textField,
} from '../util/json-fields.js'

/** One family's network, and which of its subnets are leased. */
export interface FamilyNetwork {
  /** The whole network, such as `10.244.0.0/16`. */
  readonly network: string
  /** The prefix length of each subnet. */
  readonly subnetLength: number
  /** Base address of the first subnet to lease. */
  readonly subnetMin: string
  /** Base address of the last subnet to lease. */
  readonly subnetMax: string
}

/** The config's `Backend` section. */
export interface BackendSection {
  /** As it is written, such as `vxlan`. Never empty. */
  readonly type: string
  /** All other keys, as they were written. Read them with `readFields`. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The network config as flannel reads it, validated, with every default filled in. */
export interface NetworkConfig {
  /** Absent if IPv4 is off. At least one family is on. */
  readonly ipv4?: FamilyNetwork | undefined
  /** Absent if IPv6 is off. */
  readonly ipv6?: FamilyNetwork | undefined
  /** Traffic rules by nftables instead of iptables. */
  readonly enableNFTables: boolean
  /** Absent if the config has none; flannel takes `udp` then. */
  readonly backend?: BackendSection | undefined
  /** Keys that mean nothing here, probably mistyped: `SubnetLength` for `SubnetLen`. */
  readonly unknownKeys: readonly string[]
}

/** Bounds and defaults of one family, as flannel has them. */
interface FamilyRules {
  readonly family: Family
  readonly keys: { network: string; length: string; min: string; max: string }
  /** The subnets' length if none is given and the network leaves room for it. */
  readonly usualLength: number
  /** The maximum length of a network that still has room for `usualLength`. */
  readonly usualUpTo: number
  readonly maxSubnetLength: number
  readonly maxNetworkLength: number
}

const IPV4: FamilyRules = {
  family: 4,
  keys: { network: 'Network', length: 'SubnetLen', min: 'SubnetMin', max: 'SubnetMax' },
  usualLength: 24,
  usualUpTo: 22,
  maxSubnetLength: 30,
  maxNetworkLength: 28,
}

const IPV6: FamilyRules = {
  family: 6,
  keys: { network: 'IPv6Network', length: 'IPv6SubnetLen', min: 'IPv6SubnetMin', max: 'IPv6SubnetMax' },
  usualLength: 64,
  usualUpTo: 62,
  maxSubnetLength: 126,
  maxNetworkLength: 124,
}

/** A network holds at least 2² subnets: the first is left out, and one alone is no overlay. */
const SPARE_BITS = 2

const WHERE = 'the network config'

const fields = {
  EnableIPv4: booleanField(true),
  EnableIPv6: booleanField(false),
  EnableNFTables: booleanField(false),
  Backend: objectField(),
}
const ipv4Fields = {
  Network: textField(),
  SubnetLen: integerField(0, 32, 0),
  SubnetMin: textField(),
  SubnetMax: textField(),
}
const ipv6Fields = {
  IPv6Network: textField(),
  IPv6SubnetLen: integerField(0, 128, 0),
  IPv6SubnetMin: textField(),
  IPv6SubnetMax: textField(),
}

/** How `parseNetworkConfig` reads a config. */
export interface NetworkConfigRules {
  /**
   * Subnets are assigned elsewhere, as PodCIDRs are: what the config says of their length and their range is not read,
   * and the network may be of any size. Default: false.
   */
  readonly ignoreSubnets?: boolean | undefined
}

/**
 * Reads a network config as flannel does: keys in any case, defaults filled in. Takes the JSON text, at most 256 KiB and
 * 32 levels deep, or what it parses to. What it says of a family that is off is not read. Throws an OverlayError of
 * code `INVALID_CONFIG` that names the key, its value and the rule.
 */
export function parseNetworkConfig(
  source: string | object,
  { ignoreSubnets = false }: NetworkConfigRules = {},
): NetworkConfig {
  const object = parseObject(source)
  const { values } = readFields(fields, object, WHERE)
  if (!values.EnableIPv4 && !values.EnableIPv6) {
    throw invalid(
      'EnableIPv4',
      false,
      'must be true, or EnableIPv6 must be: a network has at least one family',
    )
  }
  const { EnableIPv4, EnableIPv6, EnableNFTables, Backend } = values
  const ofFamilies = {
    ...unread(ipv4Fields),
    ...unread(ipv6Fields),
    ...(EnableIPv4 && (ignoreSubnets ? { Network: ipv4Fields.Network } : ipv4Fields)),
    ...(EnableIPv6 && (ignoreSubnets ? { IPv6Network: ipv6Fields.IPv6Network } : ipv6Fields)),
  }
  const families = readFields({ ...fields, ...ofFamilies }, object, WHERE)
  const networkOfFamily = ignoreSubnets ? assignedNetwork : familyNetwork
  return {
    ipv4: EnableIPv4 ? networkOfFamily(IPV4, families.values) : undefined,
    ipv6: EnableIPv6 ? networkOfFamily(IPV6, families.values) : undefined,
    enableNFTables: EnableNFTables,
    backend: Backend === undefined ? undefined : backendSection(Backend),
    unknownKeys: families.unknownKeys,
  }
}

/** The same keys, with any value. */
const unread = (table: FieldTable): FieldTable =>
  Object.fromEntries(Object.entries(table).map(([key, field]) => [key, { ...field, accepts: () => true }]))

function parseObject(source: string | object): Readonly<Record<string, unknown>> {
  const value = typeof source === 'string' ? parseText(source) : source
  if (!isJsonObject(value)) {
    throw new OverlayError(
      'INVALID_CONFIG',
      'the network config must be a JSON object such as {"Network": "10.244.0.0/16"}',
    )
  }
  return value
}

function parseText(text: string): unknown {
  try {
    return parseJson(text, CONFIG_LIMITS)
  } catch (error) {
    throw OverlayError.from(error, 'INVALID_CONFIG', 'the network config cannot be read')
  }
}

function familyNetwork(rules: FamilyRules, values: Readonly<Record<string, unknown>>): FamilyNetwork {
  const { keys } = rules
  const network = networkOf(rules, values[keys.network])
  const length = subnetLengthOf(rules, network, values[keys.length])
  const bits = addressBits(rules.family)
  const size = 1n << BigInt(bits - length)
  // The first subnet is skipped: an interface that bears a network's own base address confuses tools.
  const min = boundaryOf(rules, keys.min, values[keys.min], network, size) ?? network.base + size
  const max = boundaryOf(rules, keys.max, values[keys.max], network, size) ?? lastAddress(network) + 1n - size
  if (min > max) {
    throw invalid(
      keys.min,
      values[keys.min],
      `must not lie above ${keys.max}, ${formatAddress({ family: rules.family, value: max })}`,
    )
  }
  return {
    network: `${formatAddress({ family: rules.family, value: network.base })}/${network.length}`,
    subnetLength: length,
    subnetMin: formatAddress({ family: rules.family, value: min }),
    subnetMax: formatAddress({ family: rules.family, value: max }),
  }
}

/** A network whose subnets are assigned elsewhere: all of them may be. */
function assignedNetwork(rules: FamilyRules, values: Readonly<Record<string, unknown>>): FamilyNetwork {
  const { family, keys, usualLength, usualUpTo } = rules
  const bits = addressBits(family)
  const network = networkOf({ ...rules, maxNetworkLength: bits }, values[keys.network])
  const length = network.length <= usualUpTo ? usualLength : Math.min(network.length + SPARE_BITS, bits)
  const last = lastAddress(network) + 1n - (1n << BigInt(bits - length))
  return {
    network: `${formatAddress({ family, value: network.base })}/${network.length}`,
    subnetLength: length,
    subnetMin: formatAddress({ family, value: network.base }),
    subnetMax: formatAddress({ family, value: last }),
  }
}

function networkOf({ family, keys, maxNetworkLength }: FamilyRules, value: unknown): Cidr {
  const example = family === 4 ? '10.244.0.0/16' : 'fd00:10:244::/48'
  if (value === undefined)
    throw invalid(keys.network, value, `is required where IPv${family} is on, such as ${example}`)
  const network = parseCidr(String(value))
  if (network?.family !== family)
    throw invalid(keys.network, value, `must be an IPv${family} CIDR such as ${example}`)
  if (network.length > maxNetworkLength) {
    throw invalid(keys.network, value, `is too small: its prefix must be /${maxNetworkLength} or shorter`)
  }
  const unroutable = unroutablePart(network)
  if (unroutable !== undefined) {
    throw invalid(keys.network, value, `overlaps ${unroutable}, which cannot be routed`)
  }
  return network
}

function subnetLengthOf(rules: FamilyRules, network: Cidr, value: unknown): number {
  const { keys, maxSubnetLength, usualLength, usualUpTo } = rules
  const minLength = network.length + SPARE_BITS
  if (value === 0) return network.length <= usualUpTo ? usualLength : minLength
  const length = Number(value)
  if (length > maxSubnetLength) throw invalid(keys.length, value, `must be ${maxSubnetLength} or less`)
  if (length < minLength) {
    throw invalid(
      keys.length,
      value,
      `must be ${minLength} or more, so that /${network.length} holds at least four subnets`,
    )
  }
  return length
}

function boundaryOf(
  rules: FamilyRules,
  key: string,
  value: unknown,
  network: Cidr,
  size: bigint,
): bigint | undefined {
  if (value === undefined || value === '') return undefined
  const address = parseAddress(String(value))
  if (address?.family !== rules.family) throw invalid(key, value, `must be an IPv${rules.family} address`)
  const bits = addressBits(rules.family)
  if (!contains(network, { family: rules.family, base: address.value, length: bits })) {
    throw invalid(key, value, `must lie inside ${rules.keys.network}`)
  }
  if ((address.value - network.base) % size !== 0n) {
    throw invalid(key, value, `must be the base address of a subnet`)
  }
  return address.value
}

function backendSection(section: Readonly<Record<string, unknown>>): BackendSection {
  const { values, unknownKeys } = readFields({ Type: textField() }, section, 'the Backend section')
  if (!values.Type) throw invalid('Backend.Type', values.Type, 'must name a backend, such as "vxlan"')
  return {
    type: values.Type,
    options: objectOf(membersOf(section).filter(([key]) => unknownKeys.includes(key))),
  }
}

function invalid(key: string, value: unknown, rule: string): OverlayError {
  return invalidField(key, value, rule, WHERE)
}
