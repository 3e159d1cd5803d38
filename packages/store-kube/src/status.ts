import type { Clock, OverlayError } from '@selvedge/core'
import type { KubeStatus, KubeWait } from './options.js'

/** What is waited for, before it is dated. */
export type Wait = Omit<KubeWait, 'since'>

/** Collects the status that the parts of a manager report. */
export class StatusBoard {
  readonly #clock: Clock
  readonly #onStatus: (status: KubeStatus) => void
  /** Several may be waited for at a time, such as a plugin's credentials to ask for a node. The last one is shown. */
  #waits: readonly KubeWait[] = []
  #status: KubeStatus = {
    waitingFor: undefined,
    asOf: undefined,
    error: undefined,
    lists: 0,
    watches: 0,
    patches: 0,
  }

  constructor(clock: Clock, onStatus: (status: KubeStatus) => void = () => {}) {
    this.#clock = clock
    this.#onStatus = onStatus
  }

  get status(): KubeStatus {
    return this.#status
  }

  heard(): void {
    const recovered = this.#status.error !== undefined
    this.#set({ asOf: this.#clock.now(), error: undefined }, recovered)
  }

  failed(error: OverlayError): void {
    this.#set({ error }, true)
  }

  requested(what: 'list' | 'watch' | 'patch'): void {
    const counter = ({ list: 'lists', watch: 'watches', patch: 'patches' } as const)[what]
    this.#set({ [counter]: this.#status[counter] + 1 }, false)
  }

  /** Shows what `work` waits for until it is done. `work` may report that it waits for something else by now. */
  async waiting<T>(first: Wait, work: (report: (wait: Wait) => void) => Promise<T>): Promise<T> {
    let current: KubeWait | undefined
    const show = (wait: Wait | undefined) => {
      if (wait !== undefined && wait.type === current?.type) return
      const others = this.#waits.filter((other) => other !== current)
      current = wait && { ...wait, since: this.#clock.now() }
      this.#waits = current === undefined ? others : [...others, current]
      const waitingFor = this.#waits.at(-1)
      if (waitingFor !== this.#status.waitingFor) this.#set({ waitingFor }, true)
    }
    show(first)
    try {
      return await work(show)
    } finally {
      show(undefined)
    }
  }

  #set(change: Partial<KubeStatus>, report: boolean): void {
    this.#status = { ...this.#status, ...change }
    if (report) this.#onStatus(this.#status)
  }
}
