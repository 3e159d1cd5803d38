import { type FamilyNetwork, type Lease, leaseKey, type NetworkConfig } from '@selvedge/core'
import {
  contains,
  containsAddress,
  enabledFamilies,
  IPV4_PARTS,
  IPV6_PARTS,
  LeasedSubnets,
  parseAddress,
  requireCidr,
} from '@selvedge/core/kit'
import { isReservedOnly } from '../leases/reservation.js'

/** What a network config would do to the nodes of the leases that there are. */
export interface Effect {
  /** `harm`: pods lose connections or addresses. `note`: what to know. */
  readonly severity: 'harm' | 'note'
  readonly message: string
}

/** How many leases a message names. */
const MAX_NAMED = 3

/**
 * The effects of writing `after` where the store holds `before`, judged by the leases in it. Without `before` there is no
 * change to judge, and only what contradicts the leases is said.
 */
export function configEffects(
  before: NetworkConfig | undefined,
  after: NetworkConfig,
  leases: readonly Lease[],
): readonly Effect[] {
  const effects = [...misfits(before, after, leases), ...overlaps(after, leases), ...capacity(after, leases)]
  return before === undefined ? effects : [...effects, ...transitions(before, after, leases)]
}

/**
 * Leases that an allocation gives up: they fit the network as it is, and not as it is to be. A reservation of another
 * length fits neither; it keeps addresses free, and goes on doing so.
 */
function misfits(
  before: NetworkConfig | undefined,
  after: NetworkConfig,
  leases: readonly Lease[],
): Effect[] {
  const [was, is] = [before && new LeasedSubnets(before), new LeasedSubnets(after)]
  const lost = leases.filter(
    (lease) => !is.fits(lease) && (was === undefined ? !isReservedOnly(lease.attributes) : was.fits(lease)),
  )
  const [first] = lost
  if (first === undefined) return []
  return [
    {
      severity: 'harm',
      message:
        `${lost.length} of ${leases.length} leases do not fit: ${whyUnfit(after, first)} (${named(lost)}); ` +
        'their nodes get other subnets when they start again, and their pods lose their addresses',
    },
  ]
}

function whyUnfit(config: NetworkConfig, lease: Lease): string {
  for (const parts of [IPV4_PARTS, IPV6_PARTS]) {
    const [family, subnet] = [config[parts.network], lease[parts.subnet]]
    if (family === undefined && subnet === undefined) continue
    if (family === undefined) return `${subnet} is of ${parts.name}, which is off`
    if (subnet === undefined) return `${leaseKey(lease)} has no ${parts.name} subnet`
    const cidr = requireCidr(subnet)
    if (!contains(requireCidr(family.network), cidr)) return `${subnet} is outside of ${family.network}`
    if (cidr.length !== family.subnetLength) return `${subnet} is not a /${family.subnetLength}`
    const [min, max] = boundsOf(family)
    if (cidr.base < min || cidr.base > max) {
      return `${subnet} is not from ${family.subnetMin} to ${family.subnetMax}`
    }
  }
  return `${leaseKey(lease)} is none of its subnets`
}

const boundsOf = ({ subnetMin, subnetMax }: FamilyNetwork): readonly [min: bigint, max: bigint] => [
  parseAddress(subnetMin)?.value ?? 0n,
  parseAddress(subnetMax)?.value ?? 0n,
]

/** Nodes whose own addresses are pods' addresses, too. */
function overlaps(config: NetworkConfig, leases: readonly Lease[]): Effect[] {
  const networks = [config.ipv4?.network, config.ipv6?.network].filter((text) => text !== undefined)
  return networks.flatMap((network): Effect[] => {
    const inside = leases.filter(({ attributes: { publicIp, publicIpv6 } }) =>
      [publicIp, publicIpv6].some((address) => address !== undefined && containsAddress(network, address)),
    )
    if (inside.length === 0) return []
    const addresses = inside.map(({ attributes }) => attributes.publicIp ?? attributes.publicIpv6 ?? '')
    return [
      {
        severity: 'harm',
        message:
          `the network ${network} contains the address of ${list(addresses)}: ` +
          'a pod that gets such an address cuts the node off; choose another network',
      },
    ]
  })
}

function capacity(config: NetworkConfig, leases: readonly Lease[]): Effect[] {
  return enabledFamilies(config).flatMap((parts): Effect[] => {
    const family = config[parts.network]
    if (family === undefined) return []
    const [min, max] = boundsOf(family)
    const room = (max - min) / (1n << BigInt(parts.bits - family.subnetLength)) + 1n
    if (room >= BigInt(leases.length)) return []
    return [
      {
        severity: 'harm',
        message: `${family.network} has ${room} subnets of /${family.subnetLength} for the ${leases.length} nodes that there are`,
      },
    ]
  })
}

/** What happens between the first node that has the new config and the last. */
function transitions(before: NetworkConfig, after: NetworkConfig, leases: readonly Lease[]): Effect[] {
  if (leases.length === 0) return []
  const effects: Effect[] = []
  const [was, is] = [before.backend?.type ?? 'udp', after.backend?.type ?? 'udp']
  if (was !== is) {
    effects.push({
      severity: 'harm',
      message:
        `the backend changes from ${was} to ${is}: a node that has started again does not reach those that have not, ` +
        'until all have; their pods keep the MTU that they have until they are made again',
    })
  } else {
    const options = changedOptions(before, after)
    if (options.length > 0) {
      effects.push({
        severity: 'harm',
        message:
          `Backend.${options.join(', Backend.')} differs: a node that has started again may not reach those that have not, ` +
          'until all have',
      })
    }
  }
  if (before.enableNFTables !== after.enableNFTables) {
    effects.push({
      severity: 'note',
      message: `traffic rules are by ${after.enableNFTables ? 'nftables' : 'iptables'}, on each node from its next start on`,
    })
  }
  if (
    effects.length > 0 ||
    JSON.stringify([before.ipv4, before.ipv6]) !== JSON.stringify([after.ipv4, after.ipv6])
  ) {
    effects.push({
      severity: 'note',
      message: `agents that run (${leases.length} leases) report the new config, and apply it when they start again`,
    })
  }
  return effects
}

function changedOptions({ backend: was }: NetworkConfig, { backend: is }: NetworkConfig): readonly string[] {
  const [before, after] = [was?.options ?? {}, is?.options ?? {}]
  return Object.keys({ ...before, ...after }).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  )
}

const named = (leases: readonly Lease[]): string => list(leases.map(leaseKey))

function list(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMED
  return `${texts.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
