import type { AbortOptions, Driver, Operation, OperationResult, OwnershipScope } from '@selvedge/core'
import { OverlayError } from '@selvedge/core'
import { satisfies } from '@selvedge/core/kit'
import { CommandRecords } from './records.js'
import { type CommandResource, STARTUP_KEY } from './resource.js'
import { type ConfiguredCommand, runCommand } from './run.js'
import type { Environment } from './words.js'

export interface CommandDriverOptions {
  /** The folder that the records of what was run are kept in. Of one overlay alone. */
  readonly folder: string
  /** What every command gets besides its own. */
  readonly environment: Environment
  readonly timeoutMs: number
  /** Run when the driver is disposed of, if the command of the start has been put. */
  readonly shutdown?: ConfiguredCommand | undefined
  /**
   * After how many failures a command that undoes is given up: it is not repeated for ever, as what it is to undo may be
   * gone already. Default: 5.
   */
  readonly maxRemovals?: number | undefined
}

const MAX_REMOVALS = 5

/**
 * The driver of commands. What is put is a command that has succeeded, and its record on disk says so; what is deleted
 * is undone by another command. Commands run one after the other, as flannel's do.
 *
 * A record is written before its command runs: one that a crash or a failure interrupted is not done, and is put again.
 * Then, and after another start, the command is run again; if that fails, it is undone first.
 */
export class CommandDriver implements Driver<CommandResource> {
  readonly name = 'extension'
  readonly kinds = ['command'] as const
  readonly #options: CommandDriverOptions
  readonly #records: CommandRecords
  /** Removals that failed, by key. */
  readonly #failed = new Map<string, number>()
  /** The start that succeeded: what the shutdown command gets. */
  #started: CommandResource | undefined
  #disposed: Promise<void> | undefined

  constructor(options: CommandDriverOptions) {
    this.#options = options
    this.#records = new CommandRecords(options.folder)
  }

  async snapshot(_scope: OwnershipScope, { signal }: AbortOptions = {}): Promise<readonly CommandResource[]> {
    this.#requireOpen(signal)
    return await this.#records.list()
  }

  async apply(
    operations: readonly Operation<CommandResource>[],
    { signal }: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    this.#requireOpen(signal)
    const results: OperationResult[] = []
    for (const { type, resource } of operations) {
      try {
        if (type === 'put') await this.#put(resource, signal)
        else await this.#delete(resource, signal)
        results.push({ ok: true })
      } catch (error) {
        signal?.throwIfAborted()
        const context = `${type === 'put' ? 'running' : 'undoing'} a command for ${resource.subject}`
        // What is held now is not what it was: it has begun.
        results.push({ ok: false, error: OverlayError.from(error, 'DRIVER_REFUSED', context), stale: true })
      }
    }
    return results
  }

  /** Runs the shutdown command, if the start has succeeded. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#shutDown()
    return this.#disposed
  }

  async #put(resource: CommandResource, signal: AbortSignal | undefined): Promise<void> {
    const held = await this.#records.get(resource.key)
    if (held === undefined || !satisfies(held, resource)) {
      const isRepeated = held !== undefined && isSameRun(held, resource)
      // Its failure counts only if the next command fails too: there may be nothing left to undo.
      if (held !== undefined && !isRepeated) await this.#tryUndoing(held, signal)
      await this.#records.put({ ...resource, done: false })
      await this.#add(resource, isRepeated, signal)
      await this.#records.put(resource)
    }
    this.#failed.delete(resource.key)
    if (resource.key === STARTUP_KEY) this.#started = resource
  }

  async #add(resource: CommandResource, isRepeated: boolean, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#run(resource.add, resource, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (!isRepeated || resource.remove === undefined) throw error
      // What it adds may be there, or half of it.
      await this.#tryUndoing(resource, signal)
      await this.#run(resource.add, resource, signal)
    }
  }

  async #tryUndoing(held: CommandResource, signal: AbortSignal | undefined): Promise<void> {
    await this.#run(held.remove, held, signal).catch(() => signal?.throwIfAborted())
  }

  async #delete({ key }: CommandResource, signal: AbortSignal | undefined): Promise<void> {
    const held = await this.#records.get(key)
    try {
      if (held !== undefined) await this.#run(held.remove, held, signal)
    } catch (error) {
      signal?.throwIfAborted()
      const { maxRemovals = MAX_REMOVALS } = this.#options
      const failures = (this.#failed.get(key) ?? 0) + 1
      this.#failed.set(key, failures)
      if (failures < maxRemovals) throw error
      await this.#forget(key)
      const { message } = OverlayError.from(
        error,
        'DRIVER_REFUSED',
        `undoing what was run for ${held?.subject}`,
      )
      throw new OverlayError(
        'DRIVER_REFUSED',
        `${message}; given up after ${maxRemovals === 1 ? 'one attempt' : `${maxRemovals} attempts`}`,
      )
    }
    await this.#forget(key)
  }

  async #forget(key: string): Promise<void> {
    this.#failed.delete(key)
    await this.#records.delete(key)
  }

  async #run(
    command: ConfiguredCommand | undefined,
    { subject, environment, input }: CommandResource,
    signal?: AbortSignal,
  ): Promise<void> {
    if (command === undefined) return
    const { environment: common, timeoutMs } = this.#options
    await runCommand({
      subject,
      command,
      environment: { ...common, ...environment },
      input,
      timeoutMs,
      signal,
    })
  }

  async #shutDown(): Promise<void> {
    if (this.#started !== undefined) await this.#run(this.#options.shutdown, this.#started)
  }

  #requireOpen(signal: AbortSignal | undefined): void {
    if (this.#disposed !== undefined)
      throw new OverlayError('CLOSED', 'the driver of commands is disposed of')
    signal?.throwIfAborted()
  }
}

/** Whether two differ in nothing that a command sees. */
const isSameRun = (held: CommandResource, desired: CommandResource): boolean =>
  satisfies(asIfDone(held), asIfDone(desired))

const asIfDone = (resource: CommandResource): CommandResource => ({ ...resource, startup: '', done: true })
