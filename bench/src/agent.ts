import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Child, type Host, until } from '@selvedge/lab'

const SELVEDGED = fileURLToPath(import.meta.resolve('@selvedge/agent')).replace(
  /dist\/index\.js$/,
  'bundle/selvedged.mjs',
)

/** What is said where the process becomes selvedged. */
const BEGIN = 'begin'

/** How to start selvedged. */
export interface AgentOptions {
  readonly flags: readonly string[]
  /** All of its environment beside PATH. */
  readonly variables?: Readonly<Record<string, string>>
  /** A shell command to run before it, in the mount namespace that it will have. */
  readonly before?: string
}

/** A running selvedged, timed from its start. */
export class Agent {
  readonly #child: Child
  #startedAt = performance.now()
  readonly #said = new Map<string, number>()
  #output = ''

  /** Starts it as a service manager would, with nothing kept from earlier starts. */
  static start(host: Host, directory: string, { flags, variables = {}, before = ':' }: AgentOptions): Agent {
    // What this shell has set is not selvedged's: NODE_EXTRA_CA_CERTS alone has Node.js read a hundred certificates,
    // which takes it longer than everything else up to its first line of code.
    const environment = Object.entries({ PATH: process.env.PATH, ...variables }).map(
      ([name, value]) => `${name}=${value}`,
    )
    const files = [`-subnet-file=${directory}/subnet.env`, '-lease-cache=']
    const command = ['env', '-i', ...environment, process.execPath, SELVEDGED, ...flags, ...files]
    const script = `${before}; echo '{"msg":"${BEGIN}"}' >&2; exec "$@"`
    return new Agent(host.spawn('sh', ['-ec', script, 'sh', ...command]))
  }

  private constructor(child: Child) {
    this.#child = child
    child.stdout.resume()
    createInterface(child.stderr).on('line', (line) => {
      this.#output += `${line}\n`
      if (!line.startsWith('{')) return
      const { msg = '' } = JSON.parse(line) as { msg?: string }
      if (msg === BEGIN) this.#startedAt = performance.now()
      if (!this.#said.has(msg)) this.#said.set(msg, performance.now() - this.#startedAt)
    })
  }

  /** Milliseconds from the start to the first line of the log that begins so. */
  async said(beginning: string): Promise<number> {
    return until(
      `selvedged to say '${beginning}'`,
      () => {
        if (this.#child.exitCode !== null) throw new Error(`selvedged ended:\n${this.#output}`)
        return [...this.#said].find(([message]) => message.startsWith(beginning))?.[1]
      },
      { timeout: 60_000, interval: 1 },
    )
  }

  /** What the process has cost so far. */
  async cost(): Promise<{ readonly cpu: number; readonly peakMemory: number }> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8')
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8')
    // Behind the name in parentheses: field 14 is utime, 15 stime, in ticks of 10 ms (proc(5)).
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(status) ?? []
    return { cpu: (Number(user) + Number(system)) * 10, peakMemory: Number(kilobytes) * 1024 }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGTERM')
    await closed
  }
}
