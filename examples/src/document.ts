import { type AbortOptions, OverlayError } from '@selvedge/core'
import { systemClock, Wakeup } from '@selvedge/core/kit'

/** The contents of your database: keys and values as flannel writes them in etcd. */
export interface Contents {
  config?: string
  readonly leases: Map<string, string>
}

/** What `store.ts` needs of a database. Its calls reject with the signal's reason when it aborts. */
export interface Document extends AsyncDisposable {
  /** Passes the contents to `change`, and writes what it changed, in one transaction. */
  transact<T>(options: AbortOptions, change: (contents: Contents) => T): Promise<T>
  /** The contents, now and after each change, until the signal aborts. */
  watch(options: AbortOptions): AsyncIterable<Contents>
}

/** Stands in for a client of the database: several may share one `contents`. */
export function memoryDocument(contents: Contents, observers: Set<() => void>): Document {
  const closed = new AbortController()
  const either = ({ signal }: AbortOptions) =>
    signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal])
  return {
    async transact(options, change) {
      either(options).throwIfAborted()
      const result = change(contents)
      for (const observe of observers) observe()
      return result
    },
    async *watch(options) {
      const wakeup = new Wakeup()
      const observe = () => wakeup.wake()
      observers.add(observe)
      try {
        while (!options.signal?.aborted) {
          closed.signal.throwIfAborted()
          yield contents
          await wakeup.sleep(Number.POSITIVE_INFINITY, systemClock, either(options)).catch(() => undefined)
        }
      } finally {
        observers.delete(observe)
      }
    },
    async [Symbol.asyncDispose]() {
      closed.abort(new OverlayError('CLOSED', 'the connection was closed'))
    },
  }
}
