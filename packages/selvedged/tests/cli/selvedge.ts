import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Namespace } from '@selvedge/lab'

/** As built: a process of its own cannot run the TypeScript of a test. */
export const SELVEDGE = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `selvedge`, in a namespace, to its end. */
export type RunSelvedge = (...args: readonly string[]) => Promise<Ended>

/**
 * @param always arguments of each run, after the others
 * @param before a shell command to run before it, in a mount namespace of its own
 */
export function selvedgeIn(
  namespace: Namespace,
  always: readonly string[] = [],
  variables: readonly string[] = [],
  before?: string,
): RunSelvedge {
  return async (...args) => {
    const command = ['env', ...variables, process.execPath, SELVEDGE, ...args, ...always]
    const child =
      before === undefined
        ? namespace.spawn('env', command.slice(1))
        : namespace.spawn('unshare', ['--mount', 'sh', '-ec', `${before}; exec "$@"`, 'sh', ...command])
    const closed = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    await closed
    return { status: child.exitCode, stdout, stderr }
  }
}
