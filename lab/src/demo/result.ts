import type { Lease } from '@selvedge/core'
import type { KernelEvent } from '../monitor.js'
import type { MatrixEntry } from '../ping.js'
import type { Arrival } from './arrival.js'

/** A host that has its lease. */
export interface JoinedHost {
  name: string
  lease: Lease
  mtu: number
  /** Milliseconds from the start of its process to subnet.env. */
  joinedAfter: number
}

/** A command line, and what it printed. */
export interface CommandOutput {
  command: string
  output: string
}

/** What a host holds, as the usual tools print it. */
export interface HostView {
  host: string
  outputs: readonly CommandOutput[]
}

/** Damage to one host, and how it was repaired. */
export interface Repair {
  host: string
  /** The command that did the damage. */
  command: string
  /** Milliseconds until the last thing was back. */
  healedAfter: number
  /** The kernel's notifications meanwhile; `time` counts from the damage, in milliseconds. */
  events: readonly KernelEvent[]
}

/** All that the demo found. `--json` prints it. */
export interface DemoResult {
  backend: string
  kernel: 'linux' | 'fake'
  hosts: JoinedHost[]
  views: HostView[]
  /** Before the damage, and after its repair. */
  reachability: { when: string; entries: readonly MatrixEntry[] }[]
  /** Which source address a pod's packets have when they arrive. */
  arrivals: Arrival[]
  repairs: Repair[]
}

/** Echo requests, and how many had no answer, over all that was pinged. */
export function totalPings({ reachability }: Pick<DemoResult, 'reachability'>): {
  sent: number
  lost: number
} {
  const entries = reachability.flatMap((matrix) => matrix.entries)
  return {
    sent: entries.reduce((sum, { sent }) => sum + sent, 0),
    lost: entries.reduce((sum, { lost }) => sum + lost, 0),
  }
}
