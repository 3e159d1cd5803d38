import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Child, type Host, until } from '@selvedge/lab'
import { CHECKOUT, selvedgedOf } from './selvedged.js'

/** Logged when the process becomes selvedged. */
const BEGIN = 'begin'

const SUBNET_ENV = 'subnet.env'

/** Logged when the kernel holds everything for the first time. */
export const IN_SYNC = /^in sync/

/** What runs as selvedged. */
export interface Program {
  /** The Node.js binary. Default: this process's own. */
  readonly node?: string | undefined
  /** The root of a checkout that is built. Default: this one's. */
  readonly checkout?: string | undefined
}

/** How to start selvedged. */
export interface AgentOptions extends Program {
  readonly flags: readonly string[]
  /** All of its environment besides PATH. */
  readonly variables?: Readonly<Record<string, string>>
  /** Where it answers `selvedge`. Default: nowhere. */
  readonly controlSocket?: string
  /** A shell command to run before it, in the mount namespace that it will have. */
  readonly before?: string
}

/** A running selvedged, timed from its start. */
export class Agent {
  readonly #child: Child
  #startedAt = performance.now()
  readonly #logged = new Map<string, number>()
  #subnetEnv: number | undefined
  #output = ''

  /** Starts it as a service manager would, with nothing kept from earlier starts. */
  static start(host: Host, directory: string, options: AgentOptions): Agent {
    const {
      flags,
      variables = {},
      controlSocket = '',
      before = ':',
      node = process.execPath,
      checkout = CHECKOUT,
    } = options
    // selvedged gets none of this shell's variables: NODE_EXTRA_CA_CERTS alone makes Node.js read a hundred
    // certificates, which takes longer than everything else up to its first line of code.
    const environment = Object.entries({ PATH: process.env.PATH, ...variables }).map(
      ([name, value]) => `${name}=${value}`,
    )
    const files = [
      `-subnet-file=${join(directory, SUBNET_ENV)}`,
      '-lease-cache=',
      `-control-socket=${controlSocket}`,
    ]
    // What is measured is the overlay: without traffic rules, which other programs write.
    const bare = ['-iptables-forward-rules=false', ...files]
    const command = ['env', '-i', ...environment, node, selvedgedOf(checkout), ...flags, ...bare]
    const script = `${before}; echo '{"msg":"${BEGIN}"}' >&2; exec "$@"`
    return new Agent(host.spawn('sh', ['-ec', script, 'sh', ...command]), directory)
  }

  private constructor(child: Child, directory: string) {
    this.#child = child
    const watcher = watch(directory, (_, name) => {
      if (name === SUBNET_ENV) this.#subnetEnv ??= this.#elapsed()
    })
    child.once('close', () => watcher.close())
    child.stdout.resume()
    createInterface(child.stderr).on('line', (line) => {
      this.#output += `${line}\n`
      if (!line.startsWith('{')) return
      const { msg = '' } = JSON.parse(line) as { msg?: string }
      if (msg === BEGIN) this.#startedAt = performance.now()
      if (!this.#logged.has(msg)) this.#logged.set(msg, this.#elapsed())
    })
  }

  /** Milliseconds from the start until subnet.env is in its place. */
  subnetEnv(): Promise<number> {
    return this.#until('write subnet.env', () => this.#subnetEnv)
  }

  /** Milliseconds from the start to the first line of the log whose message matches. */
  logged(message: RegExp): Promise<number> {
    return this.#until(
      `log ${message}`,
      () => [...this.#logged].find(([logged]) => message.test(logged))?.[1],
    )
  }

  /** What the process has cost so far: CPU time in ms; memory that is resident, and the most that was, in bytes. */
  async cost(): Promise<{ readonly cpuMs: number; readonly memory: number; readonly peakMemory: number }> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8')
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8')
    // After the name in parentheses: field 14 is utime, 15 stime, in ticks of 10 ms (proc(5)).
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const bytes = (name: string) => Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(status)?.[1]) * 1024
    const cpuMs = (Number(user) + Number(system)) * 10
    return { cpuMs, memory: bytes('VmRSS'), peakMemory: bytes('VmHWM') }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGTERM')
    await closed
  }

  #elapsed(): number {
    return performance.now() - this.#startedAt
  }

  #until<T>(what: string, look: () => T | undefined): Promise<T> {
    return until(
      `selvedged to ${what}`,
      () => {
        if (this.#child.exitCode !== null) throw new Error(`selvedged ended:\n${this.#output}`)
        return look()
      },
      { timeoutMs: 60_000, intervalMs: 1 },
    )
  }
}
