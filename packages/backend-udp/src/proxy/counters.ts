import type { Traffic } from '@selvedge/core'

/** What a proxy counts. */
export const COUNTER_NAMES = [
  /** Packets, and their bytes, that went to peers. */
  'sentPackets',
  'sentBytes',
  /** Packets, and their bytes, that came from peers. */
  'receivedPackets',
  'receivedBytes',
  /** Datagrams that are no packet, or not exactly one. */
  'malformed',
  /** Datagrams from an address that no peer's lease has. */
  'unknownSource',
  /** Packets from a peer whose source is in the network, but not in a subnet of that peer's. */
  'foreignSource',
  /** Packets from a peer that are not for this node's subnet. */
  'foreignDestination',
  /** Packets for a part of the network that no peer has leased. */
  'noRoute',
  'ttlExceeded',
  'tooBig',
  /** Packets that the kernel had no room for, or refused. */
  'sendFailed',
] as const

/**
 * A count of packets, bytes or datagrams since the counters were made. `malformed` to `tooBig` were dropped, each for
 * its own reason, and `sendFailed` refused by the kernel.
 */
export type CounterName = (typeof COUNTER_NAMES)[number]

/** What is dropped, by what a metric calls it. */
const DROPS: Readonly<Record<string, CounterName>> = {
  malformed: 'malformed',
  unknown_source: 'unknownSource',
  foreign_source: 'foreignSource',
  foreign_destination: 'foreignDestination',
  no_route: 'noRoute',
  ttl_exceeded: 'ttlExceeded',
  too_big: 'tooBig',
  refused: 'sendFailed',
}

/** The counts as a driver reports them. */
export function trafficOf(counters: ProxyCounters): Traffic {
  const counts = counters.read()
  return {
    sent: { packets: counts.sentPackets, bytes: counts.sentBytes },
    received: { packets: counts.receivedPackets, bytes: counts.receivedBytes },
    dropped: Object.fromEntries(Object.entries(DROPS).map(([reason, name]) => [reason, counts[name]])),
  }
}

/** A proxy's counts: written by its thread, read by any. */
export class ProxyCounters {
  readonly #counts: Float64Array

  /** @param memory of another thread's `ProxyCounters` */
  constructor(memory = new SharedArrayBuffer(8 * COUNTER_NAMES.length)) {
    this.#counts = new Float64Array(memory)
  }

  /** For the constructor, in another thread. */
  get memory(): SharedArrayBuffer {
    return this.#counts.buffer as SharedArrayBuffer
  }

  /** All counts since this was made. */
  read(): Readonly<Record<CounterName, number>> {
    const counts = COUNTER_NAMES.map((name, index) => [name, this.#counts[index] ?? 0])
    return Object.fromEntries(counts) as Record<CounterName, number>
  }

  /** Adds to a count; for the thread of the proxy, which alone writes. */
  add(name: CounterName, count: number): void {
    const index = COUNTER_NAMES.indexOf(name)
    this.#counts[index] = (this.#counts[index] ?? 0) + count
  }
}
