import { OverlayError } from '@selvedge/core'
import { type CommandRun, MAX_OUTPUT_BYTES, runCommand } from './run.js'

/** What a store takes as one record has at most 64 KiB, and there is more in it than this. */
const MAX_PUBLISHED_LENGTH = 48 * 1024

/**
 * Runs a command whose output is to be part of a lease, and resolves with it. Rejects as `runCommand` does, and with
 * `DRIVER_REFUSED` if a lease could not carry it.
 */
export async function publishable(run: CommandRun): Promise<string> {
  const { text, isCut } = await runCommand(run)
  if (!isCut && JSON.stringify(text).length <= MAX_PUBLISHED_LENGTH) return text
  throw new OverlayError(
    'DRIVER_REFUSED',
    `${run.command.name} printed more than the ${MAX_OUTPUT_BYTES} bytes that a lease can carry: all that it prints is published`,
  )
}
