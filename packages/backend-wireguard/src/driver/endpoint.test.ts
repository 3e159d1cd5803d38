import { describe, expect, it } from 'vitest'
import type { PeerState } from './device.js'
import { keepsEndpoint, reportedEndpoint } from './endpoint.js'

const LEASE = '192.0.2.7:51820'
const ROAMED = '203.0.113.9:40001'
const NOW = 1_000_000
const peer = (endpoint: string, handshakeAgo?: number): PeerState => ({
  publicKey: 'a',
  presharedKey: undefined,
  endpoint,
  persistentKeepalive: 0,
  allowedIps: [],
  lastHandshake: handshakeAgo === undefined ? 0 : NOW - handshakeAgo,
})

describe('a put', () => {
  it.each([
    ['sets the endpoint of a new peer', undefined, undefined, false],
    ['sets that of a peer without a session', peer(ROAMED), LEASE, false],
    ['keeps where a session roamed to', peer(ROAMED, 10), LEASE, true],
    ['keeps what an earlier run left, if it has a session', peer(ROAMED, 10), undefined, true],
    ['sets it once the session is over', peer(ROAMED, 181), LEASE, false],
    ['sets it if the lease has another one than before', peer(ROAMED, 10), '192.0.2.8:51820', false],
  ])('%s', (_what, found, last, expected) => {
    expect(keepsEndpoint(found, last, LEASE, NOW)).toBe(expected)
  })
})

describe('a snapshot', () => {
  it.each([
    ['is silent about roaming during a session', peer(ROAMED, 10), LEASE, LEASE],
    ['says so once it is over', peer(ROAMED, 181), LEASE, ROAMED],
    ['says what an earlier run left', peer(ROAMED, 10), undefined, ROAMED],
  ])('%s', (_what, found, last, expected) => {
    expect(reportedEndpoint(found, last, NOW)).toBe(expected)
  })
})
