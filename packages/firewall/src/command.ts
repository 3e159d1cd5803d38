import { spawn } from 'node:child_process'

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** The network namespace to run in, by path such as `/run/netns/blue`; the process's own if undefined. */
  readonly namespace: string | undefined
  readonly input?: string | undefined
  /** A file to read instead of `input`, from its beginning. */
  readonly inputFile?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CommandOutput {
  /** The exit status; null if it was killed for taking too long. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Longer than any of the tools waits for a lock. */
const TIMEOUT_MS = 30_000
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/** What is spawned: the program itself, or nsenter around it. */
export const commandLine = ({ program, args, namespace }: Command): readonly [string, readonly string[]] =>
  namespace === undefined ? [program, args] : ['nsenter', [`--net=${namespace}`, '--', program, ...args]]

/**
 * The same, for a program that does not end by itself: the kernel kills it when this process ends, however that ends (see
 * PR_SET_PDEATHSIG in prctl(2)). As it is where util-linux's setpriv is not installed, such as in the image, whose first
 * process takes all others along.
 */
export async function commandLineOfWatcher(command: Command): Promise<readonly [string, readonly string[]]> {
  const [program, args] = commandLine(command)
  hasSetpriv ??= canSetpriv()
  return (await hasSetpriv) ? ['setpriv', [...DYING, program, ...args]] : [program, args]
}

const DYING = ['--pdeathsig', 'KILL']

/** Asked once: busybox has a program of that name, too, which cannot do this. */
let hasSetpriv: Promise<boolean> | undefined

async function canSetpriv(): Promise<boolean> {
  const trial = { program: 'setpriv', args: [...DYING, 'true'], namespace: undefined }
  const tried = await runCommand(trial).catch(() => undefined)
  return tried?.status === 0
}

/** Runs a tool to its end, without a shell. Resolves with undefined if it is not installed. */
export function runCommand(command: Command): Promise<CommandOutput | undefined> {
  command.signal?.throwIfAborted()
  const [program, args] = commandLine(command)
  return new Promise((resolve, reject) => {
    const stdin = command.inputFile ?? ('pipe' as const)
    const child = spawn(program, args, { stdio: [stdin, 'pipe', 'pipe'], env: ENVIRONMENT })
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk
        if (output[name].length > MAX_OUTPUT_BYTES) child.kill('SIGKILL')
      })
    }
    child.stdin?.on('error', () => undefined) // it ended before it has read all: its status says why
    child.stdin?.end(command.input ?? '')
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      if (error.code === 'ENOENT') resolve(undefined)
      else reject(error)
    })
    child.on('close', (status) => {
      clearTimeout(timer)
      // nsenter itself is there, and what it was to run is not.
      if (status === 127 && command.namespace !== undefined) resolve(undefined)
      else resolve({ status, ...output })
    })
  })
}

/** Messages are compared, and an unprivileged PATH does not have the folders where the tools are. */
export const ENVIRONMENT = {
  LC_ALL: 'C',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
}
