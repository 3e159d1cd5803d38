/** What the command line asks for cannot be done; the message says why. Ends the process with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
