/** `selvedge` as a library: a program hands in its surroundings and a command line, and gets an exit status. */

export { EXIT, type ExitCode } from './exit-codes.js'
export type { CliIo } from './io.js'
export { runCli } from './run.js'
