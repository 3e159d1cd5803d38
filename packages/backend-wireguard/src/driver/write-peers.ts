import { OverlayError } from '@selvedge/core'
import { isRefusal, type PeerChange } from './device.js'

/** As many peers are changed at a time: each request is answered soon, and another process has its turn. */
const MAX_PEERS = 500

/**
 * Writes changes of peers, many at a time, and returns those that failed. One that is refused stops no other: what was
 * written with it is written again in halves. What gives no answer is not asked again.
 */
export async function writePeers(
  changes: readonly PeerChange[],
  write: (peers: readonly PeerChange[]) => Promise<void>,
): Promise<ReadonlyMap<PeerChange, OverlayError>> {
  const failures = new Map<PeerChange, OverlayError>()
  const pending = [changes]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.length === 0) continue
    if (next.length > MAX_PEERS) {
      pending.push(next.slice(MAX_PEERS), next.slice(0, MAX_PEERS))
      continue
    }
    try {
      await write(next)
    } catch (thrown) {
      const error = OverlayError.from(thrown, 'DRIVER_REFUSED', 'changing WireGuard peers')
      if (!isRefusal(error)) {
        for (const change of [...next, ...pending.flat()]) failures.set(change, error)
        break
      }
      const [only] = next
      const half = next.length >> 1
      if (half === 0 && only !== undefined) failures.set(only, error)
      else pending.push(next.slice(half), next.slice(0, half))
    }
  }
  return failures
}
