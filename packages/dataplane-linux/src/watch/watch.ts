import type { DriverEvent, Program } from '@selvedge/core'
import type { KernelCache } from '../cache/kernel-cache.js'
import type { LinkTypes } from '../link-types/index.js'
import { MessageReader, NetlinkMonitor } from '../netlink/index.js'
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_NEXTHOP,
} from '../rtnetlink/index.js'
import { isForeignChange, takesRoutesAlong } from './notification-filter.js'
import { programOf } from './program.js'

export interface WatchSource {
  /** By path; the process's own if undefined. */
  readonly namespace: string | undefined
  /** The port of the connection that this driver writes through. */
  readonly ownPort: number
  readonly hasNexthops: boolean
  readonly cache: KernelCache
  readonly linkTypes: LinkTypes
  /** Whether peers are reached through this link, though it is not the external interface. */
  readonly isDetour?: ((index: number) => boolean) | undefined
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
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
]

/**
 * Notifications that wait for a snapshot to end. If there are more, none is kept and the snapshot is repeated. The fdb
 * of a whole network, written by the driver itself just before, must fit: the kernel names no cause for its entries.
 */
const MAX_WAITING = 100_000

/**
 * Yields `changed` when another process changed what is ours, `overrun` when notifications were lost; once for any
 * number of them that arrived while the consumer was busy.
 */
export async function* watchKernel(source: WatchSource): AsyncGenerator<DriverEvent> {
  const { signal, cache, ownPort, linkTypes } = source
  if (signal.aborted) return
  /** By type, with the program that caused the first one. */
  const pending = new Map<DriverEvent['type'], Program | undefined>()
  let failure: unknown
  let wake = (): void => {}
  const report = (type: DriverEvent['type'], by?: Program): void => {
    pending.set(type, by)
    wake()
  }
  const reportChange = ({ port }: MessageReader): void => report('changed', programOf(port, source.namespace))
  let waiting: Buffer[] = []
  const handle = (message: MessageReader): void => {
    if (pending.has('changed')) return
    const state = cache.settledState
    if (takesRoutesAlong(message, source.isDetour)) {
      reportChange(message)
    } else if (state !== undefined) {
      if (isForeignChange(message, state, ownPort, linkTypes)) reportChange(message)
    } else if (waiting.length === MAX_WAITING) {
      report('overrun')
    } else {
      waiting.push(Buffer.from(message.bytes()))
    }
  }
  const abort = (): void => wake()
  const monitor = new NetlinkMonitor({
    namespace: source.namespace,
    ignoredPort: ownPort,
    ...(source.receiveBuffer === undefined ? {} : { receiveBuffer: source.receiveBuffer }),
    groups: source.hasNexthops ? [...GROUPS, RTNLGRP_NEXTHOP] : GROUPS,
    onNotification: handle,
    onOverrun: () => report('overrun'),
    onError: (error) => {
      failure ??= error
      wake()
    },
  })
  const stopListening = cache.onRefresh(() => {
    const late = waiting
    waiting = []
    for (const bytes of late) {
      const message = new MessageReader(bytes)
      if (message.next()) handle(message)
    }
  })
  signal.addEventListener('abort', abort, { once: true })
  try {
    for (;;) {
      if (failure !== undefined) throw failure
      if (signal.aborted) return
      const [event] = pending
      if (event !== undefined) {
        const [type, by] = event
        pending.delete(type)
        yield by === undefined ? { type } : { type, by }
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
