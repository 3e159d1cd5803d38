import { EventEmitter } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Lease, leaseKey } from '@selvedge/core'
import type { AgentEvent, AgentSettings } from './agent-protocol.js'
import type { Host } from './host.js'
import type { Child } from './namespace.js'
import { until, within } from './until.js'

/** The compiled program: a process of its own cannot run the TypeScript of a test. */
const PROGRAM = fileURLToPath(new URL('../dist/host-agent.js', import.meta.url))

type EventOf<E extends AgentEvent['event']> = Extract<AgentEvent, { event: E }>

/** The agent of one host, as a process in that host's namespace. Emits `event` for each line that it prints. */
export class AgentProcess extends EventEmitter<{ event: [AgentEvent] }> {
  /** All that it has printed so far. */
  readonly events: AgentEvent[] = []
  readonly #child: Child
  readonly #closed: Promise<void>
  readonly #host: Host
  #errorOutput = ''

  private constructor(host: Host, child: Child) {
    super()
    this.#host = host
    this.#child = child
    createInterface(child.stdout).on('line', (line) => {
      const event: AgentEvent = JSON.parse(line)
      this.events.push(event)
      this.emit('event', event)
    })
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      this.#errorOutput += chunk
    })
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** Starts one. It is ready once `ready()` says so. */
  static start(host: Host, settings: AgentSettings): AgentProcess {
    return new AgentProcess(host, host.spawn(process.execPath, [PROGRAM, JSON.stringify(settings)]))
  }

  /** Waits until its overlay has started. */
  ready(timeout?: number): Promise<EventOf<'ready'>> {
    return this.waitFor('ready', () => true, { timeout })
  }

  /** Waits for a peer's lease, and then for a round of writes without a failure. */
  async waitForPeer(lease: Lease): Promise<void> {
    const isIt = (other: Lease) => leaseKey(other) === leaseKey(lease)
    const peer = await this.waitFor('peer', (event) => event.type === 'put' && isIt(event.lease))
    await this.waitFor('sync', ({ failed }) => failed === 0, { from: this.events.indexOf(peer) })
  }

  /**
   * The first event of this kind that matches, printed already or still to come.
   * @param from how many events to skip
   * @throws if the agent ends first, or prints none within `timeout` ms (default: 10,000).
   */
  waitFor<E extends AgentEvent['event']>(
    kind: E,
    matches: (event: EventOf<E>) => boolean = () => true,
    { from = 0, timeout = 10_000 }: { from?: number; timeout?: number | undefined } = {},
  ): Promise<EventOf<E>> {
    const isMatch = (event: AgentEvent): event is EventOf<E> =>
      event.event === kind && matches(event as EventOf<E>)
    return until(
      `the agent of ${this.#host.name} to print '${kind}'`,
      () => {
        const found = this.events.slice(from).find(isMatch)
        if (found === undefined && this.#hasEnded()) throw this.#failure()
        return found
      },
      { timeoutMs: timeout, signal: this.#host.signal },
    )
  }

  /**
   * Ends it with SIGTERM; what it put into the kernel stays.
   * @throws if it does not end within 5 s with status 0.
   */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await within(`the agent of ${this.#host.name} to stop`, 5000, this.#closed)
    if (this.#child.exitCode !== 0) throw this.#failure()
  }

  /** Kills it with SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #failure(): Error {
    const status = this.#child.signalCode ?? `status ${this.#child.exitCode}`
    return new Error(`the agent of ${this.#host.name} ended with ${status}: ${this.#errorOutput.trim()}`)
  }
}
