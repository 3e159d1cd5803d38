import { withoutSecrets } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import { type Lease, leaseKey } from '@selvedge/core'
import { canonicalCidr, containsAddress, parseAddress, parseCidr, requireCidr } from '@selvedge/core/kit'
import type { Context } from '../context.js'
import { gatheredOnce } from '../gathered-once.js'
import { count } from '../output/count.js'
import { openOperatorStore } from '../store/open.js'
import { LEASE_HEAD, leaseJson, leaseRows } from './describe.js'
import { type LeaseState, leaseState } from './lease-end.js'

export interface ListCommandOptions {
  /** An address, a subnet, or a part of a public address or of a backend's name. */
  readonly filter: string | undefined
  readonly limit: number | undefined
  readonly all: boolean
  /** Ask for the ends of all that are shown, however many they are. */
  readonly ends: boolean
}

/** How many leases a terminal shows at once. */
const PAGE_LEASES = 50
const MAX_FAULTS = 5
/** Of how many leases a store is asked when they end: it is a request for each. */
const MAX_ENDS = 200

export async function listCommand(
  { io, page, showSecrets }: Context,
  settings: StoreSettings,
  { filter, limit, all, ends }: ListCommandOptions,
): Promise<void> {
  const ofPage = all ? undefined : (limit ?? (page.isTerminal ? PAGE_LEASES : undefined))
  const { place, faults, reserved, found, shown, asked } = await gatheredOnce(io, 'leases', async () => {
    await using store = await openOperatorStore(settings, {
      signal: io.signal,
      onWarning: (text) => io.stderr(`selvedge: ${text}\n`),
    })
    const listed = await store.list()
    const { faults, reserved } = listed
    const found = listed.leases.filter(matching(filter)).toSorted(bySubnet)
    const chosen = found.slice(0, page.json ? limit : ofPage)
    const asked = listed.asksForEnds && !ends ? MAX_ENDS : chosen.length
    const shown = [...(await listed.withEnds(chosen.slice(0, asked))), ...chosen.slice(asked)]
    return { place: store.place, faults, reserved, found, shown, asked }
  })
  const isReserved = (lease: Lease): boolean => reserved.has(leaseKey(lease))
  const now = io.clock.now()
  if (page.json) {
    const redact = showSecrets ? (value: unknown) => value : withoutSecrets
    page.document({
      store: place,
      count: found.length,
      leases: shown.map((lease, index) => ({
        ...leaseJson(lease, { isReserved: isReserved(lease), now, redact }),
        ...(index >= asked && !isReserved(lease) && { expiresAt: null }),
      })),
      faults: faults.map(({ message }) => message),
    })
    return
  }
  if (shown.length > 0) {
    page.table(
      LEASE_HEAD,
      shown.flatMap((lease) => leaseRows(lease, isReserved(lease), now)),
    )
  }
  const numberOf = (state: LeaseState) =>
    shown.filter((lease) => leaseState(lease, isReserved(lease), now) === state).length
  const [ending, expired] = [numberOf('ending'), numberOf('expired')]
  page.text(
    `${count(found.length, 'lease')}${filter === undefined ? '' : ` that match ${filter}`}, ` +
      `${found.filter(isReserved).length} reserved` +
      `${ending > 0 ? `, ${ending} near the end` : ''}${expired > 0 ? `, ${expired} expired` : ''}, in ${place}` +
      (shown.length < found.length
        ? `; ${found.length - shown.length} more are not shown: --all, --limit, or name an address`
        : ''),
    { style: 'dim' },
  )
  if (asked < shown.length) {
    page.text(`only of the first ${asked} is it asked when they end: --ends asks of all`, { style: 'dim' })
  }
  for (const { message } of faults.slice(0, MAX_FAULTS)) page.text(message, { style: 'yellow', indent: 2 })
  if (faults.length > MAX_FAULTS) page.text(`${faults.length - MAX_FAULTS} more records are no leases`)
}

/** Whether a lease is meant by a word of an operator's: an address that it contains or is reached by, or a text in it. */
export function matching(word: string | undefined): (lease: Lease) => boolean {
  if (word === undefined) return () => true
  const isAddress = parseAddress(word) !== undefined
  const isCidr = parseCidr(word) !== undefined
  const subnet = isCidr ? canonicalCidr(word) : undefined
  return (lease) => {
    const { publicIp, publicIpv6, backendType } = lease.attributes
    if (publicIp === word || publicIpv6 === word) return true
    const subnets = [lease.subnet, lease.ipv6Subnet].filter((each) => each !== undefined)
    if (isAddress) return subnets.some((each) => containsAddress(each, word))
    if (isCidr) return subnets.some((each) => each === subnet)
    return [leaseKey(lease), publicIp, publicIpv6, backendType].some((text) => text?.includes(word))
  }
}

/** By their addresses, as numbers: .9 before .10. */
function bySubnet(a: Lease, b: Lease): number {
  const [left, right] = [baseOf(a), baseOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

const baseOf = ({ subnet, ipv6Subnet }: Lease): bigint =>
  requireCidr(subnet ?? ipv6Subnet ?? '0.0.0.0/0').base
