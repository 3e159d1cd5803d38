/** What a change of backend costs; `npm run bench -- --only backend-changes` measures every one. */
import { expect, test } from 'vitest'
import { changeBackend } from '../src/index.js'
import { printTime } from './setup.js'

test.each([
  ['vxlan', 'host-gw'],
  ['wireguard', 'vxlan'],
])(
  'from %s to %s, one host after the other: no packet is lost before, and none once both have changed',
  async (from, to) => {
    const { before, mixed, after, settled } = await changeBackend({ from: { Type: from }, to: { Type: to } })
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
