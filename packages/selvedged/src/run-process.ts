import process from 'node:process'
import { isatty } from 'node:tty'
import {
  backends,
  type Command,
  createLogger,
  interfaceChoices,
  type Logger,
  openFirewall,
  openStore,
  runAgent,
  Sanitizer,
  ServiceManager,
  secretsOfSettings,
} from '@selvedge/agent'
import { isOverlayError } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { linux } from '@selvedge/dataplane-linux'
import type { StopSignals } from './signals.js'
import { StandardError } from './stderr.js'

type RunCommand = Extract<Command, { type: 'run' }>

const STDERR = 2
const FAILED = 1

/** A stop that takes longer is cut short: the next start does what it may leave undone. */
const MAX_STOP_MS = 1_800

/** The agent as this process: with its signals, its standard error, its exit status. Never returns. */
export async function runProcess(
  { settings, safeArgs }: RunCommand,
  version: string,
  signals: StopSignals,
): Promise<never> {
  // Every user can see the command line of a process.
  if (safeArgs.join(' ') !== process.argv.slice(2).join(' '))
    process.title = ['selvedged', ...safeArgs].join(' ')
  const sanitizer = new Sanitizer()
  for (const secret of secretsOfSettings(settings)) sanitizer.addSecret(secret)
  const stderr = new StandardError()
  const log = createLogger({
    verbosity: settings.verbosity,
    destination: stderr,
    forTerminal: isatty(STDERR),
    sanitizer,
  })
  stderr.onRecovered = (lines) => log('warn', 'the log can be written again; lines were lost', { lines })
  exitOnBug(log)
  const signal = stopSignal(signals, log)
  log('info', 'selvedged starts', { version, node: process.version, store: settings.store.type })
  try {
    await runAgent(
      settings,
      {
        openStore,
        backends,
        openDrivers: async (inForce) => [
          linux({ interface: interfaceChoices(inForce) }),
          ...(await openFirewall(inForce)),
        ],
        log,
        sanitizer,
        serviceManager: new ServiceManager({
          variables: process.env,
          onError: (error) => log('warn', 'systemd cannot be notified', { error }),
        }),
        version,
        clock: systemClock,
        random: Math.random,
      },
      signal,
    )
  } catch (error) {
    log(
      'error',
      error instanceof Error ? error.message : String(error),
      isOverlayError(error) ? {} : { error },
    )
    process.exit(FAILED)
  }
  log('info', 'stopped; traffic flows on')
  process.exit(0)
}

/** Aborts at the first signal to stop. A second one, or a stop that hangs, ends the process at once. */
function stopSignal(signals: StopSignals, log: Logger): AbortSignal {
  const stop = new AbortController()
  signals.handle((name) => {
    if (stop.signal.aborted) process.exit(FAILED)
    log('info', `${name}: stopping`)
    stop.abort()
    setTimeout(() => {
      log('error', `not stopped after ${MAX_STOP_MS} ms: exiting all the same`)
      process.exit(FAILED)
    }, MAX_STOP_MS)
  })
  return stop.signal
}

/** Node.js would print an uncaught error unredacted. */
function exitOnBug(log: Logger): void {
  const onBug = (error: unknown): void => {
    log('error', 'a fault in selvedged, which ends it', { error })
    process.exit(FAILED)
  }
  process.on('uncaughtException', onBug).on('unhandledRejection', onBug)
}
