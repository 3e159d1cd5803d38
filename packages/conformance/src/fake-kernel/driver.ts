import type {
  AbortOptions,
  Clock,
  Driver,
  DriverEvent,
  ExternalInterface,
  ExternalInterfaceOptions,
  Operation,
  OperationResult,
  OwnershipScope,
} from '@selvedge/core'
import { OverlayError } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { DriverEvents } from './driver-events.js'
import { FakeKernelError, refusal } from './errors.js'
import type { FaultPlan } from './faults.js'
import { hostNetwork } from './host.js'
import { type Ownership, ownershipOf } from './ownership.js'
import { findExternalInterface, readOwn } from './read.js'
import type { FakeRequest, RequestRecord } from './requests.js'
import type { KernelState } from './state.js'
import type { Change } from './types.js'
import { deleteResource, putResource } from './write.js'

/** What `driver` of a `FakeKernel` is called with. */
export interface FakeDriverOptions {
  /** For messages and the kernel's record of requests. Default: `fake-kernel`. */
  readonly name?: string | undefined
  /** The interface that packets to peers leave by. Default: the kernel's first one with an address. */
  readonly externalInterface?: string | undefined
  /** rtm_protocol of the routes that this driver writes, 1 to 255. Default: 157. */
  readonly protocol?: number | undefined
}

/** What changed, and what stopped it. */
export interface Attempt {
  readonly changes: readonly Change[]
  readonly error?: FakeKernelError | OverlayError | undefined
}

/** What a driver needs of the kernel that it is on. */
export interface DriverHost {
  readonly state: KernelState
  readonly clock: Clock
  readonly faults: FaultPlan
  readonly privileged: boolean
  readonly linkTypes: readonly string[]
  readonly record: (record: RequestRecord) => void
  /** Runs `act` as this driver, which gets no notification of its own changes. */
  readonly attempt: (driver: FakeDriver, act: () => void) => Attempt
  /** Undoes what was put, as another process does. */
  readonly undo: (resource: KernelResource) => void
  readonly closed: (driver: FakeDriver) => void
}

/** How often a dump that is interrupted is started before the driver gives up. */
const MAX_READS = 8

/** The driver of a `FakeKernel`, with all that a driver of a host's kernel may have. `kernel.driver()` makes one. */
export interface FakeKernelDriver extends Required<Omit<Driver<KernelResource>, 'shared' | 'traffic'>> {
  /** rtm_protocol of the routes that it writes. */
  readonly protocol: number
  /** True once it was disposed of, or its process crashed. */
  readonly closed: boolean
  /** It ends when the signal aborts or the driver is disposed of. */
  watch(options: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined>
}

export class FakeDriver implements FakeKernelDriver {
  readonly name: string
  readonly kinds = ['link', 'address', 'route', 'neighbour', 'fdb'] as const
  readonly protocol: number
  readonly #host: DriverHost
  readonly #externalInterface: string | undefined
  readonly #closing = new AbortController()
  readonly #events = new DriverEvents(this.#closing.signal)
  #owns: Ownership

