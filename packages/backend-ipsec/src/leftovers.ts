import type { Driver, Resource } from '@selvedge/core'
import { DEFAULT_FOLDER, ikeDriver } from './charon/driver.js'
import { findCharon } from './charon/find.js'
import { xfrmDriver } from './xfrm/driver.js'
import { deleteStates, readStates } from './xfrm/state.js'

/** Where to look: see `IpsecOptions`. */
export interface LeftoversOptions {
  /** Where a charon that was started keeps its configuration, socket and log. Default: `/run/selvedge/ipsec`. */
  readonly folder?: string | undefined
  /** charon's path. Default: it is looked for where flannel looks, in the PATH first. */
  readonly charon?: string | undefined
  /** The charon that was used instead of starting one, by the URI of its socket. Default: one was started. */
  readonly viciUri?: string | undefined
}

/** No PSK: nothing is put. */
const NO_SETTINGS = { udpEncap: false, espProposal: '', psk: '' }

/** charon, which goes on sending a network's packets through its tunnels, and policies, which block all others. */
export async function leftoversOf(
  networks: readonly string[],
  { folder = DEFAULT_FOLDER, ...options }: LeftoversOptions,
  signal: AbortSignal | undefined,
): Promise<readonly Driver[]> {
  const charon =
    options.viciUri === undefined ? await findCharon(options.charon).catch(() => 'charon') : undefined
  const settings = NO_SETTINGS
  const scope = { aliases: [], links: [], networks }
  const left: Driver[] = []
  for (const driver of [
    xfrmDriver(),
    ikeDriver({ ...options, folder, charon, userspace: false, settings }),
  ]) {
    // A kernel without IPsec has none of its policies.
    const found = await driver.snapshot(scope, { signal }).catch(() => [])
    signal?.throwIfAborted()
    if (found.length > 0) left.push(driver)
    else await driver[Symbol.asyncDispose]()
  }
  return left
}

/** All ESP states of our reqid, as one: nobody could tell one from another. */
export interface XfrmStatesResource extends Resource {
  readonly kind: 'xfrm-states'
  /** How many states there are. */
  readonly count: number
}

/**
 * The kernel's ESP states, with their keys, that a charon which was killed has left. They bear flannel's reqid, which another
 * program may use too: look only where there is something else of ipsec's.
 */
export function xfrmStatesLeftovers(): Driver<XfrmStatesResource> {
  return {
    name: 'xfrm states',
    kinds: ['xfrm-states'],
    async snapshot(_scope, { signal } = {}) {
      // A kernel without IPsec has none.
      const states = await readStates({ signal }).catch(() => [])
      signal?.throwIfAborted()
      return states.length === 0
        ? []
        : [{ kind: 'xfrm-states' as const, key: 'xfrm-states', count: states.length }]
    },
    async apply(operations, options) {
      await deleteStates(options)
      return operations.map(() => ({ ok: true as const }))
    },
    async [Symbol.asyncDispose]() {},
  }
}
