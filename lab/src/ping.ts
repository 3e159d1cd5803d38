import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Child, Namespace } from './namespace.js'
import { PATIENCE } from './patience.js'
import { CommandError } from './run.js'
import { until, within } from './until.js'

/** How long an answer to an echo request is awaited, in milliseconds. */
const ANSWER_WITHIN_MS = 1_000

/** The counts of a number of echo requests. */
export interface PingResult {
  sent: number
  lost: number
}

export interface PingOptions {
  /** How many requests. Default: 5. */
  count?: number
  /** Milliseconds between two. Default: 20. */
  intervalMs?: number
}

/**
 * Sends a few echo requests and counts their answers, each awaited for a second at least. An unreachable target is a
 * result, no error.
 */
export async function ping(from: Namespace, target: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 5, intervalMs: interval = 20 } = options
  // Once it has had an answer, ping -c waits for the last one no longer than an interval or two round trips, which on a
  // busy machine is too short. So more requests follow for a second, and only the first ones count.
  const requests = count + Math.ceil(ANSWER_WITHIN_MS / interval)
  const args = ['-n', '-c', `${requests}`, '-i', seconds(interval), '-W', seconds(interval), target]
  const child = from.spawn('ping', args)
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk
  })
  const answered = new Set<number>()
  createInterface(child.stdout).on('line', (line) => {
    const sequence = sequenceAnswered(line)
    if (sequence !== undefined && sequence <= count) answered.add(sequence)
    if (answered.size === count) child.kill('SIGINT')
  })
  const timeout = 2 * requests * interval + 10_000
  await within(`ping ${target} to end`, timeout, once(child, 'close')).catch((error) => {
    child.kill('SIGKILL')
    throw error
  })
  // 1 means that answers are missing. Without a route, the system call fails and nothing is sent: 2.
  const isResult = answered.size === count || child.exitCode === 1 || child.exitCode === 2
  if (!isResult && child.exitCode !== 0) {
    throw new Error(`ping ${target} ended with ${child.signalCode ?? child.exitCode}: ${errors.trim()}`)
  }
  return { sent: count, lost: count - answered.size }
}

/**
 * Sends echo requests, one each `interval` ms (default: 5), until the first answer.
 * @returns after how many milliseconds it came.
 * @throws {CommandError} if none came within `timeout` ms (default: 10,000).
 */
export async function pingUntilReached(
  from: Namespace,
  target: string,
  { timeout = 10_000, interval = 5 } = {},
): Promise<number> {
  const start = performance.now()
  await until(
    `an answer from ${target} to ${from.namespace}`,
    async () => {
      // Without a route ping gives up at once, so it is started again until there is one.
      const args = [
        '-n',
        '-q',
        '-c',
        '1',
        '-w',
        `${Math.ceil((timeout * PATIENCE) / 1000)}`,
        '-i',
        seconds(interval),
        target,
      ]
      try {
        await from.exec('ping', args, { timeoutMs: timeout + 2000 })
        return true
      } catch (error) {
        if (error instanceof CommandError && error.status !== null) return undefined
        throw error
      }
    },
    { timeoutMs: timeout, signal: from.signal },
  )
  return performance.now() - start
}

/** One direction of a ping matrix. */
export interface MatrixEntry extends PingResult {
  from: string
  to: string
  /** The address that was pinged. */
  address: string
}

/** Something with a name, from which one can ping, or whose addresses can be pinged. */
type Endpoint = Namespace & { readonly name: string; readonly addresses: readonly string[] }

/** Pings from each of `sources` to every address of each of `targets`, except to itself. */
export async function pingMatrix(
  sources: readonly Endpoint[],
  targets: readonly Endpoint[],
  options: PingOptions = {},
): Promise<MatrixEntry[]> {
  const pairs = sources.flatMap((from) =>
    targets
      .filter((to) => to !== from)
      .flatMap((to) => to.addresses.map((address) => ({ from, to, address }))),
  )
  const entries: MatrixEntry[] = []
  const work = pairs.entries()
  const worker = async () => {
    for (const [i, { from, to, address }] of work) {
      entries[i] = { from: from.name, to: to.name, address, ...(await ping(from, address, options)) }
    }
  }
  // A few at a time: many pings at once on a small machine would lose packets for lack of CPU.
  await Promise.all(Array.from({ length: 4 }, worker))
  return entries
}

/** The counts of a stream of echo requests. */
export interface PingStreamResult extends PingResult {
  /** The longest time between two answers, in milliseconds. */
  longestGapMs: number
}

/** Echo requests at a steady pace; every lost one is counted. */
export class PingStream {
  readonly target: string
  readonly #child: Child
  readonly #closed: Promise<void>
  readonly #answered = new Set<number>()
  #output = ''
  #last = 0
  #lastTime = 0
  #longestGap = 0

  private constructor(child: Child, target: string) {
    this.#child = child
    this.target = target
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      this.#output += chunk
    })
    const lines = createInterface(child.stdout)
    lines.on('line', (line) => this.#read(line))
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /**
   * Starts one, and waits for its first answer.
   * @param interval milliseconds between two requests; 100 by default
   */
  static async start(from: Namespace, target: string, interval = 100): Promise<PingStream> {
    const stream = new PingStream(from.spawn('ping', ['-n', '-D', '-i', seconds(interval), target]), target)
    await until(`an answer from ${target}`, () => stream.#progress(), { signal: from.signal })
    return stream
  }

  /** Ends the stream and gives what came of it. */
  async stop(): Promise<PingStreamResult> {
    // Stopped right after an answer, no request is under way that would wrongly count as lost.
    const before = this.#last
    const alive = await until('one more answer', () => (this.#last > before ? true : undefined), {
      timeoutMs: 2000,
      intervalMs: 1,
    }).catch(() => false)
    this.#child.kill('SIGINT')
    await within('ping to end', 5000, this.#closed)
    const sent = alive ? this.#last : parseSummary(this.#output).sent
    return { sent, lost: sent - this.#answered.size, longestGapMs: this.#longestGap }
  }

  #progress(): true | undefined {
    if (this.#child.exitCode !== null) throw new Error(`ping ${this.target} ended: ${this.#output.trim()}`)
    return this.#last > 0 ? true : undefined
  }

  #read(line: string): void {
    const [, time] = /^\[(\d+\.\d+)\] /.exec(line) ?? []
    const sequence = sequenceAnswered(line)
    if (time === undefined || sequence === undefined) {
      this.#output += `${line}\n`
      return
    }
    const now = Number(time) * 1000
    if (this.#lastTime > 0) this.#longestGap = Math.max(this.#longestGap, now - this.#lastTime)
    this.#lastTime = now
    this.#answered.add(sequence)
    this.#last = Math.max(this.#last, sequence)
  }
}

/** Of the request that a line of ping's output says is answered. */
function sequenceAnswered(line: string): number | undefined {
  const [, sequence] = / bytes from .* icmp_seq=(\d+) ttl=/.exec(line) ?? []
  return sequence === undefined ? undefined : Number(sequence)
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000}`
}

function parseSummary(output: string): PingResult {
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? []
  if (sent === undefined) throw new Error(`ping printed no summary: ${output.trim()}`)
  return { sent: Number(sent), lost: Number(sent) - Number(received) }
}
