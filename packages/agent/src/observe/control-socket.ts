import { chmod, mkdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname } from 'node:path'
import { type Clock, OverlayError } from '@selvedge/core'
import type { Logger } from '../logging/logger.js'
import type { BoundedServer } from './bounded-server.js'
import { type Served, serveHealth } from './http-server.js'

export interface ControlSocketOptions {
  readonly path: string
  readonly served: Served
  readonly log: Logger
  readonly clock: Clock
}

/** struct sockaddr_un of unix(7), less the final zero. */
const MAX_PATH_BYTES = 107
/** A socket that could not be made is tried again after this long. */
const RETRY_MS = 10_000

/**
 * A Unix socket at which programs of this host ask the agent, the CNI plugin first: only its own user may, root. It
 * replaces what an agent that was killed has left, and leaves one alone at which another agent answers. An agent does
 * its work without it: what stands in the way is logged, and the socket made later.
 */
export class ControlSocket implements AsyncDisposable {
  readonly #options: ControlSocketOptions
  readonly #closing = new AbortController()
  readonly #running: Promise<void>

  constructor(options: ControlSocketOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { path, log, clock } = this.#options
    const { signal } = this.#closing
    let said: string | undefined
    while (!signal.aborted) {
      try {
        await using _ = await listen(this.#options)
        log('info', 'serving /healthz, /readyz, /status and /resources at the control socket', { path })
        // It may have been disposed of while the socket was made.
        if (signal.aborted) return
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        return
      } catch (error) {
        const { message } = OverlayError.from(error, 'INVALID_CONFIG', `making the control socket ${path}`)
        if (message !== said) log('warn', message)
        said = message
        await clock.sleep(RETRY_MS, { signal }).catch(() => undefined)
      }
    }
  }
}

/** Made beside it and renamed, so that nobody meets it with other rights, nor half of it. */
async function listen({ path, served }: ControlSocketOptions): Promise<AsyncDisposable> {
  const beside = `${path}.${process.pid}`
  if (Buffer.byteLength(beside) > MAX_PATH_BYTES) {
    throw new Error(
      `its path is longer than a socket's can be: name one of up to ${MAX_PATH_BYTES - 8} bytes`,
    )
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  if (await isServed(path)) {
    throw new Error('another agent answers there: give each agent of a host its own, by --control-socket')
  }
  await rm(beside, { force: true })
  const server: BoundedServer = await serveHealth({ path: beside }, served)
  try {
    await chmod(beside, 0o600)
    const { ino } = await stat(beside)
    await rename(beside, path)
    return {
      [Symbol.asyncDispose]: async () => {
        // Another agent's, which has come since, stays.
        if ((await stat(path).catch(() => undefined))?.ino === ino) await unlink(path).catch(() => undefined)
        await server[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

/** Whether a process listens at a socket: one that was killed leaves its name behind. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
