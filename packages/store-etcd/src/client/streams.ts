import type {
  IEvent,
  ILeaseKeepAliveRequest,
  ILeaseKeepAliveResponse,
  IWatchCreateRequest,
  IWatchRequest,
  IWatchResponse,
} from 'etcd3'
import type { EtcdApi } from './api.js'
import { EtcdFailure } from './errors.js'
import { withoutExcess } from './pages.js'
import { ReplyStream, type StreamOptions } from './reply-stream.js'

/** A watch that etcd has created. */
export interface OpenWatch {
  /** The next events, in etcd's order. Throws the error that ended the watch. */
  next(): Promise<readonly IEvent[]>
  close(): void
}

/** Creates a watch; resolves once etcd has confirmed it. */
export async function openWatch(
  client: EtcdApi,
  request: IWatchCreateRequest,
  options: StreamOptions,
): Promise<OpenWatch> {
  const stream = new ReplyStream<IWatchRequest, IWatchResponse>(await client.watchClient.watch(), options)
  try {
    // In fragments: after an outage etcd sends what happened in up to a thousand revisions in one reply.
    stream.send({ create_request: { ...request, fragment: true } })
    eventsOf(await stream.first())
  } catch (error) {
    stream.close()
    throw error
  }
  return { next: () => nextEvents(stream), close: stream.close }
}

/** Those of all fragments of a reply: a watch that is resumed after one of them would miss the rest of its revision. */
async function nextEvents(
  stream: Pick<ReplyStream<IWatchRequest, IWatchResponse>, 'next'>,
): Promise<readonly IEvent[]> {
  for (const events: IEvent[] = []; ; ) {
    const reply = await stream.next()
    for (const event of eventsOf(reply)) events.push({ ...event, kv: withoutExcess(event.kv) })
    if (!reply.fragment) return events
  }
}

/** Throws if etcd has cancelled the watch, which it does in a reply like any other. */
function eventsOf({ canceled, compact_revision, cancel_reason, events }: IWatchResponse): readonly IEvent[] {
  if (!canceled) return events
  if (compact_revision !== '0') {
    throw new EtcdFailure('compacted', `etcd has compacted its history up to revision ${compact_revision}`)
  }
  throw cancel_reason === ''
    ? new EtcdFailure('unavailable', 'etcd cancelled the watch without a reason')
    : new Error(cancel_reason)
}

/** Extends an etcd lease by its own TTL. Returns that TTL in seconds, or 0 if the lease is gone. */
export async function keepAliveOnce(client: EtcdApi, id: string, options: StreamOptions): Promise<number> {
  const stream = new ReplyStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>(
    await client.leaseClient.leaseKeepAlive(),
    options,
  )
  try {
    stream.send({ ID: id })
    return Number((await stream.first()).TTL)
  } finally {
    stream.close()
  }
}
