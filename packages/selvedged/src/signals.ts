/** The signals that ask this process to stop, from its first line of code on: bin/selvedged.js collects them. */
export interface StopSignals {
  /** From now on `handler` is called with the name of each, beginning with those that came before. */
  handle(handler: (name: string) => void): void
}
