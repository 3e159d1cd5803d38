import {
  type AbortOptions,
  type Driver,
  type DriverEvent,
  type ExternalInterface,
  type Operation,
  type OperationResult,
  OverlayError,
  type OwnershipScope,
} from '@selvedge/core'
import type { KernelResource, LinkResource } from '@selvedge/core/kit'
import { Knowledge } from './cache/kernel-cache.js'
import { Belief } from './cache/kernel-state.js'
import { findExternalInterface } from './interface/external-interface.js'
import { type LinkMessage, NetlinkConnection } from './netlink/index.js'
import { type LinuxOptions, readOptions, type Settings } from './options.js'
import { checkLinkType, checkRights, findWarnings, hasNexthops } from './preflight.js'
import { fingerprint } from './read/link-table.js'
import { readSnapshot } from './read/snapshot.js'
import { Sysctl } from './sysctl.js'
import { watchKernel } from './watch/watch.js'
import { applyEntries } from './write/entries.js'
import { applyLink } from './write/links.js'

/**
 * The driver of the Linux kernel's links, addresses, routes, neighbours and forwarding entries, over netlink. Nothing
 * is opened before it is first used.
 *
 * One driver serves one overlay; several overlays, each with its own, share a host and its namespace.
 *
 * @throws OverlayError `INVALID_CONFIG` for an option out of its range
 */
export function linux(options: LinuxOptions = {}): Driver<KernelResource> {
  return new LinuxDriver(readOptions(options))
}

/** What is open once the driver is used. */
interface Open {
  readonly connection: NetlinkConnection
  readonly hasNexthops: boolean
}

class LinuxDriver implements Driver<KernelResource> {
  readonly name = 'linux'
  readonly kinds = ['link', 'address', 'route', 'neighbour', 'fdb'] as const
  readonly #settings: Settings
  readonly #sysctl: Sysctl
  #open: Promise<Open> | undefined
  /** Aborted when the driver is disposed of. */
  readonly #end = new AbortController()
  readonly #knowledge = new Knowledge()
  /** The interface that packets to peers leave by, as it was last found. */
  #external: LinkMessage | undefined
  /** Reads and writes take turns: what one believes must not be of the middle of the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(settings: Settings) {
    this.#settings = settings
    this.#sysctl = new Sysctl(settings.namespace)
  }

  async check(requirements: readonly string[], options: AbortOptions = {}): Promise<readonly string[]> {
    const { connection } = await this.#use(options)
    await checkRights(connection, options)
    for (const type of requirements) await checkLinkType(connection, type, options)
    return findWarnings(this.#sysctl)
  }

  async externalInterface(options: AbortOptions = {}): Promise<ExternalInterface> {
    const { connection } = await this.#use(options)
    const { interfaces, routeProtocol } = this.#settings
    const { external, link } = await findExternalInterface(connection, interfaces, routeProtocol, options)
    this.#external = link
    this.#knowledge.belief?.watchExternal(link, fingerprint(link))
    return external
  }

  async snapshot(scope: OwnershipScope, options: AbortOptions = {}): Promise<readonly KernelResource[]> {
    const { connection, hasNexthops } = await this.#use(options)
    return this.#takeTurn(async () => {
      const source = {
        connection,
        hasNexthops,
        sysctl: this.#sysctl,
        routeProtocol: this.#settings.routeProtocol,
        external: this.#external,
      }
      const { resources } = await this.#knowledge.renew(() => readSnapshot(source, scope, options))
      return resources
    })
  }

  async apply(
    operations: readonly Operation<KernelResource>[],
    options: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    const { connection, hasNexthops } = await this.#use(options)
    return this.#takeTurn(async () => {
      const { routeProtocol, nexthopThreshold } = this.#settings
      const nothing = new Belief({ aliases: [], links: [], networks: [] }, routeProtocol)
      const context = {
        connection,
        options,
        routeProtocol,
        belief: this.#knowledge.assume(nothing),
        sysctl: this.#sysctl,
        nexthopThreshold: hasNexthops ? nexthopThreshold : Number.POSITIVE_INFINITY,
      }
      const results: OperationResult[] = new Array(operations.length)
      for (let at = 0; at < operations.length; ) {
        const operation = operations[at]
        if (operation !== undefined && isLinkOperation(operation)) {
          results[at] = await applyLink(context, operation)
          at += 1
          continue
        }
        at = await applyEntries(context, operations, at, results)
      }
      return results
    })
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent> {
    if (signal.aborted) return
    const { connection, hasNexthops } = await this.#use({})
    yield* watchKernel({
      namespace: this.#settings.namespace,
      ownPort: connection.port,
      hasNexthops,
      knowledge: this.#knowledge,
      signal: AbortSignal.any([signal, this.#end.signal]),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    const open = await this.#open?.catch(() => undefined)
    await open?.connection[Symbol.asyncDispose]()
  }

  async #use({ signal }: AbortOptions): Promise<Open> {
    signal?.throwIfAborted()
    if (this.#end.signal.aborted) throw new OverlayError('CLOSED', 'the Linux driver was disposed of')
    this.#open ??= this.#openConnection()
    try {
      return await this.#open
    } catch (error) {
      // What was missing may be there the next time.
      this.#open = undefined
      throw error
    }
  }

  async #openConnection(): Promise<Open> {
    const connection = new NetlinkConnection({ namespace: this.#settings.namespace })
    try {
      return { connection, hasNexthops: await hasNexthops(connection, {}) }
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * An exchange with the kernel takes no turn of the event loop by itself. Each call takes one, so that who calls in a
   * loop until something happens does not keep it from happening.
   */
  #takeTurn<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return body()
    })
    this.#turn = result.then(
      () => {},
      () => {},
    )
    return result
  }
}

const isLinkOperation = (operation: Operation<KernelResource>): operation is Operation<LinkResource> =>
  operation.resource.kind === 'link'
