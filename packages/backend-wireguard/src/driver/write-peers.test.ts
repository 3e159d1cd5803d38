import { OverlayError } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import type { PeerChange } from './device.js'
import { writePeers } from './write-peers.js'

const changes = Array.from({ length: 5000 }, (_, i): PeerChange => ({ publicKey: `${i}`, remove: true }))
const refusal = new OverlayError('DRIVER_REFUSED', 'no', { errno: 'EINVAL' })

/** Takes all but some, as WireGuard does: up to the first that it refuses. */
function holder(refused: readonly string[] = []) {
  const held: string[] = []
  let requests = 0
  return {
    held,
    requests: () => requests,
    write: async (peers: readonly PeerChange[]) => {
      requests += 1
      for (const { publicKey } of peers) {
        if (refused.includes(publicKey)) throw refusal
        held.push(publicKey)
      }
    },
  }
}

describe('changes of 5,000 peers', () => {
  it('take ten requests, in their order', async () => {
    const { held, requests, write } = holder()
    expect(await writePeers(changes, write)).toEqual(new Map())
    expect(requests()).toBe(10)
    expect(held).toEqual(changes.map(({ publicKey }) => publicKey))
  })

  it('of which some are refused: all others are made, by few more requests', async () => {
    const refused = ['0', '777', '4999']
    const { held, requests, write } = holder(refused)
    const failures = await writePeers(changes, write)
    expect([...failures].map(([{ publicKey }, error]) => [publicKey, error])).toEqual(
      refused.map((key) => [key, refusal]),
    )
    expect(new Set(held).size).toBe(4997)
    expect(requests()).toBeLessThan(80)
  })

  it.each(['ETIMEDOUT', 'ENODEV'])('are not tried on if there is no answer: %s', async (errno) => {
    let requests = 0
    const error = new OverlayError('DRIVER_REFUSED', 'gone', { errno })
    const failures = await writePeers(changes, async () => {
      requests += 1
      if (requests === 2) throw error
    })
    expect(requests).toBe(2)
    expect(failures.size).toBe(4500)
  })
})
