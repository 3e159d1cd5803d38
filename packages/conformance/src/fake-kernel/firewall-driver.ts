import {
  type AbortOptions,
  type Clock,
  type Driver,
  type DriverEvent,
  type Operation,
  type OperationResult,
  OverlayError,
  type OwnershipScope,
} from '@selvedge/core'
import { DriverEvents } from './driver-events.js'
import { FakeKernelError, refusal } from './errors.js'
import type { FaultPlan } from './faults.js'
import type { FakeRequest, RequestRecord } from './requests.js'
import type { Rulesets } from './rulesets.js'
import type { FakeRuleset } from './types.js'

/** What a firewall driver needs of the kernel that it is on. */
export interface FirewallHost {
  readonly rulesets: Rulesets
  readonly clock: Clock
  readonly faults: FaultPlan
  readonly privileged: boolean
  readonly record: (record: RequestRecord) => void
  /** Runs `act` as this driver, which gets no notification of its own changes. */
  readonly acting: (driver: FakeFirewall, act: () => void) => void
}

const NAME = 'fake-firewall'

/** Holds the rulesets of a `FakeKernel`, in the place of `firewall()`. `kernel.firewall()` makes one. */
export interface FakeFirewallDriver extends Driver<FakeRuleset> {
  watch(options: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined>
}

export class FakeFirewall implements FakeFirewallDriver {
  readonly name = NAME
  readonly kinds = ['ruleset'] as const
  readonly #host: FirewallHost
  readonly #closing = new AbortController()
  readonly #events = new DriverEvents(this.#closing.signal)

  constructor(host: FirewallHost) {
    this.#host = host
  }

  async snapshot(_: OwnershipScope, { signal }: AbortOptions = {}): Promise<readonly FakeRuleset[]> {
    await this.#use(this.#host.faults.delays.snapshotMs, signal)
    const request: FakeRequest = { type: 'snapshot', driver: NAME }
    const errno = this.#host.faults.errnoFor(request)
    this.#host.record({ ...request, changed: false, ...(errno === undefined ? {} : { errno }) })
    if (errno !== undefined) throw refusal(request, new FakeKernelError(errno, 'a test asked for it'))
    return this.#host.rulesets.own
  }

  async apply(
    operations: readonly Operation<FakeRuleset>[],
    { signal }: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    await this.#use(this.#host.faults.delays.applyMs, signal)
    return operations.map((operation) => this.#carryOut(operation))
  }

  watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    return this.#events.watch(signal)
  }

  report(event: DriverEvent): void {
    this.#events.report(event)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(closed())
  }

  #carryOut({ type, resource }: Operation<FakeRuleset>): OperationResult {
    const { rulesets, faults, privileged, acting, record } = this.#host
    const request: FakeRequest = { type, driver: NAME, resource }
    const before = rulesets.own.find(({ key }) => key === resource.key)?.text
    try {
      const errno = privileged ? faults.errnoFor(request) : 'EPERM'
      if (errno !== undefined) throw new FakeKernelError(errno, 'a test asked for it')
      if (type === 'put') acting(this, () => rulesets.put(resource))
      else if (before !== undefined) acting(this, () => rulesets.delete(resource))
      record({ ...request, changed: type === 'put' ? before !== resource.text : before !== undefined })
      return { ok: true }
    } catch (error) {
      if (!(error instanceof FakeKernelError)) throw error
      record({ ...request, changed: false, errno: error.errno })
      return { ok: false, error: refusal(request, error) }
    }
  }

  async #use(delayMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const closing = this.#closing.signal
    closing.throwIfAborted()
    signal?.throwIfAborted()
    if (delayMs === undefined) return
    await this.#host.clock.sleep(delayMs, {
      signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
    })
  }
}

const closed = (): OverlayError => new OverlayError('CLOSED', `the driver '${NAME}' was disposed of`)
