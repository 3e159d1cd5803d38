import { type FSWatcher, watch } from 'node:fs'

/** LMDB shows a commit to readers a moment after it wrote the file. Longer than that moment, in ms. */
const SETTLE = 10

/**
 * Calls `onChange` when a file may have changed. A hint that saves waiting for the next poll, no more: it may come for
 * nothing, too early, or (no inotify watches left, a file system without them) not at all.
 */
export class FileWatcher {
  readonly #onChange: () => void
  #watcher: FSWatcher | undefined
  #again: NodeJS.Timeout | undefined

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Watches the file that is at `path` now, and keeps watching it if another takes its place. */
  follow(path: string): void {
    this.close()
    try {
      const watcher = watch(path, { persistent: false }, () => this.#changed())
      watcher.on('error', () => watcher.close())
      this.#watcher = watcher
    } catch {
      // Polling remains.
    }
  }

  close(): void {
    this.#watcher?.close()
    clearTimeout(this.#again)
  }

  #changed(): void {
    this.#onChange()
    clearTimeout(this.#again)
    this.#again = setTimeout(this.#onChange, SETTLE)
    this.#again.unref()
  }
}
