import { createInterface } from 'node:readline'
import type { Child, Namespace } from './namespace.js'
import { TimeoutError, until } from './until.js'

/** One notification of the kernel's. */
export interface KernelEvent {
  /** When it was read, in milliseconds since the epoch, to the microsecond. */
  time: number
  /** As `ip -oneline monitor` prints it: `Deleted 10.244.2.0/24 via …`. */
  text: string
}

/**
 * The kernel puts no time on a notification: `ip monitor` does when it reads one. It runs with real-time priority, to
 * read at once on a busy machine too. If that is not allowed, times are coarser.
 */
const LISTEN = 'chrt --rr --pid 1 $$ 2>/dev/null; exec ip -tshort -oneline monitor link address route neigh'

/**
 * The kernel's notifications of changes to a namespace's links, addresses, routes, neighbours and fdb entries. They
 * give each change a time, which polling could only bound.
 */
export class KernelMonitor implements AsyncDisposable {
  readonly events: KernelEvent[] = []
  readonly #child: Child
  readonly #closed: Promise<void>

  private constructor(child: Child) {
    this.#child = child
    createInterface(child.stdout).on('line', (line) => {
      const [, time, text] = /^\[(\S+)\] (.*)$/.exec(line) ?? []
      if (time !== undefined && text !== undefined) this.events.push({ time: parseTime(time), text })
    })
    child.stderr.resume()
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** Starts one, and waits until it prints notifications. */
  static async start(namespace: Namespace): Promise<KernelMonitor> {
    const monitor = new KernelMonitor(namespace.spawn('sh', ['-c', LISTEN]))
    await monitor.#listens(namespace)
    return monitor
  }

  /**
   * The first event from index `from` on that matches, once it is there.
   * @throws {TimeoutError} that lists what came instead, after `timeout` ms.
   */
  async event(pattern: RegExp, from = 0, timeout = 10_000): Promise<KernelEvent> {
    const find = () => this.events.slice(from).find(({ text }) => pattern.test(text))
    try {
      return await until(`the kernel's notification of ${pattern}`, find, {
        timeoutMs: timeout,
        intervalMs: 2,
      })
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error
      const others = this.events.slice(from).map(({ text }) => `\n  ${text}`)
      throw new TimeoutError(`${error.message}; instead:${others.join('') || ' nothing'}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  /**
   * `ip monitor` joins its groups, then dumps the links, and discards the notifications that come before the dump ends.
   * No file shows when that is, so the loopback's alias is changed until a notification of it is printed.
   */
  async #listens(namespace: Namespace): Promise<void> {
    const alias = (text: string) => namespace.ip('link', 'set', 'dev', 'lo', 'alias', text)
    const isNotified = () => this.events.some(({ text }) => /^\d+: lo:/.test(text)) || undefined
    const options = { signal: namespace.signal, interval: 10 }
    let tries = 0
    await until(
      `ip monitor to print notifications of ${namespace.namespace}`,
      async () => {
        if (isNotified()) return true
        tries += 1
        await alias(`try ${tries}`)
        return undefined
      },
      options,
    )
    this.events.length = 0
    await alias('')
    await until('ip monitor to print the last alias', isNotified, options)
    this.events.length = 0
  }
}

/** Parses `2026-11-21T05:47:59.522673`, local time, with the microseconds that Date drops. */
function parseTime(text: string): number {
  const [date = '', fraction = '0'] = text.split('.')
  return Date.parse(date) + Number(`0.${fraction}`) * 1000
}
