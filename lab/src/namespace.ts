import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { type RunOptions, run } from './run.js'

/** A child process whose standard output and standard error are read. */
export type Child = ChildProcessByStdio<null, Readable, Readable>

/** A network namespace of a lab, and what can be run in it. */
export class Namespace {
  /** As `ip netns list` shows it. */
  readonly namespace: string
  /** Once aborted, commands under way in this namespace are killed and no further one is run. */
  readonly signal: AbortSignal | undefined
  readonly #children = new Set<Child>()

  constructor(namespace: string, signal?: AbortSignal) {
    this.namespace = namespace
    this.signal = signal
  }

  /** `ip <args>` in this namespace. */
  ip(...args: string[]): Promise<string> {
    return this.#run('ip', ['-n', this.namespace, ...args])
  }

  /** `bridge <args>` in this namespace. */
  bridge(...args: string[]): Promise<string> {
    return this.#run('bridge', ['-n', this.namespace, ...args])
  }

  /** Many `ip` commands in one process; the first that fails ends them. */
  async ipBatch(lines: readonly string[]): Promise<void> {
    await this.#run('ip', ['-n', this.namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Runs a command in this namespace to its end. */
  exec(
    command: string,
    args: readonly string[] = [],
    options: Omit<RunOptions, 'signal'> = {},
  ): Promise<string> {
    return this.#run('ip', ['netns', 'exec', this.namespace, command, ...args], options)
  }

  /** Sets kernel parameters of this namespace, by their path under /proc/sys. */
  async sysctl(settings: Readonly<Record<string, string | number>>): Promise<void> {
    const script = Object.entries(settings).map(([path, value]) => `echo ${value} > /proc/sys/${path}`)
    await this.exec('sh', ['-ec', script.join('\n')])
  }

  /**
   * Starts a command in this namespace and gives its process. It is the command's own, not a
   * wrapper's: `ip netns exec` replaces itself, so that a signal meets the right one. It has a session of its own:
   * Ctrl-C is for this program alone to act upon.
   */
  spawn(command: string, args: readonly string[] = []): Child {
    this.signal?.throwIfAborted()
    const child = spawn('ip', ['netns', 'exec', this.namespace, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#children.add(child)
    child.once('close', () => this.#children.delete(child))
    return child
  }

  /** Kills, with SIGKILL, every process of `spawn` that still runs. */
  async killAll(): Promise<void> {
    const ends = [...this.#children].map(
      (child) => new Promise<void>((resolve) => child.once('close', () => resolve())),
    )
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(ends)
  }

  #run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run(command, args, { ...options, signal: this.signal })
  }
}
