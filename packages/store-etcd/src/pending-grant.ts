import type { AbortOptions } from '@selvedge/core'
import type { EtcdLease, LeaseRequests } from './lease-requests.js'

/** The etcd lease that a new lease is to hang on, over all attempts to create that. */
export class PendingGrant {
  readonly #requests: LeaseRequests
  readonly #options: AbortOptions
  #granted: EtcdLease | undefined
  #doubtful = false

  constructor(requests: LeaseRequests, options: AbortOptions) {
    this.#requests = requests
    this.#options = options
  }

  async get(): Promise<EtcdLease> {
    if (this.#granted !== undefined && this.#doubtful) {
      // What was to hang on it might yet be created, beside what is created next. It cannot once this has ended.
      await this.#requests.revoke(this.#granted.id, this.#options)
      this.#granted = undefined
    }
    this.#doubtful = false
    this.#granted ??= await this.#requests.grant(this.#options)
    return this.#granted
  }

  /** A lease may hang on it by now: nobody can tell. */
  doubt(): void {
    this.#doubtful = true
  }

  /** A lease hangs on etcd lease `id`: if it is this one, let it be. */
  keep(id: string): void {
    if (this.#granted?.id === id) this.#granted = undefined
  }

  /** Ends it, unless a lease hangs or may hang on it. */
  async drop(): Promise<void> {
    if (this.#granted !== undefined && !this.#doubtful) {
      await this.#requests.drop(this.#granted.id, this.#options)
    }
  }
}
