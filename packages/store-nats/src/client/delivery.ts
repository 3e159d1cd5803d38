import type { JsMsg } from '@nats-io/jetstream'
import { type Entry, entryOfMessage } from './entry.js'
import { type Failure, NatsFailure } from './errors.js'

/** Messages of a bucket, in the order in which they were stored. Whoever asked for it closes it. */
export interface Delivery {
  /** How many there were when it began. */
  readonly pending: number
  /** When it began, on the server's clock, in ms since the epoch. */
  readonly startedAt: number
  /** Whether `next` has nothing more to wait for. */
  readonly hasEnded: boolean
  /** The next ones, at least one; none if `signal` aborts before they come. Rejects once the delivery has ended. */
  next(signal?: AbortSignal): Promise<readonly Entry[]>
  close(): void
}

/** What was delivered and not yet taken. */
export class Inbox implements Delivery {
  pending = 0
  startedAt = 0
  readonly #prefix: string
  #entries: Entry[] = []
  #delivered = 0
  #ended: NatsFailure | undefined
  #wake: (() => void) | undefined
  readonly #onClose: (() => void)[] = []

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  begin(pending: number, startedAt: number): void {
    this.pending = pending
    this.startedAt = startedAt
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  take(message: JsMsg): void {
    if (this.#ended !== undefined) return
    const { deliverySequence } = message.info
    this.hear(deliverySequence - 1)
    if (this.#ended !== undefined) return
    this.#delivered = deliverySequence
    this.#entries.push(entryOfMessage(message, this.#prefix))
    this.#wake?.()
  }

  /**
   * The server has sent so many. Between servers messages are lost when a route or a leaf node's connection breaks and comes
   * back before either end of the delivery notices.
   */
  hear(sent: number): void {
    if (sent > this.#delivered) {
      this.end(unavailable(`message ${this.#delivered + 1} of the delivery did not arrive`))
    }
  }

  end(failure: Failure): void {
    if (this.#ended !== undefined) return
    this.#ended = new NatsFailure(failure)
    this.#wake?.()
    for (const close of this.#onClose) close()
  }

  /** `close` is called once: at once if it has ended. */
  onClose(close: () => void): void {
    if (this.#ended === undefined) this.#onClose.push(close)
    else close()
  }

  async next(signal?: AbortSignal): Promise<readonly Entry[]> {
    while (this.#entries.length === 0) {
      if (this.#ended !== undefined) throw this.#ended
      if (signal?.aborted === true) return []
      await this.#woken(signal)
    }
    const entries = this.#entries
    this.#entries = []
    return entries
  }

  close(): void {
    this.end(unavailable('it was closed'))
  }

  async #woken(signal: AbortSignal | undefined): Promise<void> {
    let wake = (): void => {}
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    this.#wake = wake
    signal?.addEventListener('abort', wake)
    await woken
    signal?.removeEventListener('abort', wake)
  }
}

export const unavailable = (said: string): Failure => ({ kind: 'unavailable', said, cause: undefined })
