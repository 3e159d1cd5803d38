/** What a change of backend costs; `npm run bench -- --only backend-changes` measures every one. */
import { expect, test } from 'vitest'
import { changeBackend } from '../src/index.js'
import { printTime } from './setup.js'

const IPSEC = { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) }

test.each([
  ['vxlan', 'host-gw', { Type: 'vxlan' }, { Type: 'host-gw' }],
  ['wireguard', 'vxlan', { Type: 'wireguard' }, { Type: 'vxlan' }],
  ['ipsec', 'vxlan', IPSEC, { Type: 'vxlan' }],
])(
  'from %s to %s, one host after the other: no packet is lost before, and none once both have changed',
  async (from, to, former, latter) => {
    const { before, mixed, after, settled } = await changeBackend({ from: former, to: latter })
    expect(before.sent).toBeGreaterThan(0)
    expect(settled.sent).toBeGreaterThan(0)
    expect({ before: before.lost, settled: settled.lost }).toEqual({ before: 0, settled: 0 })
    printTime(
      `${from} to ${to}: ${mixed.lost} of ${mixed.sent} lost until both have changed`,
      mixed.durationMs,
    )
    printTime(
      `${from} to ${to}: ${after.lost} of ${after.sent} lost until both reach each other`,
      after.durationMs,
    )
  },
)
