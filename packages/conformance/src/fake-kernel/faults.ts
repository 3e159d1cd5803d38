import type { FakeRequest } from './requests.js'

/** What goes wrong with which requests of drivers. */
export interface FaultOptions {
  /** What the kernel answers: `EPERM`, `ENOBUFS`, `ENETDOWN`, `ENODEV`, `EBUSY`, … The request then changes nothing. */
  readonly errno: string
  /** Which requests it meets. Default: every `put` and `delete`. */
  readonly when?: ((request: FakeRequest) => boolean) | undefined
  /** How many of those requests succeed first. Default: 0. */
  readonly after?: number | undefined
  /** How many requests it meets; `Infinity` for every one. Default: 1. */
  readonly times?: number | undefined
}

/** How long things take, in ms on the kernel's clock. */
export interface Delays {
  /** Before each snapshot is read. */
  readonly snapshotMs?: number | undefined
  /** Before the first operation of an apply. */
  readonly applyMs?: number | undefined
  /** Before each operation of an apply: an abort or a crash may come between two. */
  readonly operationMs?: number | undefined
}

/** A fault, a fighter or a crash to come: a test may ask whether it struck, and call it off. */
export interface Trouble {
  /** How often it struck. */
  readonly strikes: number
  /** Calls it off: from now on it meets no request. */
  stop(): void
}

type RequestFilter = (request: FakeRequest) => boolean

/** What goes wrong, and when. It only decides; the driver and the kernel act on it. */
export class FaultPlan {
  delays: Delays = {}
  dropNotifications = false
  /** How many dumps to come a foreign change interrupts. */
  interruptedDumps = 0
  readonly #faults = new Set<PlannedFault>()
  readonly #fighters = new Set<PlannedFault>()
  readonly #crashes = new Set<PlannedFault>()

  fail({ errno, when = isWrite, after = 0, times = 1 }: FaultOptions): Trouble {
    return planned(this.#faults, new PlannedFault(errno, when, after, times))
  }

  fight(when: RequestFilter): Trouble {
    return planned(this.#fighters, new PlannedFault('', when, 0, Number.POSITIVE_INFINITY))
  }

  crash(after: number, when: RequestFilter): Trouble {
    return planned(this.#crashes, new PlannedFault('', when, after, 1))
  }

  clear(): void {
    this.delays = {}
    this.dropNotifications = false
    this.interruptedDumps = 0
    for (const set of [this.#faults, this.#fighters, this.#crashes]) set.clear()
  }

  /** The errno that this request fails with, if any. */
  errnoFor(request: FakeRequest): string | undefined {
    return firstToStrike(this.#faults, request)?.errno
  }

  /** True if another process undoes this request as soon as it is done. */
  isFought(request: FakeRequest): boolean {
    return firstToStrike(this.#fighters, request) !== undefined
  }

  /** True if the process is killed before this request. */
  crashes(request: FakeRequest): boolean {
    return firstToStrike(this.#crashes, request) !== undefined
  }
}

class PlannedFault {
  readonly errno: string
  readonly #when: RequestFilter
  #after: number
  #times: number
  strikes = 0

  constructor(errno: string, when: RequestFilter, after: number, times: number) {
    this.errno = errno
    this.#when = when
    this.#after = after
    this.#times = times
  }

  strike(request: FakeRequest): boolean {
    if (this.#times <= 0 || !this.#when(request)) return false
    if (this.#after > 0) {
      this.#after -= 1
      return false
    }
    this.#times -= 1
    this.strikes += 1
    return true
  }
}

function planned(set: Set<PlannedFault>, fault: PlannedFault): Trouble {
  set.add(fault)
  return {
    get strikes() {
      return fault.strikes
    },
    stop: () => void set.delete(fault),
  }
}

function firstToStrike(set: ReadonlySet<PlannedFault>, request: FakeRequest): PlannedFault | undefined {
  for (const fault of set) if (fault.strike(request)) return fault
  return undefined
}

const isWrite = ({ type }: FakeRequest): boolean => type !== 'snapshot'
