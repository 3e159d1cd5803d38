import type { Clock } from '@selvedge/core'

/** What the program has of its surroundings. The bin hands in the process's own, a test its own. */
export interface CliIo {
  /** Writes text to standard output, newlines included. */
  readonly stdout: (text: string) => void
  /** Writes text to standard error, newlines included. */
  readonly stderr: (text: string) => void
  /** Whether a person reads standard output: colours, and lists cut to a page. */
  readonly isTerminal: boolean
  /** Of the terminal, in characters; undefined if there is none. */
  readonly columns?: number | undefined
  /** The environment. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** This host's name: the default of NODE_NAME, and part of the name of a bug report. */
  readonly hostname: string
  /** The addresses of this host's interfaces, in canonical form. */
  readonly addresses: () => readonly string[]
  /** Reads standard input to its end. */
  readonly readStdin: () => Promise<string>
  /** Asks at the terminal; undefined if there is none to ask at. */
  readonly ask?: ((question: string) => Promise<string>) | undefined
  /** What `selvedge --version` prints. */
  readonly version: string
  /** Of the pages of a report, which are made of the same facts, by their names; undefined for a command by itself. */
  readonly sharedFacts?: Map<string, Promise<unknown>> | undefined
  /** For waits, and for what depends on the time of day. */
  readonly clock: Clock
  /** Aborts when the process is to stop. */
  readonly signal: AbortSignal
}
