import type { Clock, OverlayError } from '@selvedge/core'
import type { KubeStatus, KubeWait } from './options.js'

/** Collects the status that the parts of a manager report. */
export class StatusBoard {
  readonly #clock: Clock
  readonly #onStatus: (status: KubeStatus) => void
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
  async waiting<T>(
    first: Omit<KubeWait, 'since'>,
    work: (report: (wait: Omit<KubeWait, 'since'>) => void) => Promise<T>,
  ): Promise<T> {
    let reported: KubeWait | undefined
    const report = (wait: Omit<KubeWait, 'since'>) => {
      if (wait.type === reported?.type) return
      reported = { ...wait, since: this.#clock.now() }
      this.#set({ waitingFor: reported }, true)
    }
    report(first)
    try {
      return await work(report)
    } finally {
      if (this.#status.waitingFor === reported) this.#set({ waitingFor: undefined }, true)
    }
  }

  #set(change: Partial<KubeStatus>, report: boolean): void {
    this.#status = { ...this.#status, ...change }
    if (report) this.#onStatus(this.#status)
  }
}
