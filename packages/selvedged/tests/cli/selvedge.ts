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

/** @param always arguments of each run, after the others */
export function selvedgeIn(
  namespace: Namespace,
  always: readonly string[] = [],
  variables: readonly string[] = [],
): RunSelvedge {
  return async (...args) => {
    const child = namespace.spawn('env', [...variables, process.execPath, SELVEDGE, ...args, ...always])
    const closed = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    await closed
    return { status: child.exitCode, stdout, stderr }
  }
}
