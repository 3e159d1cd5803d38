import type { DriverEvent } from '@selvedge/core'
import type { Knowledge } from '../cache/kernel-cache.js'
import {
  MessageReader,
  NetlinkMonitor,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_NEXTHOP,
} from '../netlink/index.js'
import { isNews } from './notification-filter.js'

export interface WatchSource {
  readonly namespace: string | undefined
  readonly ownPort: number
  readonly hasNexthops: boolean
  readonly knowledge: Knowledge
  readonly signal: AbortSignal
  /** In bytes; for tests. */
  readonly receiveBuffer?: number | undefined
}

const GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
]

/**
 * Notifications that wait for a snapshot to end. More than these are not kept; the snapshot is repeated instead. A
 * whole network's fdb entries, written by the driver itself right before, must fit: the kernel names no cause for them.
 */
const MAX_WAITING = 100_000

/** Yields as soon as there is news, and once for all the news that came while nobody asked. */
export async function* watchKernel(source: WatchSource): AsyncGenerator<DriverEvent> {
  const { signal } = source
  if (signal.aborted) return
  const pending = new Set<DriverEvent['type']>()
  let failure: unknown
  let wake = (): void => {}
  const tell = (type: DriverEvent['type']): void => {
    pending.add(type)
    wake()
  }
  const { knowledge, ownPort } = source
  let waiting: Buffer[] = []
  const hear = (message: MessageReader): void => {
    if (pending.has('changed')) return
    const belief = knowledge.certain
    if (belief !== undefined) {
      if (isNews(message, belief, ownPort)) tell('changed')
    } else if (waiting.length === MAX_WAITING) {
      tell('overrun')
    } else {
      waiting.push(Buffer.from(message.bytes()))
    }
  }
  const abort = (): void => wake()
  const fail = (error: unknown): void => {
    failure ??= error
    wake()
  }
  const monitor = new NetlinkMonitor({
    namespace: source.namespace,
    ignoredPort: ownPort,
    ...(source.receiveBuffer === undefined ? {} : { receiveBuffer: source.receiveBuffer }),
    groups: source.hasNexthops ? [...GROUPS, RTNLGRP_NEXTHOP] : GROUPS,
    onNotification: hear,
    onOverrun: () => tell('overrun'),
    onError: fail,
  })
  const stopListening = knowledge.listen({
    read: () => {
      const late = waiting
      waiting = []
      for (const bytes of late) {
        const message = new MessageReader(bytes)
        if (message.next()) hear(message)
      }
    },
  })
  signal.addEventListener('abort', abort, { once: true })
  try {
    for (;;) {
      if (failure !== undefined) throw failure
      if (signal.aborted) return
      const [type] = pending
      if (type !== undefined) {
        pending.delete(type)
        yield { type }
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    signal.removeEventListener('abort', abort)
    stopListening()
    monitor.close()
  }
}
