import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Host } from './host.js'
import type { Child } from './namespace.js'
import { within } from './until.js'

export interface ExampleOptions {
  /** A command that runs the rest: that of the program, by `"$@"`. */
  readonly within?: readonly string[]
}

/** A program of `examples/`, built, that runs on a host and says on standard error what it does. */
export class ExampleProgram implements AsyncDisposable {
  readonly child: Child
  /** What it has said so far. */
  readonly lines: string[] = []
  readonly #name: string
  readonly #output: Interface

  private constructor(name: string, child: Child) {
    this.#name = name
    this.child = child
    this.#output = createInterface(child.stderr).on('line', (text) => this.lines.push(text))
  }

  /** @param name below `examples/src`, without its ending */
  static start(
    host: Host,
    name: string,
    args: readonly string[],
    options: ExampleOptions = {},
  ): ExampleProgram {
    const file = fileURLToPath(new URL(`../../examples/dist/${name}.js`, import.meta.url))
    const [command = process.execPath, ...rest] = [...(options.within ?? []), process.execPath, file, ...args]
    return new ExampleProgram(name, host.spawn(command, rest))
  }

  /** The same by a command as documents have it: `node examples/dist/NAME.js ARGUMENT…`. */
  static startBy(host: Host, command: string): ExampleProgram {
    const [, name = '', rest = ''] = /^node examples\/dist\/(.+?)\.js (.*)$/.exec(command) ?? []
    return ExampleProgram.start(host, name, rest.split(' '))
  }

  /** Resolves with the first line that matches; rejects if the program ends before, and after 20 s without a line. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = this.lines.map((text) => pattern.exec(text)).find((match) => match !== null)
      if (found !== undefined && found !== null) return found
      if (this.child.exitCode !== null)
        throw new Error(`${this.#name} ended with ${this.child.exitCode}:\n${this.lines.join('\n')}`)
      await within(
        `a line ${pattern} of ${this.#name}`,
        20_000,
        Promise.race([once(this.#output, 'line'), once(this.child, 'close')]),
      ).catch((error) => {
        throw new Error(`${error.message}; it said:\n${this.lines.join('\n')}`, { cause: error })
      })
    }
  }

  /** Asks it to end, and resolves with its exit status. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM')
      await within(`the end of ${this.#name}`, 10_000, once(this.child, 'close'))
    }
    return this.child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
  }
}
