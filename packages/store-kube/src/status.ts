import type { Clock, OverlayError } from '@selvedge/core'
import type { FollowObserver } from './client/reflector.js'
import type { KubeStatus, KubeWait } from './options.js'

/** Gathers what the manager's parts tell of themselves. */
export class StatusBoard implements FollowObserver {
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

  asked(what: 'list' | 'watch' | 'patch'): void {
    const counter = ({ list: 'lists', watch: 'watches', patch: 'patches' } as const)[what]
    this.#set({ [counter]: this.#status[counter] + 1 }, false)
  }

  /** Says what `work` waits for until it is done; `work` may say that it is something else by now. */
  async waiting<T>(
    first: Omit<KubeWait, 'since'>,
    work: (tell: (wait: Omit<KubeWait, 'since'>) => void) => Promise<T>,
  ): Promise<T> {
    let told: KubeWait | undefined
    const tell = (wait: Omit<KubeWait, 'since'>) => {
      if (wait.type === told?.type) return
      told = { ...wait, since: this.#clock.now() }
      this.#set({ waitingFor: told }, true)
    }
    tell(first)
    try {
      return await work(tell)
    } finally {
      if (this.#status.waitingFor === told) this.#set({ waitingFor: undefined }, true)
    }
  }

  #set(change: Partial<KubeStatus>, tell: boolean): void {
    this.#status = { ...this.#status, ...change }
    if (tell) this.#onStatus(this.#status)
  }
}
