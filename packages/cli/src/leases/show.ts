import { withoutSecrets } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import { leaseKey } from '@selvedge/core'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { openOperatorStore } from '../store/open.js'
import { leaseJson, ownerOf } from './describe.js'
import { endOf } from './lease-end.js'
import { matching } from './list.js'

/** @param word an address, a subnet, or a key of a lease */
export async function showCommand(
  { io, page, showSecrets }: Context,
  settings: StoreSettings,
  word: string,
): Promise<void> {
  await using store = await openOperatorStore(settings, {
    signal: io.signal,
    onWarning: (text) => io.stderr(`selvedge: ${text}\n`),
  })
  const { leases, reserved, withEnds } = await store.list()
  const found = await withEnds(leases.filter(matching(word)))
  const now = io.clock.now()
  const redact = showSecrets ? (value: unknown) => value : withoutSecrets
  if (found.length === 0) throw new Ended(EXIT.notFound, `no lease in ${store.place} matches ${word}`)
  if (page.json) {
    page.document({
      store: store.place,
      leases: found.map((lease) =>
        leaseJson(lease, { isReserved: reserved.has(leaseKey(lease)), now, redact }),
      ),
    })
    return
  }
  for (const [index, lease] of found.entries()) {
    const { attributes } = lease
    const isReserved = reserved.has(leaseKey(lease))
    if (index > 0) page.text('')
    page.fields([
      ['Lease', leaseKey(lease)],
      ['Subnet', lease.subnet],
      ['IPv6 subnet', lease.ipv6Subnet],
      ['Node', ownerOf(lease)],
      ['IPv6 address', attributes.publicIp === undefined ? undefined : attributes.publicIpv6],
      ['Backend', attributes.backendType ?? '- (none is published)'],
      ['Data', dataOf(redact(attributes.backendData))],
      ['IPv6 data', dataOf(redact(attributes.backendV6Data))],
      ['Ends', endText(endOf(lease, isReserved, now), store.unknownEnd)],
      ['Written', writesOf(lease)],
      ['Invalid', Object.values(attributes.invalidAddresses ?? {}).join('; ') || undefined],
    ])
  }
}

const dataOf = (data: unknown): string | undefined => (data === undefined ? undefined : JSON.stringify(data))

function endText(end: string, unknown: string): string {
  if (end === 'reserved') return 'never: it is a reservation'
  return end === '-' ? unknown : `in ${end}, unless renewed`
}

function writesOf({ created, version }: { created?: number | undefined; version?: number | undefined }) {
  if (created === undefined || version === undefined) return undefined
  return created === version ? `once, at revision ${created}` : `at revision ${version}; first at ${created}`
}
