import { UsageError } from '@selvedge/agent/flags'
import { isOverlayError } from '@selvedge/core'
import { CommanderError } from 'commander'
import { Ended, EXIT, type ExitCode, exitCodeOf } from './exit-codes.js'
import type { CliIo } from './io.js'
import { pageWidth, wrap } from './output/page.js'
import { buildProgram } from './program.js'
import { normalizeArguments } from './store/store-flags.js'

/**
 * Runs one command line, without the program's name, and returns its exit status. Never rejects: what went wrong is on
 * standard error, as one JSON object with --json.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  try {
    await buildProgram(io).parseAsync([...normalizeArguments(args)], { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (io.signal.aborted) return EXIT.interrupted
    const status = error instanceof UsageError ? EXIT.usage : exitCodeOf(error)
    report(error, io, { json: args.includes('--json'), status })
    return status
  }
}

function report(
  error: unknown,
  io: CliIo,
  { json, status }: { readonly json: boolean; readonly status: ExitCode },
): void {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Ended && message === '') return
  const isFault = !(isOverlayError(error) || error instanceof UsageError || error instanceof Ended)
  const code = isOverlayError(error) ? error.code : isFault ? 'INTERNAL' : undefined
  if (json) {
    io.stderr(`${JSON.stringify({ error: { code, message, exitStatus: status } })}\n`)
    return
  }
  const text = `selvedge: ${isFault ? 'a fault of its own: ' : ''}${message}`
  for (const line of wrap(text, pageWidth(io), 2)) io.stderr(`${line}\n`)
}
