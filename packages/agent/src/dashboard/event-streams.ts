import type { ServerResponse } from 'node:http'
import { constants, createGzip, type Gzip } from 'node:zlib'
import type { Clock } from '@selvedge/core'
import type { SnapshotEvent } from './browser/feed.js'
import { EventLog } from './event-log.js'

export interface EventStreamsOptions {
  /** The present state; asked for only while there are clients. */
  readonly look: () => Promise<SnapshotEvent>
  readonly clock: Clock
  /** Differs from that of any other process; letters and digits. */
  readonly epoch: string
}

/** Each page that is open holds a stream. */
const MAX_CLIENTS = 16
const INTERVAL_MS = 1_000
/** So often a client hears from the agent, even if nothing happens. */
const HEARTBEAT_MS = 2_000
/** A client that has not taken what it was sent for this long is let go; it comes back by itself, if it lives. */
const MAX_BEHIND_MS = 5_000

/** A browser waits this long, in ms, before it comes back. */
const GREETING = 'retry: 1000\n\n'

interface Client {
  readonly response: ServerResponse
  readonly gzip: Gzip | undefined
  /** The number of the state that it knows. */
  knows: number | undefined
  heardAt: number
  isGreeted: boolean
  /** Since when it has not taken all that it was sent. */
  behindSince: number | undefined
}

/** Server-sent events for the pages that are open. Nothing is read or kept for a client but its place. */
export class EventStreams implements Disposable {
  readonly #options: EventStreamsOptions
  readonly #log: EventLog
  readonly #clients = new Set<Client>()
  readonly #closing = new AbortController()
  #isRunning = false

  constructor(options: EventStreamsOptions) {
    this.#options = options
    this.#log = new EventLog(options.epoch)
  }

  get isFull(): boolean {
    return this.#clients.size >= MAX_CLIENTS
  }

  /** Sends events until the client leaves. Its headers have been sent. */
  add(
    response: ServerResponse,
    { lastEventId, compress }: { lastEventId: string | undefined; compress: boolean },
  ): void {
    const gzip = compress ? createGzip({ level: 4 }) : undefined
    gzip?.pipe(response)
    const client: Client = {
      response,
      gzip,
      knows: this.#log.numberOf(lastEventId),
      heardAt: this.#options.clock.now(),
      isGreeted: false,
      behindSince: undefined,
    }
    const leave = () => {
      this.#clients.delete(client)
      gzip?.destroy()
    }
    response.on('close', leave).on('error', leave)
    gzip?.on('error', () => response.destroy())
    this.#clients.add(client)
    void this.#run()
  }

  [Symbol.dispose](): void {
    this.#closing.abort()
    for (const { response } of this.#clients) response.destroy()
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    const { signal } = this.#closing
    const { clock, look } = this.#options
    try {
      while (this.#clients.size > 0 && !signal.aborted) {
        // What cannot be read now is asked for again: meanwhile clients hear the heartbeat.
        const snapshot = await look().catch(() => undefined)
        if (snapshot !== undefined) this.#log.record(snapshot)
        for (const client of this.#clients) this.#serve(client, clock.now())
        await clock.sleep(INTERVAL_MS, { signal }).catch(() => undefined)
      }
    } finally {
      this.#isRunning = false
    }
  }

  #serve(client: Client, now: number): void {
    if (pendingBytes(client) > 0) {
      client.behindSince ??= now
      if (now - client.behindSince >= MAX_BEHIND_MS) client.response.destroy()
      return
    }
    client.behindSince = undefined
    const text = this.#log.since(client.knows)
    if (text === '' && now - client.heardAt < HEARTBEAT_MS) return
    client.knows = this.#log.number
    const first = client.isGreeted ? '' : GREETING
    client.isGreeted = true
    client.heardAt = now
    write(client, first + (text === '' ? `event: beat\ndata: ${now}\n\n` : text))
  }
}

function write({ response, gzip }: Client, text: string): void {
  if (gzip === undefined) {
    response.write(text)
    return
  }
  gzip.write(text)
  gzip.flush(constants.Z_SYNC_FLUSH)
}

function pendingBytes({ response, gzip }: Client): number {
  return response.writableLength + (gzip === undefined ? 0 : gzip.writableLength + gzip.readableLength)
}
