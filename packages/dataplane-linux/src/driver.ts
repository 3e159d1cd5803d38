import type {
  AbortOptions,
  Driver,
  DriverEvent,
  ExternalInterface,
  ExternalInterfaceOptions,
  Operation,
  OperationResult,
  OwnershipScope,
  PreflightOptions,
} from '@selvedge/core'
import { OverlayError } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { KernelCache } from './cache/kernel-cache.js'
import { KernelState } from './cache/kernel-state.js'
import { findExternalInterface } from './interface/external-interface.js'
import { overlayErrorOf, withOverlayErrors } from './kernel-error.js'
import { NetlinkConnection } from './netlink/index.js'
import { type LinuxOptions, readOptions, type Settings } from './options.js'
import { checkLinkType, checkRights, findWarnings, hasNexthops } from './preflight.js'
import { LinkTable } from './read/link-table.js'
import { readSnapshot } from './read/snapshot.js'
import { Sysctl } from './sysctl.js'
import { watchKernel } from './watch/watch.js'
import { applyOperations } from './write/apply.js'
import { deleteUnusedNexthops } from './write/nexthops.js'

/**
 * The driver of the Linux kernel's links, addresses, routes, neighbours and fdb entries, over netlink. It opens nothing
 * before it is first used.
 *
 * One driver serves one overlay. Several overlays, each with a driver of its own, can share a host and its namespace.
 *
 * @throws OverlayError `INVALID_CONFIG` for an option out of range
 */
export function linux(options: LinuxOptions = {}): Driver<KernelResource> {
  return new LinuxDriver(readOptions(options))
}

/** What is open once the driver is used. */
interface Open {
  readonly connection: NetlinkConnection
  /** Whether this kernel has nexthop objects (Linux 5.3). */
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
  readonly #cache = new KernelCache()
  /** As it was when the external interface was last looked at. */
  #detours: ReadonlySet<number> = new Set()
  /** Reads and writes take turns: a snapshot must not show the middle of a write. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(settings: Settings) {
    this.#settings = settings
    this.#sysctl = new Sysctl(settings.namespace)
  }

  async preflight(
    requirements: readonly string[],
    options: PreflightOptions = {},
  ): Promise<readonly string[]> {
    return this.#use(options, async ({ connection }) => {
      await checkRights(connection, options)
      for (const type of requirements) {
        this.#settings.linkTypes.get(type)?.preflight?.(options.lookOnly === true)
        await checkLinkType(connection, type, options)
      }
      return findWarnings(this.#sysctl)
    })
  }

  async externalInterface(options: ExternalInterfaceOptions = {}): Promise<ExternalInterface> {
    const { interfaces, routeProtocol } = this.#settings
    return this.#use(options, async ({ connection }) => {
      const { external, detours } = await findExternalInterface(
        connection,
        interfaces,
        routeProtocol,
        options,
      )
      this.#detours = detours
      return external
    })
  }

  async snapshot(scope: OwnershipScope, options: AbortOptions = {}): Promise<readonly KernelResource[]> {
    return this.#use(options, ({ connection, hasNexthops }) =>
      this.#takeTurn(async () => {
        const source = {
          connection,
          hasNexthops,
          sysctl: this.#sysctl,
          routeProtocol: this.#settings.routeProtocol,
          linkTypes: this.#settings.linkTypes,
        }
        const { resources, state } = await this.#cache.refresh(() => readSnapshot(source, scope, options))
        // A crash between two batches leaves objects that carry no traffic. A caller that only looks leaves them alone.
        if (this.#cache.isWatched) await deleteUnusedNexthops({ connection, state, options })
        return resources
      }),
    )
  }

  async apply(
    operations: readonly Operation<KernelResource>[],
    options: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    const { namespace, routeProtocol, nexthopThreshold, linkTypes } = this.#settings
    return this.#use(options, ({ connection, hasNexthops }) =>
      this.#takeTurn(() =>
        applyOperations(
          {
            connection,
            namespace,
            options,
            routeProtocol,
            state: this.#cache.ensure(() => new KernelState(NO_SCOPE, routeProtocol)),
            sysctl: this.#sysctl,
            linkTypes,
            links: once(() => LinkTable.read(connection, options)),
            nexthopThreshold: hasNexthops ? nexthopThreshold : Number.POSITIVE_INFINITY,
          },
          operations,
        ),
      ),
    )
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent> {
    if (signal.aborted) return
    const { connection, hasNexthops } = await this.#use({}, async (open) => open)
    const events = watchKernel({
      namespace: this.#settings.namespace,
      ownPort: connection.port,
      hasNexthops,
      cache: this.#cache,
      linkTypes: this.#settings.linkTypes,
      isDetour: (index) => this.#detours.has(index),
      signal: AbortSignal.any([signal, this.#end.signal]),
    })
    try {
      yield* events
    } catch (error) {
      throw overlayErrorOf(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    const open = await this.#open?.catch(() => undefined)
    await open?.connection[Symbol.asyncDispose]()
  }

  /** Opens the connection if it is not open yet, and translates the errors of netlink. */
  async #use<T>({ signal }: AbortOptions, body: (open: Open) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    if (this.#end.signal.aborted) throw new OverlayError('CLOSED', 'the Linux driver was disposed of')
    return withOverlayErrors(async () => body(await this.#opened()))
  }

  async #opened(): Promise<Open> {
    this.#open ??= this.#openConnection()
    try {
      return await this.#open
    } catch (error) {
      // What is missing now may be there the next time.
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
   * An exchange with the kernel needs no turn of the event loop. Each call takes one, so that a caller that loops until
   * something happens does not prevent it.
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

/** Calls `body` at the first call only. */
function once<T>(body: () => T): () => T {
  let result: { readonly value: T } | undefined
  return () => {
    result ??= { value: body() }
    return result.value
  }
}

/** Of a driver that writes before it has read. */
const NO_SCOPE: OwnershipScope = { aliases: [], links: [], networks: [] }
