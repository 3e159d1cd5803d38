import { type Cidr, contains, lastAddress, parseCidr } from '../net/cidr.js'
import { addressBits, type Family, formatAddress, parseAddress } from '../net/ip.js'
import { OverlayError } from '../util/errors.js'
import {
  booleanField,
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
  readonly type: string
  /** All other keys, as they were written. Read them with `readFields`. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The network config as flannel reads it, validated, with every default filled in. */
export interface NetworkConfig {
  /** Absent where IPv4 is off. At least one family is on. */
  readonly ipv4?: FamilyNetwork | undefined
  /** Absent where IPv6 is off. */
  readonly ipv6?: FamilyNetwork | undefined
  /** Traffic rules by nftables instead of iptables. */
  readonly enableNFTables: boolean
  /** Absent where the config does not say; flannel takes `udp` then. */
  readonly backend?: BackendSection | undefined
  /** Keys that mean nothing here, probably mistyped: `SubnetLength` for `SubnetLen`. */
  readonly unknownKeys: readonly string[]
}

/** Bounds and defaults of one family, as flannel has them. */
interface FamilyRules {
  readonly family: Family
  readonly keys: { network: string; length: string; min: string; max: string }
  /** The subnets' length where none is given and the network leaves room for it. */
  readonly usualLength: number
  /** The longest network that still has room for `usualLength`. */
  readonly usualUpTo: number
  readonly longestSubnet: number
  readonly longestNetwork: number
}

const IPV4: FamilyRules = {
  family: 4,
  keys: { network: 'Network', length: 'SubnetLen', min: 'SubnetMin', max: 'SubnetMax' },
  usualLength: 24,
  usualUpTo: 22,
  longestSubnet: 30,
  longestNetwork: 28,
}

const IPV6: FamilyRules = {
  family: 6,
  keys: { network: 'IPv6Network', length: 'IPv6SubnetLen', min: 'IPv6SubnetMin', max: 'IPv6SubnetMax' },
  usualLength: 64,
  usualUpTo: 62,
  longestSubnet: 126,
  longestNetwork: 124,
}

/** A network holds at least 2² subnets: the first is left out, and one alone is no overlay. */
const SPARE_BITS = 2

const WHERE = 'the network config'

const fields = {
  Network: textField(),
  IPv6Network: textField(),
  EnableIPv4: booleanField(true),
  EnableIPv6: booleanField(false),
  EnableNFTables: booleanField(false),
  SubnetLen: integerField(0, 32, 0),
  SubnetMin: textField(),
  SubnetMax: textField(),
  IPv6SubnetLen: integerField(0, 128, 0),
  IPv6SubnetMin: textField(),
  IPv6SubnetMax: textField(),
  Backend: objectField(),
}

/**
 * Reads a network config as flannel does: keys without regard to case, defaults filled in. Takes the JSON text or
 * what it parses to. Throws an OverlayError of code `INVALID_CONFIG` that names the key, its value and the rule.
 */
export function parseNetworkConfig(source: string | object): NetworkConfig {
  const { values, unknownKeys } = readFields(fields, parseObject(source), WHERE)
  if (!values.EnableIPv4 && !values.EnableIPv6) {
    throw invalid(
      'EnableIPv4',
      false,
      'must be true, or EnableIPv6 must be: a network has at least one family',
    )
  }
  return {
    ipv4: values.EnableIPv4 ? familyNetwork(IPV4, values) : undefined,
    ipv6: values.EnableIPv6 ? familyNetwork(IPV6, values) : undefined,
    enableNFTables: values.EnableNFTables,
    backend: values.Backend === undefined ? undefined : backendSection(values.Backend),
    unknownKeys,
  }
}

function parseObject(source: string | object): Readonly<Record<string, unknown>> {
  let value: unknown = source
  if (typeof source === 'string') {
    try {
      value = JSON.parse(source)
    } catch (error) {
      throw new OverlayError(
        'INVALID_CONFIG',
        `the network config is not JSON: ${withoutExcerpt(String(error))}`,
      )
    }
  }
  if (!isJsonObject(value)) {
    throw new OverlayError(
      'INVALID_CONFIG',
      'the network config must be a JSON object such as {"Network": "10.244.0.0/16"}',
    )
  }
  return value
}

/** V8 quotes the text around a mistake; near it may stand a pre-shared key. For that the error has no cause either. */
const withoutExcerpt = (message: string): string =>
  message.replace(/,? *(?:\.\.\.)?".*is not valid JSON/s, '')

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

function networkOf({ family, keys, longestNetwork }: FamilyRules, value: unknown): Cidr {
  const example = family === 4 ? '10.244.0.0/16' : 'fd00:10:244::/48'
  if (value === undefined)
    throw invalid(keys.network, value, `is required where IPv${family} is on, such as ${example}`)
  const network = parseCidr(String(value))
  if (network?.family !== family)
    throw invalid(keys.network, value, `must be an IPv${family} CIDR such as ${example}`)
  if (network.length > longestNetwork) {
    throw invalid(keys.network, value, `is too small: its prefix must be /${longestNetwork} or shorter`)
  }
  return network
}

function subnetLengthOf(rules: FamilyRules, network: Cidr, value: unknown): number {
  const { keys, longestSubnet, usualLength, usualUpTo } = rules
  const shortest = network.length + SPARE_BITS
  if (value === 0) return network.length <= usualUpTo ? usualLength : shortest
  const length = Number(value)
  if (length > longestSubnet) throw invalid(keys.length, value, `must be ${longestSubnet} or less`)
  if (length < shortest) {
    throw invalid(
      keys.length,
      value,
      `must be ${shortest} or more, so that /${network.length} holds at least four subnets`,
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

function backendSection(section: Readonly<Record<string, unknown>>): BackendSection | undefined {
  const { values, unknownKeys } = readFields({ Type: textField() }, section, 'the Backend section')
  if (values.Type === '') throw invalid('Backend.Type', '', 'must name a backend, such as "vxlan"')
  if (values.Type === undefined) return undefined
  return { type: values.Type, options: Object.fromEntries(unknownKeys.map((key) => [key, section[key]])) }
}

function invalid(key: string, value: unknown, rule: string): OverlayError {
  return invalidField(key, value, rule, WHERE)
}
