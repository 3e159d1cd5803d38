import { spawn } from 'node:child_process'

export interface ToolOutput {
  /** The exit status; null if it was killed, for taking too long or for saying too much. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Why it was killed, if it was. */
  readonly killed?: string | undefined
}

export interface ToolOptions {
  readonly timeoutMs?: number
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

const TIMEOUT_MS = 4_000
const MAX_BYTES = 32 * 1024 * 1024

/** Output is read by programs, and an unprivileged PATH does not have the folders where the tools are. */
const ENVIRONMENT = {
  LC_ALL: 'C',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
}

/** Runs a program to its end, without a shell; it is killed after `timeoutMs`. Resolves with undefined if it is not installed. */
export function runTool(
  program: string,
  args: readonly string[],
  { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, signal }: ToolOptions = {},
): Promise<ToolOutput | undefined> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT })
    const output = { stdout: '', stderr: '' }
    let killed: string | undefined
    const kill = (why: string): void => {
      killed ??= why
      child.kill('SIGKILL')
    }
    const timer = setTimeout(() => kill(`it took longer than ${timeoutMs / 1000} s`), timeoutMs)
    const onAbort = (): void => kill('interrupted')
    signal?.addEventListener('abort', onAbort, { once: true })
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        if (output[name].length < maxBytes) output[name] += chunk
        if (output[name].length >= maxBytes) kill(`its output is longer than ${maxBytes} bytes`)
      })
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      end()
      if (error.code === 'ENOENT') resolve(undefined)
      else reject(error)
    })
    child.on('close', (status) => {
      end()
      resolve({ status, ...output, killed })
    })
  })
}
