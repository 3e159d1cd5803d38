/** What every call that may take long takes. */
export interface AbortOptions {
  /** Aborting rejects the call with the signal's own reason. */
  readonly signal?: AbortSignal | undefined
}
