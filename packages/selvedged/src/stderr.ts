import { writeSync } from 'node:fs'

const STDERR = 2

/**
 * Log lines to standard error. A line that cannot be written (a full disk, a reader that is gone) is dropped and counted:
 * that is no reason to end, nor to stop late. Writing succeeds again once there is room.
 */
export class StandardError {
  readonly #write: (text: string) => void
  #dropped = 0
  #isTorn = false

  /** @param write throws what the system answers; a test injects its own */
  constructor(write: (text: string) => void = writeAll) {
    this.#write = write
  }

  /** How many lines could not be written so far. */
  get dropped(): number {
    return this.#dropped
  }

  write(line: string): void {
    try {
      // What was written of a line that failed must not run into the next one.
      this.#write(this.#isTorn ? `\n${line}` : line)
      this.#isTorn = false
    } catch {
      this.#dropped += 1
      this.#isTorn = true
    }
  }
}

function writeAll(text: string): void {
  let bytes = Buffer.from(text)
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(STDERR, bytes))
}
