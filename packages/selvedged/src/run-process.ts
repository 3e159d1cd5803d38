import process from 'node:process'
import { isatty } from 'node:tty'
import {
  type AgentSettings,
  backends,
  createLogger,
  interfaceChoices,
  type Logger,
  openStore,
  Redactor,
  runAgent,
  ServiceManager,
  secretsOfSettings,
} from '@selvedge/agent'
import { isOverlayError } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { linux } from '@selvedge/dataplane-linux'
import { destination } from 'pino'

const STDERR = 2
const FAILED = 1

/** A stop that takes longer, in ms, is cut short: all that it may leave undone is done by the next start. */
const MAX_STOP_MS = 1_800

/** The agent as this process: with its signals, its standard error, its exit status. Never returns. */
export async function runProcess(settings: AgentSettings, version: string): Promise<never> {
  const redactor = new Redactor()
  for (const secret of secretsOfSettings(settings)) redactor.add(secret)
  const log = createLogger({
    verbosity: settings.verbosity,
    destination: destination({ fd: STDERR, sync: true }),
    forTerminal: isatty(STDERR),
    sanitizer: redactor,
  })
  hideSecrets(redactor)
  exitOnBug(log)
  const signal = stopSignal(log)
  log('info', 'selvedged starts', { version, node: process.version, store: settings.store.type })
  try {
    await runAgent(
      settings,
      {
        openStore,
        backends,
        openDrivers: async (inForce) => [linux({ interface: interfaceChoices(inForce) })],
        log,
        sanitizer: redactor,
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

/** Aborts at SIGTERM and SIGINT. A second one, or a stop that hangs, ends the process at once. */
function stopSignal(log: Logger): AbortSignal {
  const stop = new AbortController()
  const onSignal = (name: string): void => {
    if (stop.signal.aborted) process.exit(FAILED)
    log('info', `${name}: stopping`)
    stop.abort()
    setTimeout(() => {
      log('error', `not stopped after ${MAX_STOP_MS} ms: exiting all the same`)
      process.exit(FAILED)
    }, MAX_STOP_MS)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
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

/** A password given on the command line is there for every user to see: take it out of what `ps` shows. */
function hideSecrets(redactor: Redactor): void {
  const line = ['selvedged', ...process.argv.slice(2)].join(' ')
  const redacted = redactor.text(line)
  if (redacted !== line) process.title = redacted
}
