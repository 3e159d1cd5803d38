import { spawn } from 'node:child_process'
import { PATIENCE } from './patience.js'

export interface RunOptions {
  /** What the command reads on its standard input. Default: nothing. */
  input?: string
  /** Milliseconds after which the command is killed and the call fails. Default: 10,000. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
}

/** A command that could not be started, was killed, or ended with a status other than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly command: string
  /** Exit status; null if a signal or the timeout ended the command. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string

  constructor(command: string, status: number | null, reason: string, stdout: string, stderr: string) {
    const explanation = stderr.trim() || stdout.trim()
    super(`${command}: ${reason}${explanation ? `: ${explanation}` : ''}`)
    this.command = command
    this.status = status
    this.stdout = stdout
    this.stderr = stderr
  }
}

const DEFAULT_TIMEOUT = 10_000

/**
 * Runs a command to its end and gives what it wrote to standard output.
 * @throws {CommandError} if it fails; the signal's reason if it was aborted.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = DEFAULT_TIMEOUT, signal } = options
  const timeout = timeoutMs * PATIENCE
  const title = [command, ...args].join(' ')
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let timedOut = false
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      stderr += chunk
    })
    const kill = () => child.kill('SIGKILL')
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, timeout)
    signal?.addEventListener('abort', kill, { once: true })
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
    }
    child.on('error', (error) => {
      settle()
      reject(new CommandError(title, null, error.message, stdout, stderr))
    })
    child.on('close', (status, killer) => {
      settle()
      if (signal?.aborted) return reject(signal.reason)
      if (status === 0) return resolve(stdout)
      const reason = timedOut ? `no end after ${timeout} ms` : (killer ?? `exit status ${status}`)
      reject(new CommandError(title, status, reason, stdout, stderr))
    })
    // A command that ends without reading its input breaks the pipe; its status says how it ended.
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
  })
}
