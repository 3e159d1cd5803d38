import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lease, LeaseEvent } from '@selvedge/core'
import type { LocalSubnetManagerOptions } from '../src/index.js'

const program = fileURLToPath(new URL('node.mjs', import.meta.url))

export interface Message {
  readonly ready?: true
  readonly result?: unknown
  readonly error?: { readonly code: string; readonly message: string }
  readonly event?: LeaseEvent
  readonly at?: number
  readonly announced?: 'delete' | 'hold'
  readonly acknowledged?: 'put' | 'delete'
  readonly lease?: Lease
}

export interface NodeProcessOptions {
  /** A command that ends with running the one that follows it, such as `unshare -m`. */
  readonly command?: readonly string[]
  /** The user to run as. */
  readonly uid?: number
}

/** A process that runs `node.mjs`. */
export class NodeProcess implements AsyncDisposable {
  readonly messages: Message[] = []
  readonly child: ChildProcess
  stderr = ''
  readonly #exit: Promise<unknown>

  constructor(options: LocalSubnetManagerOptions, { command = [], uid }: NodeProcessOptions = {}) {
    const [file = process.execPath, ...args] = [
      ...command,
      process.execPath,
      program,
      JSON.stringify(options),
    ]
    this.child = spawn(file, args, {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      ...(uid !== undefined && { uid, gid: uid }),
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    // Messages may still be on their way when the process is gone.
    this.#exit = Promise.all([once(this.child, 'exit'), once(this.child, 'disconnect')])
    this.child.on('message', (message: Message) => this.messages.push(message))
  }

  /** Resolves with the first message, from number `from` on, that `matches`. Rejects when the process ends before. */
  async next(matches: (message: Message) => boolean, from = 0): Promise<Message> {
    for (let index = from; ; index += 1) {
      while (index >= this.messages.length) await this.#wakeUp()
      const message = this.messages[index]
      if (message !== undefined && matches(message)) return message
    }
  }

  async ready(): Promise<this> {
    await this.next(({ ready }) => ready === true)
    return this
  }

  /** Calls a method in the process; rejects with what it rejects with. One call at a time. */
  async call(name: string, ...args: unknown[]): Promise<unknown> {
    const from = this.messages.length
    this.child.send({ call: name, args })
    const { result, error } = await this.next(
      (message) => 'result' in message || 'error' in message || isVoid(message),
      from,
    )
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code })
    return result
  }

  /** Calls a method that does not end. */
  begin(name: string, ...args: unknown[]): void {
    this.child.send({ call: name, args })
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal)
    if (signal === 'SIGKILL') await this.#exit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  async #wakeUp(): Promise<void> {
    const ended = this.#exit.then(() => {
      throw new Error(`the process ended: ${this.child.signalCode ?? this.child.exitCode}\n${this.stderr}`)
    })
    await Promise.race([once(this.child, 'message'), ended])
  }
}

/** A method that returns nothing answers with an empty message. */
const isVoid = (message: Message): boolean => Object.keys(message).length === 0

/** A folder of its own, removed at the end. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'slv-local-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
