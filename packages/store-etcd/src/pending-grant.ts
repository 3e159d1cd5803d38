import type { AbortOptions } from '@selvedge/core'
import type { EtcdLease, LeaseRequests } from './lease-requests.js'

/** The etcd lease for a new lease, kept over all attempts to create that. */
export class PendingGrant {
  readonly #requests: LeaseRequests
  readonly #options: AbortOptions
  #granted: EtcdLease | undefined
  #uncertain = false

  constructor(requests: LeaseRequests, options: AbortOptions) {
    this.#requests = requests
    this.#options = options
  }

  async get(): Promise<EtcdLease> {
    if (this.#granted !== undefined && this.#uncertain) {
      // The transaction before may still run, beside the next one. It cannot once its etcd lease has ended.
      await this.#requests.revoke(this.#granted.id, this.#options)
      this.#granted = undefined
    }
    this.#uncertain = false
    this.#granted ??= await this.#requests.grant(this.#options)
    return this.#granted
  }

  /** A lease may be attached to it by now: there was no answer. */
  markUncertain(): void {
    this.#uncertain = true
  }

  /** A lease is attached to etcd lease `id`: if it is this one, it stays. */
  keep(id: string): void {
    if (this.#granted?.id === id) this.#granted = undefined
  }

  /** Ends it, unless a lease is or may be attached to it. */
  async drop(): Promise<void> {
    if (this.#granted !== undefined && !this.#uncertain) {
      await this.#requests.drop(this.#granted.id, this.#options)
    }
  }
}