  constructor(host: DriverHost, { name, externalInterface, protocol }: FakeDriverOptions) {
    this.name = name ?? 'fake-kernel'
    this.protocol = protocol ?? 157
    this.#host = host
    this.#externalInterface = externalInterface
    this.#owns = ownershipOf({ aliases: [], links: [], networks: [] }, this.protocol)
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  async preflight(
    requirements: readonly string[],
    { signal }: AbortOptions = {},
  ): Promise<readonly string[]> {
    this.#requireUse(signal)
    if (!this.#host.privileged) {
      throw new OverlayError('ACCESS_DENIED', 'to write links and routes needs CAP_NET_ADMIN', {
        errno: 'EPERM',
      })
    }
    const missing = requirements.filter((type) => !this.#host.linkTypes.includes(type))
    if (missing.length === 0) return []
    throw new OverlayError('UNSUPPORTED', `this kernel has no links of type ${missing.join(', ')}`)
  }

  async externalInterface({ signal, ...former }: ExternalInterfaceOptions = {}): Promise<ExternalInterface> {
    this.#requireUse(signal)
    const { state } = this.#host
    const found = findExternalInterface(state, this.#externalInterface, former)
    return { ...found, host: hostNetwork(state, this.protocol, found.name) }
  }

  async snapshot(scope: OwnershipScope, { signal }: AbortOptions = {}): Promise<readonly KernelResource[]> {
    this.#requireUse(signal)
    const { faults, state } = this.#host
    const request: FakeRequest = { type: 'snapshot', driver: this.name }
    for (let read = 1; read <= MAX_READS; read += 1) {
      await this.#pause(faults.delays.snapshotMs, signal)
      const errno = faults.errnoFor(request)
      this.#host.record({ ...request, changed: false, ...(errno === undefined ? {} : { errno }) })
      if (errno !== undefined) throw refusal(request, new FakeKernelError(errno, 'a test asked for it'))
      if (faults.interruptedDumps === 0) {
        this.#owns = ownershipOf(scope, this.protocol)
        return readOwn(state, this.#owns)
      }
      faults.interruptedDumps -= 1
    }
    throw new OverlayError('READ_INTERRUPTED', `links and routes changed during each of ${MAX_READS} reads`)
  }

  async apply(
    operations: readonly Operation<KernelResource>[],
    { signal }: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    this.#requireUse(signal)
    await this.#pause(this.#host.faults.delays.applyMs, signal)
    const results: OperationResult[] = []
    for (const operation of operations) {
      if (this.#host.faults.delays.operationMs !== undefined) {
        await this.#pause(this.#host.faults.delays.operationMs, signal)
      }
      results.push(this.#carryOut(operation))
    }
    return results
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    this.#requireOpen()
    yield* this.#events.watch(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  /** The kernel notifies of a foreign change. */
  notice(change: Change): void {
    if (this.#owns.concerns(change)) this.report({ type: 'changed' })
  }

  report(event: DriverEvent): void {
    this.#events.report(event)
  }

  #carryOut(operation: Operation<KernelResource>): OperationResult {
    const { type, resource } = operation
    const { faults, state, privileged, attempt, record } = this.#host
    const request: FakeRequest = { type, driver: this.name, resource }
    if (faults.crashes(request)) {
      this.#close()
      throw this.#closedError()
    }
    const { changes, error } = attempt(this, () => {
      const errno = privileged ? faults.errnoFor(request) : 'EPERM'
      if (errno !== undefined) throw new FakeKernelError(errno, 'a test asked for it')
      if (type === 'put') putResource(state, resource, { protocol: this.protocol, owns: this.#owns })
      else deleteResource(state, resource, { protocol: this.protocol, owns: this.#owns })
    })
    record({
      ...request,
      changed: changes.length > 0,
      ...(error === undefined ? {} : { errno: error.errno }),
    })
    if (type === 'put' && error === undefined && faults.isFought(request)) this.#host.undo(resource)
    return resultOf(request, resource, changes, error)
  }

  #close(): void {
    if (this.closed) return
    this.#closing.abort(this.#closedError())
    this.#host.closed(this)
  }

  async #pause(milliseconds: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (milliseconds === undefined) return
    const closing = this.#closing.signal
    await this.#host.clock.sleep(milliseconds, {
      signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
    })
  }

  #requireUse(signal: AbortSignal | undefined): void {
    this.#requireOpen()
    signal?.throwIfAborted()
  }

  #requireOpen(): void {
    if (this.closed) throw this.#closedError()
  }

  #closedError(): OverlayError {
    return new OverlayError('CLOSED', `the driver '${this.name}' was disposed of`)
  }
}

/** What is gone already needs no deleting. */
const BENIGN_ON_DELETE = ['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL']
/** What was read before no longer counts once a write fails with one of these. */
const READ_AGAIN = ['ENODEV', 'ENETDOWN']

function resultOf(
  request: FakeRequest,
  resource: KernelResource,
  changes: readonly Change[],
  error: FakeKernelError | OverlayError | undefined,
): OperationResult {
  const errno = error?.errno ?? ''
  const stale = READ_AGAIN.includes(errno) || tookOthersAlong(resource, changes) ? { stale: true } : {}
  if (error === undefined || (request.type === 'delete' && BENIGN_ON_DELETE.includes(errno))) {
    return { ok: true, ...stale }
  }
  return { ok: false, error: error instanceof FakeKernelError ? refusal(request, error) : error, ...stale }
}

/** True if more was removed than the one resource of the write. */
function tookOthersAlong(resource: KernelResource, changes: readonly Change[]): boolean {
  const removed = changes.filter(({ verb }) => verb === 'removed')
  const isRecreated =
    removed.some(({ kind }) => kind === 'link') && changes.some(({ verb }) => verb === 'added')
  return isRecreated || removed.length > 1 || removed.some(({ kind }) => kind !== resource.kind)
}
