import { writeSync } from 'node:fs'

const STDERR = 2

/**
 * Log lines to standard error. A line that cannot be written (a full disk, a reader that is gone) is dropped and counted:
 * that is no reason to end, nor to stop late. Once there is room again, the count is reported.
 */
export class StandardError {
  /** Called after the first line that succeeds again, with how many before it were dropped. */
  onRecovered: ((dropped: number) => void) | undefined
  readonly #write: (text: string) => void
  /** Since the last line that was written. */
  #dropped = 0

  /** @param write throws what the system answers; a test injects its own */
  constructor(write: (text: string) => void = writeAll) {
    this.#write = write
  }

  write(line: string): void {
    const dropped = this.#dropped
    try {
      // What was written of a line that failed must not run into the next one.
      this.#write(dropped > 0 ? `\n${line}` : line)
      this.#dropped = 0
    } catch {
      this.#dropped += 1
      return
    }
    if (dropped > 0) this.onRecovered?.(dropped)
  }
}

function writeAll(text: string): void {
  let bytes = Buffer.from(text)
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(STDERR, bytes))
}
