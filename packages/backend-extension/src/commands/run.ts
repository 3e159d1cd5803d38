import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import { type Environment, wordsOf } from './words.js'

/** A command of the network config, as it is written there. */
export interface ConfiguredCommand {
  /** Its key, for messages: `SubnetAddCommand`. */
  readonly name: string
  /** Without `shell`: split on white space, then `$NAME` and `${NAME}` are expanded in each word. */
  readonly text: string
  /** Whether `sh -c` runs it. */
  readonly shell: boolean
}

export interface CommandRun {
  /** What it is run for, for messages: `10.244.2.0/24`. */
  readonly subject: string
  readonly command: ConfiguredCommand
  /** All that the command finds in its environment. */
  readonly environment: Environment
  /** Written to its standard input, with a line feed. */
  readonly input: string
  readonly timeoutMs: number
  /** Aborted: the command is killed. */
  readonly signal?: AbortSignal | undefined
}

/** How much of what a command prints is kept, in bytes: a record that carries more is too long for a store. */
export const MAX_OUTPUT_BYTES = 32 * 1024
/** How much of its standard error an error message quotes, in characters. */
const MAX_QUOTED = 300
/** How long output is waited for after a command has ended: a process that it left behind may hold it open. */
const DRAIN_MS = 1_000

/** What a command printed on standard output and standard error, in the order of arrival, trimmed. */
export interface CommandOutput {
  readonly text: string
  /** It printed more than `MAX_OUTPUT_BYTES`; the rest was dropped. */
  readonly isCut: boolean
}

/**
 * Runs a command in a process group of its own to its end. Rejects with an OverlayError of code `DRIVER_REFUSED` if it
 * cannot be started, fails or takes too long, and then kills the group. The message has the program's name and the end
 * of its standard error, and nothing of its arguments, environment and input: they may hold secrets.
 */
export async function runCommand(run: CommandRun): Promise<CommandOutput> {
  run.signal?.throwIfAborted()
  const { command, environment } = run
  const words = command.shell ? ['sh', '-c', command.text] : wordsOf(command.text, environment)
  const [program = '', ...args] = words
  const ended = await end(run, program, args)
  run.signal?.throwIfAborted()
  if (ended.problem === undefined) return ended.output
  const detail = printable(
    ended.stderr
      .trim()
      .replace(/\s*\n\s*/g, '; ')
      .slice(-MAX_QUOTED),
    MAX_QUOTED,
  )
  throw new OverlayError(
    'DRIVER_REFUSED',
    `${command.name} for ${run.subject} failed: ${printable(basename(program).slice(0, 64))} ${ended.problem}${detail === '' ? '' : `: ${detail}`}`,
    ended.errno === undefined ? {} : { errno: ended.errno },
  )
}

interface Ended {
  readonly output: CommandOutput
  readonly stderr: string
  /** Ends the sentence "ip …" unless the command succeeded. */
  readonly problem?: string | undefined
  readonly errno?: string | undefined
}

function end(run: CommandRun, program: string, args: readonly string[]): Promise<Ended> {
  const output = new Kept('first')
  const stderr = new Kept('last')
  const ended = (problem?: string, errno?: string): Ended => ({
    output: { text: output.text().trim(), isCut: output.isCut },
    stderr: stderr.text(),
    problem,
    errno,
  })
  return new Promise((resolve) => {
    let child: ReturnType<typeof start>
    try {
      child = start(program, args, run.environment)
    } catch (error) {
      // A zero byte in a word, or an environment that is too large for the kernel to take at once.
      return resolve(
        ended(`cannot be started: ${printable(codeOf(error) ?? 'invalid words')}`, codeOf(error)),
      )
    }
    let killed: string | undefined
    const kill = (why: string): void => {
      killed ??= why
      killGroup(child.pid)
      drain()
    }
    const drain = (): void => {
      draining ??= setTimeout(() => finish(child.exitCode, child.signalCode), DRAIN_MS)
    }
    const onAbort = () => kill('was stopped')
    const finish = (status: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer)
      clearTimeout(draining)
      run.signal?.removeEventListener('abort', onAbort)
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      if (killed !== undefined) resolve(ended(killed))
      else if (signal !== null) resolve(ended(`was ended by ${signal}`))
      else resolve(ended(status === 0 ? undefined : `exited with status ${status}`))
    }
    let draining: NodeJS.Timeout | undefined
    const timer = setTimeout(
      () => kill(`took longer than ${run.timeoutMs / 1_000} s, and was killed`),
      run.timeoutMs,
    )
    run.signal?.addEventListener('abort', onAbort, { once: true })
    child.stdout.on('data', (chunk: Buffer) => output.add(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      output.add(chunk)
      stderr.add(chunk)
    })
    // It may not read its input, or not all: its status says whether that matters.
    child.stdin.on('error', () => undefined)
    child.stdin.end(`${run.input}\n`)
    child.on('error', (error) => {
      clearTimeout(timer)
      run.signal?.removeEventListener('abort', onAbort)
      const code = codeOf(error)
      resolve(
        ended(code === 'ENOENT' ? 'is not found in PATH' : `cannot be started: ${code ?? error.name}`, code),
      )
    })
    child.on('exit', drain)
    child.on('close', finish)
  })
}

const start = (program: string, args: readonly string[], environment: Environment) =>
  spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...environment }, detached: true })

/** Kills a command and what it has started, unless that has left its process group. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** The first or last bytes of a stream of any length. */
class Kept {
  readonly #which: 'first' | 'last'
  #chunks: Buffer[] = []
  #bytes = 0
  isCut = false

  constructor(which: 'first' | 'last') {
    this.#which = which
  }

  add(chunk: Buffer): void {
    if (this.#which === 'first') {
      const room = MAX_OUTPUT_BYTES - this.#bytes
      if (chunk.length > room) this.isCut = true
      if (room <= 0) return
      this.#chunks.push(chunk.subarray(0, room))
      this.#bytes += Math.min(room, chunk.length)
    } else {
      const all = Buffer.concat([...this.#chunks, chunk])
      this.#chunks = [Buffer.from(all.subarray(-MAX_QUOTED * 4))]
    }
  }

  /** What is no UTF-8 is replaced by U+FFFD, as Go's JSON does. */
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }
}
