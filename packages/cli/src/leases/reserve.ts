import type { StoreSettings } from '@selvedge/agent/flags'
import { type Lease, leaseKey, OverlayError, parseNetworkConfig } from '@selvedge/core'
import {
  canonicalAddress,
  canonicalCidr,
  contains,
  enabledFamilies,
  familyOf,
  LeasedSubnets,
  parseAddress,
  parseCidr,
  requireCidr,
  sameNode,
  sameSubnets,
  whyNoHostAddress,
} from '@selvedge/core/kit'
import type { Context } from '../context.js'
import { openOperatorStore, requireWritable } from '../store/open.js'
import { leaseJson, ownerOf } from './describe.js'

export interface ReserveOptions {
  /** One of each family at most. */
  readonly subnets: readonly string[]
  readonly addresses: readonly string[]
}

/** Reserves subnets for a node: a lease without an end, as flannel knows one, by the node's public address. */
export async function reserveCommand(
  { io, page }: Context,
  settings: StoreSettings,
  options: ReserveOptions,
): Promise<void> {
  const asked = reservationOf(options)
  await using store = await openOperatorStore(settings, {
    signal: io.signal,
    onWarning: (text) => io.stderr(`selvedge: ${text}\n`),
  })
  requireWritable(
    store,
    `reserving ${options.subnets.join(' and ')}`,
    "set the Node's podCIDRs when it is created",
  )
  const { leases } = await store.list()
  const text = await store.configText()
  if (text !== undefined) requireInside(asked, parseNetworkConfig(text))
  // What the node publishes in it stays: its peers reach it by that.
  const held = leases.find(
    (lease) => sameSubnets(lease, asked) && sameNode(lease.attributes, asked.attributes),
  )
  const reserve = store.manager.reserve?.bind(store.manager)
  if (reserve === undefined) throw new OverlayError('UNSUPPORTED', `${store.place} has no reservations`)
  const lease = await reserve(held ?? asked, { signal: io.signal })
  const others = leases.filter(
    (other) => sameNode(other.attributes, lease.attributes) && !sameSubnets(other, lease),
  )
  const warning = text === undefined ? undefined : whyUnused(lease, parseNetworkConfig(text))
  if (page.json) {
    page.document({
      warning,
      reserved: leaseJson(lease, { isReserved: true, now: io.clock.now(), redact: (value) => value }),
      otherLeases: others.map(leaseKey),
    })
    return
  }
  page.text(`reserved ${leaseKey(lease)} for ${ownerOf(lease)}: it does not end`)
  if (warning !== undefined) page.text(warning, { style: 'yellow', indent: 2 })
  for (const other of others) {
    page.text(
      `${ownerOf(other)} holds ${leaseKey(other)} too, and keeps it while its agent runs: release it, then start the agent again`,
      { style: 'yellow', indent: 2 },
    )
  }
}

function reservationOf({ subnets, addresses }: ReserveOptions): Lease {
  for (const text of subnets) {
    if (parseCidr(text) === undefined) throw invalid(text, 'it must be a subnet such as 10.244.5.0/24')
    if (canonicalCidr(text) !== text) throw invalid(text, `write ${canonicalCidr(text)}`)
  }
  for (const text of addresses) {
    if (parseAddress(text) === undefined) throw invalid(text, 'it must be the public address of a node')
    const why = whyNoHostAddress(canonicalAddress(text))
    if (why !== undefined) throw invalid(text, `no peer reaches a node at ${why}`)
  }
  return {
    subnet: ofFamily(subnets, 4),
    ipv6Subnet: ofFamily(subnets, 6),
    attributes: {
      publicIp: ofFamily(addresses.map(canonicalAddress), 4),
      publicIpv6: ofFamily(addresses.map(canonicalAddress), 6),
    },
  }
}

function ofFamily(texts: readonly string[], family: 4 | 6): string | undefined {
  const [first, second] = texts.filter((text) => familyOf(text) === family)
  if (second !== undefined) throw invalid(second, `one of IPv${family} is enough`)
  return first
}

const invalid = (text: string, why: string): OverlayError =>
  new OverlayError('INVALID_CONFIG', `reserving: ${JSON.stringify(text)} is not valid: ${why}`)

/** A reservation outside of the network is one that its node never gets. */
function requireInside(reservation: Lease, config: ReturnType<typeof parseNetworkConfig>): void {
  for (const parts of enabledFamilies(config)) {
    const network = config[parts.network]?.network
    const subnet = reservation[parts.subnet]
    if (network === undefined) continue
    if (subnet === undefined) {
      throw invalid(
        network,
        `the network has this family too, and a lease has a subnet of each: name one inside it`,
      )
    }
    if (!contains(requireCidr(network), requireCidr(subnet)))
      throw invalid(subnet, `it is outside of ${network}`)
  }
}

/** A reservation of another length than the network's is no node's lease. */
function whyUnused(reservation: Lease, config: ReturnType<typeof parseNetworkConfig>): string | undefined {
  if (new LeasedSubnets(config).fits(reservation)) return undefined
  return `no node leases ${leaseKey(reservation)}, which is not one of the network's subnets: it keeps its addresses free`
}
