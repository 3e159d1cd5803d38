import { createRequire } from 'node:module'
import process from 'node:process'
import { type Command, readCommandLine, UsageError } from '@selvedge/agent'
import type { StopSignals } from './signals.js'

/** The exit status for wrong usage, as with shells and Go's flag package. */
const USAGE = 2

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** The program `selvedged`. Sets the exit status, or never returns. */
export async function main(signals: StopSignals): Promise<void> {
  const command = commandOf(process.argv.slice(2))
  switch (command?.type) {
    case undefined:
      process.exitCode = USAGE
      break
    case 'help':
      process.stdout.write(command.text)
      break
    case 'version':
      process.stdout.write(`selvedged ${version}\n`)
      break
    case 'run': {
      const { runProcess } = await import('./run-process.js')
      await runProcess(command, version, signals)
    }
  }
}

function commandOf(args: readonly string[]): Command | undefined {
  try {
    return readCommandLine(args, process.env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`selvedged: ${error.message}\nselvedged --help lists all flags.\n`)
    return undefined
  }
}
