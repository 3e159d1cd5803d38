import { createInterface } from 'node:readline'
import type { Child, Namespace } from './namespace.js'
import { TimeoutError, until } from './until.js'

/** One change that the kernel told of. */
export interface KernelEvent {
  /** When it was read, in milliseconds since the epoch, to the microsecond. */
  time: number
  /** As `ip -oneline monitor` prints it: `Deleted 10.244.2.0/24 via …`. */
  text: string
}

/**
 * The kernel dates no notification: `ip monitor` does when it reads one. So it is given real-time priority, to read at
 * once on a busy machine too. Where that is not allowed, times are coarser.
 */
const LISTEN = 'chrt --rr --pid 1 $$ 2>/dev/null; exec ip -tshort -oneline monitor link address route neigh'

/**
 * The kernel's own record of changes to links, addresses, routes, neighbours and forwarding entries
 * of a namespace. It dates every change, where polling would only bound it.
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

  /** Starts one, and waits until it tells what happens. */
  static async start(namespace: Namespace): Promise<KernelMonitor> {
    const monitor = new KernelMonitor(namespace.spawn('sh', ['-c', LISTEN]))
    await monitor.#hears(namespace)
    return monitor
  }

  /**
   * The first event from index `from` on that matches, once it is there.
   * @throws {TimeoutError} telling what the kernel told instead, after `timeout` ms.
   */
  async event(pattern: RegExp, from = 0, timeout = 10_000): Promise<KernelEvent> {
    const find = () => this.events.slice(from).find(({ text }) => pattern.test(text))
    try {
      return await until(`the kernel to tell of ${pattern}`, find, { timeout, interval: 2 })
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error
      const told = this.events.slice(from).map(({ text }) => `\n  ${text}`)
      throw new TimeoutError(`${error.message}; it told of:${told.join('') || ' nothing'}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  /**
   * `ip monitor` joins its groups, then dumps the links, and throws away what it is told before that dump has ended. No
   * file shows when that is, so the loopback's alias is changed until it tells of it.
   */
  async #hears(namespace: Namespace): Promise<void> {
    const alias = (text: string) => namespace.ip('link', 'set', 'dev', 'lo', 'alias', text)
    const told = () => this.events.some(({ text }) => /^\d+: lo:/.test(text)) || undefined
    const options = { signal: namespace.signal, interval: 10 }
    let tries = 0
    await until(
      `ip monitor to hear what happens in ${namespace.namespace}`,
      async () => {
        if (told()) return true
        tries += 1
        await alias(`try ${tries}`)
        return undefined
      },
      options,
    )
    this.events.length = 0
    await alias('')
    await until('ip monitor to tell of the last alias', told, options)
    this.events.length = 0
  }
}

/** Reads `2026-11-21T05:47:59.522673`, local time, keeping the microseconds that Date drops. */
function parseTime(text: string): number {
  const [date = '', fraction = '0'] = text.split('.')
  return Date.parse(date) + Number(`0.${fraction}`) * 1000
}
