import { execFile } from 'node:child_process'

/** No program that is run here takes longer, unless something is wrong. */
const TIMEOUT_MS = 3_000
/** A ruleset or a table of routes of a host with 10,000 peers. */
const MAX_BYTES = 64 * 1024 * 1024

/** Programs of the system alone, in English. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/** The output of a program; undefined if it is not installed, may not be run, or fails. */
export function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      program,
      [...args],
      {
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_BYTES,
        env: ENVIRONMENT,
      },
      (error, stdout) => resolve(error === null ? stdout : undefined),
    )
  })
}

/** What a program prints as JSON; undefined as above, and for what is no JSON array. */
export async function listOf<T>(program: string, args: readonly string[]): Promise<readonly T[] | undefined> {
  const text = await outputOf(program, args)
  if (text === undefined) return undefined
  if (text.trim() === '') return []
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
