import type { Lease } from '@selvedge/core'
import { expect, test } from 'vitest'
import type { CliIo } from '../io.js'
import { Page } from '../output/page.js'
import { LEASE_HEAD, leaseJson, leaseRows } from './describe.js'
import { LATE_MS, leaseState } from './lease-end.js'

const NOW = 1_000_000_000
const endingIn = (ms: number | undefined): Lease => ({
  subnet: '10.244.3.0/24',
  attributes: { publicIp: '192.0.2.3', backendType: 'vxlan' },
  ...(ms !== undefined && { expiresAt: NOW + ms }),
})

test.each([
  [LATE_MS, false, 'held'],
  [LATE_MS - 1, false, 'ending'],
  [1, false, 'ending'],
  [0, false, 'expired'],
  [-5_000, false, 'expired'],
  [undefined, false, 'unknown'],
  [undefined, true, 'reserved'],
])('a lease that ends in %s ms, reserved %s, is %s', (ms, isReserved, state) => {
  const lease = endingIn(ms)
  expect(leaseState(lease, isReserved, NOW)).toBe(state)
  expect(leaseJson(lease, { isReserved, now: NOW, redact: String })).toMatchObject({
    state,
    reserved: isReserved,
  })
})

function shown(leases: readonly Lease[], isTerminal: boolean): string {
  let text = ''
  const io = {
    stdout: (part: string) => {
      text += part
    },
    isTerminal,
    columns: undefined,
    variables: { TERM: 'xterm' },
  } as unknown as CliIo
  const page = new Page(io, { json: false })
  page.table(
    LEASE_HEAD,
    leases.flatMap((lease) => leaseRows(lease, false, NOW)),
  )
  return text
}

test('one that nears its end, or has expired, has a word of its own, and at a terminal a colour', () => {
  const dual = { ...endingIn(60_000), ipv6Subnet: 'fd44::/64' }
  const leases = [endingIn(86_000_000), dual, endingIn(-1), endingIn(undefined)]
  const plain = shown(leases, false)
  expect(plain).toBe(
    [
      'SUBNET         PUBLIC ADDRESS  BACKEND  ENDS IN  STATE',
      '10.244.3.0/24  192.0.2.3       vxlan    23h 53m',
      '10.244.3.0/24  192.0.2.3       vxlan    1m       ending',
      'fd44::/64',
      '10.244.3.0/24  192.0.2.3       vxlan    -        expired',
      '10.244.3.0/24  192.0.2.3       vxlan    -',
      '',
    ].join('\n'),
  )
  const lines = shown(leases, true).split('\n')
  const styles = lines.slice(1).map((line) => (line.startsWith('\u001b[') ? line.slice(2, 4) : undefined))
  expect(styles).toEqual([undefined, '33', '33', '31', undefined, undefined])
})
