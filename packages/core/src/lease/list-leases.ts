import type { LeaseEvent, SubnetManager } from '../contract/subnet-manager.js'
import type { AbortOptions } from '../util/abort.js'
import { isAboutRecords, OverlayError } from '../util/errors.js'
import type { Lease } from './lease.js'

/** What a store holds. */
export interface ListedLeases {
  /** All of them, this node's own and reservations among them. */
  readonly leases: readonly Lease[]
  /** Records that are no leases, or exclude each other: an error each, which names the record. */
  readonly faults: readonly Error[]
}

/** What `listLeases` is asked with. */
export interface ListOptions extends AbortOptions {
  /**
   * Reject with the first error of the store's own, such as `STORE_UNAVAILABLE`, instead of waiting until it is back.
   * Default false.
   */
  readonly failFast?: boolean | undefined
}

/**
 * Every lease of a store, as a watch that starts now reports it. Waits for as long as the store is away, or with
 * `failFast` rejects as the store does. Aborting rejects with the signal's own reason.
 */
export async function listLeases(
  store: Pick<SubnetManager, 'name' | 'watchLeases'>,
  { signal, failFast = false }: ListOptions = {},
): Promise<ListedLeases> {
  const done = new AbortController()
  const stop = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal])
  const faults: Error[] = []
  let failure: Error | undefined
  const onError = (error: Error): void => {
    if (isAboutRecords(error)) faults.push(error)
    else if (failFast) {
      failure ??= error
      done.abort()
    }
  }
  let snapshot: LeaseEvent | undefined
  for await (const event of store.watchLeases({ signal: stop, onError })) {
    snapshot = event
    break
  }
  done.abort()
  signal?.throwIfAborted()
  if (snapshot?.type === 'snapshot') return { leases: snapshot.leases, faults }
  throw failure ?? new OverlayError('INTERNAL', `'${store.name}' reported no snapshot`)
}
