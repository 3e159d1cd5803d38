import type { Clock, Random, SubnetEnv } from '@selvedge/core'
import {
  backoffDelay,
  callback,
  checkOptions,
  clockShape,
  number,
  path as pathShape,
  record,
  required,
  systemClock,
  Wakeup,
} from '@selvedge/core/kit'
import { readSubnetEnv, readSubnetEnvText, writeSubnetEnv } from './read-write.js'

/** What a `SubnetEnvFile` works with. */
export interface SubnetEnvFileOptions {
  /** The file, such as `/run/flannel/subnet.env`. Its folder is made. */
  readonly path: string
  /** Called each time the file was written. */
  readonly onWritten?: ((text: string) => void) | undefined
  /** Called with the first of several failures in a row; writing is retried until it succeeds. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Called if another process has deleted or changed the file, before it is written again. */
  readonly onDrift?: ((was: SubnetEnvDrift) => void) | undefined
  /** How often the file is compared with the published text, in ms. Default: 10,000. */
  readonly checkIntervalMs?: number | undefined
  /** Default: the system's. For tests. */
  readonly clock?: Clock | undefined
  /** Default: `Math.random`. For tests. */
  readonly random?: Random | undefined
  /** The disk; a test injects its own. Default: `readSubnetEnvText` and `writeSubnetEnv`. */
  readonly io?: SubnetEnvIo | undefined
}

/** What another process did to a subnet.env: it is gone, or says something else. */
export type SubnetEnvDrift = 'missing' | 'changed'

/** How the file is read and written. */
export interface SubnetEnvIo {
  /** Undefined if there is none. */
  read(path: string): Promise<string | undefined>
  /** Replaces the file as a whole, so that a reader sees the old text or the new one. */
  write(path: string, text: string): Promise<void>
}

/** Pods cannot be set up without the file, and to read it takes no time. */
const DEFAULT_CHECK_INTERVAL_MS = 10_000

/** A write that fails (a full disk, a read-only one) is retried after half a second to 30 s. */
const BACKOFF = { firstMs: 500, maxMs: 30_000 }

const disk: SubnetEnvIo = { read: readSubnetEnvText, write: writeSubnetEnv }

/**
 * Keeps a subnet.env equal to the text that was published last: one write at a time, retried until it succeeds, and
 * repeated if another process deletes or changes the file.
 */
export class SubnetEnvFile implements AsyncDisposable {
  readonly #options: SubnetEnvFileOptions
  readonly #closed = new AbortController()
  readonly #published = new Wakeup()
  #desired: string | undefined
  /** What the file says as far as is known; undefined before the first write, and if there is none. */
  #actual: string | undefined
  #isWriting = false
  #running: Promise<void> | undefined

  constructor(options: SubnetEnvFileOptions) {
    checkOptions<SubnetEnvFileOptions>('new SubnetEnvFile()', options, {
      path: required(pathShape),
      onWritten: callback,
      onError: callback,
      onDrift: callback,
      checkIntervalMs: number,
      clock: clockShape,
      random: callback,
      io: record,
    })
    this.#options = options
  }

  /** What the file says now, whoever wrote it; see `readSubnetEnv`. */
  read(): Promise<Partial<SubnetEnv> | undefined> {
    return readSubnetEnv(this.#options.path)
  }

  /**
   * Has the file say this text from now on. It returns at once: `onWritten` says when it was written.
   *
   * @param text as `overlay.subnetEnv()` returns it
   */
  publish(text: string): void {
    if (text === this.#desired || this.#closed.signal.aborted) return
    this.#desired = text
    this.#published.wake()
    this.#running ??= this.#run(this.#closed.signal)
  }

  /**
   * Compares the file with the published text now, rather than at the next interval. If another process has deleted or
   * changed it, `onDrift` is called before this resolves, and the file is written again.
   */
  async check(): Promise<void> {
    const { path, onDrift, io = disk } = this.#options
    const actual = this.#actual
    if (actual === undefined || this.#isWriting || this.#closed.signal.aborted) return
    // Whatever cannot be read is replaced.
    const found = await io.read(path).catch(() => '')
    const isOutdated = this.#isWriting || this.#actual !== actual
    if (isOutdated || found === actual) return
    this.#actual = found
    onDrift?.(found === undefined ? 'missing' : 'changed')
    this.#published.wake()
  }

  /** Waits for a write under way. From then on the file is left as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock = systemClock, random = Math.random, onError } = this.#options
    const { checkIntervalMs = DEFAULT_CHECK_INTERVAL_MS } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#write()
        failures = 0
      } catch (error) {
        failures += 1
        if (failures === 1) onError?.(error)
      }
      const pauseMs = failures === 0 ? checkIntervalMs : backoffDelay(failures, BACKOFF, random)
      await this.#published.sleep(pauseMs, clock, signal).catch(() => undefined)
      if (failures === 0 && !signal.aborted) await this.check()
    }
  }

  async #write(): Promise<void> {
    const { path, onWritten, io = disk } = this.#options
    const text = this.#desired
    if (text === undefined || text === this.#actual) return
    this.#isWriting = true
    try {
      await io.write(path, text)
      this.#actual = text
    } finally {
      this.#isWriting = false
    }
    onWritten?.(text)
  }
}
