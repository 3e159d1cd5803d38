import { runTool } from '../../tools/run-tool.js'

/** No program that is run here takes longer, unless something is wrong. */
const TIMEOUT_MS = 3_000
/** A ruleset or a table of routes of a host with 10,000 peers. */
const MAX_BYTES = 64 * 1024 * 1024

/** The output of a program; undefined if it is not installed, may not be run, or fails. */
export async function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES }
  const output = await runTool(program, args, limits).catch(() => undefined)
  return output?.status === 0 && output.killed === undefined ? output.stdout : undefined
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
