import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { Lab } from '@selvedge/lab'
import { longestWait } from './longest-wait.js'
import { median } from './median.js'
import { OneSnapshot } from './one-snapshot.js'
import { peerLeases } from './peers.js'

/** What an overlay costs that only looks whether all is well. Milliseconds, medians. */
export interface Resync {
  readonly peers: number
  /** Until everything is read and compared. */
  readonly resyncMs: number
  /** The longest time that a timer of 1 ms took meanwhile: so long may a health check wait. */
  readonly longestWaitMs: number
}

const ROUNDS = 5

export async function measureResync(peers: number, signal: AbortSignal): Promise<Resync> {
  await using lab = await Lab.create({ hosts: 1, signal })
  await using overlay = createOverlay({
    subnets: new OneSnapshot(peerLeases(peers)),
    backend: vxlan(),
    drivers: [linux({ namespace: `/run/netns/${lab.host(0).namespace}` })],
  })
  await overlay.start({ signal })
  await overlay.whenInSync({ signal })
  const [resyncs, waits]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now()
    waits.push((await longestWait(overlay.resync({ signal }))).waitMs)
    resyncs.push(performance.now() - startedAt)
  }
  return { peers, resyncMs: median(resyncs), longestWaitMs: median(waits) }
}
