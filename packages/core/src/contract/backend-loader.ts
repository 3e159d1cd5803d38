import type { NetworkConfig } from '../lease/network-config.js'
import type { AbortOptions } from '../util/abort.js'
import type { Backend } from './backend.js'
import type { Driver } from './driver.js'
import type { NodeContext } from './node-context.js'
import type { RouteResource } from './resource.js'

/**
 * A backend that is made once a network config names its type. What it imports costs no other network anything, and what
 * it has to find out by I/O before a pure function can answer, such as a key in a file, is found out here.
 */
export interface BackendLoader {
  /** As in the network config's `Backend.Type`. */
  readonly type: string
  /**
   * Makes the backend for this node. It is called at each start of the node: again for another network config, another
   * external interface, and each attempt of a start that retries. Rejects with an OverlayError, as a `Backend`
   * throws.
   */
  load(context: NodeContext, options: AbortOptions): Promise<Backend>
  /**
   * The backend as `load` would make it, for a plan: found out without changing anything. It makes no key, runs no command
   * and starts no process, nor do its drivers before something is applied. Rejects as `load` does. Without it, the backend
   * cannot be planned with.
   */
  preview?(context: NodeContext, options: AbortOptions): Promise<BackendPreview>
  /** As the backend's, which may not have been made: asked if it cannot be. A loader of a backend that encrypts has it. */
  sendsPlain?(route: RouteResource, config: NetworkConfig): boolean | Promise<boolean>
  /**
   * Drivers that hold what an earlier run of this backend has left on this host, for a network whose config names another
   * one by now, if no other driver finds it. None if nothing is left. They hold kinds that no other backend has; the
   * overlay reads them at each resync, deletes all that they hold, and disposes of them. Called at each start of such a
   * node.
   */
  leftovers?(context: NodeContext, options: AbortOptions): Promise<readonly Driver[]>
}

/** A backend for a plan. */
export interface BackendPreview {
  /** What `load` would make. */
  readonly backend: Backend
  /** A sentence for each fact that only a start finds out or brings about: a key that is to be made, what a command prints. */
  readonly unknown: readonly string[]
}

/** Makes the backend if it is a loader's. */
export async function loadBackend(
  backend: Backend | BackendLoader,
  context: NodeContext,
  options: AbortOptions = {},
): Promise<Backend> {
  return 'load' in backend ? await backend.load(context, options) : backend
}
