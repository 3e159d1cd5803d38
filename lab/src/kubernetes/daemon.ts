import { type ChildProcess, spawn } from 'node:child_process'

/** How much of a daemon's last output to keep, in characters: enough to see why it ended. */
const OUTPUT_KEPT = 8_000

/** A program that runs until it is stopped, and whose last words are kept. */
export class Daemon {
  readonly #name: string
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #output = ''
  /** What has not been printed yet. */
  #awaited: string | undefined

  constructor([program = '', ...args]: readonly string[]) {
    this.#name = [program, ...args].slice(0, 5).join(' ')
    // setpriv becomes the program, which the kernel kills when this process is gone.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const collect = (chunk: Buffer) => {
      const output = this.#output + chunk.toString()
      if (this.#awaited !== undefined && output.includes(this.#awaited)) this.#awaited = undefined
      this.#output = output.slice(-OUTPUT_KEPT)
    }
    this.#child.stdout?.on('data', collect)
    this.#child.stderr?.on('data', collect)
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', () => resolve())
      this.#child.on('error', (error) => {
        this.#output += String(error)
        resolve()
      })
    })
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined
  }

  /** Waits until the program, which was just started, has printed `text`, as `untilReady` does. */
  untilPrinted(text: string): Promise<void> {
    this.#awaited = text
    return this.untilReady(async () => this.#awaited === undefined)
  }

  /** Waits until `look` resolves to true; fails if the program ends first, or after `timeout` ms. */
  async untilReady(look: () => Promise<boolean>, timeout = 60_000): Promise<void> {
    const end = performance.now() + timeout
    while (!(await look().catch(() => false))) {
      if (!this.running) throw new Error(`${this.#name} ended:\n${this.#output}`)
      if (performance.now() > end)
        throw new Error(`${this.#name} not ready in ${timeout} ms:\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal)
    await this.#ended
  }
}
