import { chmod, mkdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname } from 'node:path'
import { type Clock, OverlayError } from '@selvedge/core'
import type { Logger } from '../logging/logger.js'
import type { BoundedServer } from './bounded-server.js'
import { type Served, serveHealth } from './http-server.js'
import { type AgentPlace, rivalAt } from './rival.js'

export interface ControlSocketOptions {
  readonly path: string
  readonly served: Served
  /** Where this agent stands: another that stands there is its rival. */
  readonly place: AgentPlace
  /** Aborts when this agent is to stop: then it waits for no other to end. */
  readonly signal: AbortSignal
  /**
   * Called if an agent that does the work of this one has taken the socket, which stays its: both started in one instant.
   * With a `RESOURCE_CONFLICT`.
   */
  readonly onRival: (error: OverlayError) => void
  readonly log: Logger
  readonly clock: Clock
}

interface PromiseSettlers {
  readonly resolve: () => void
  readonly reject: (error: OverlayError) => void
}

/** struct sockaddr_un of unix(7), less the final zero. */
const MAX_PATH_BYTES = 107
/** A socket that could not be made is tried again after this long. */
const RETRY_MS = 10_000
/** One that is told to stop ends within 2 s. */
const RIVAL_PATIENCE_MS = 4_000
const RIVAL_PAUSE_MS = 100
/** How often it looks whether its socket is still there: the CNI plugin asks at it. */
const LOOK_MS = 5_000

/**
 * A Unix socket at which programs of this host ask the agent, the CNI plugin first: only its own user may, root. It
 * replaces what an agent that was killed has left, and leaves one alone at which another agent answers. An agent does
 * its work without it: what stands in the way is logged, and the socket made later, or again if it is deleted. But of two
 * agents that would do the same work, the second is refused, once the first has had the time to end.
 */
export class ControlSocket implements AsyncDisposable {
  readonly #options: ControlSocketOptions
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  /**
   * Resolves once the socket is there, or cannot be made for now. Rejects with `RESOURCE_CONFLICT` if an agent that does the
   * work of this one answers there, and goes on.
   */
  readonly attempted: Promise<void>
  #settle: PromiseSettlers = { resolve: () => undefined, reject: () => undefined }

  constructor(options: ControlSocketOptions) {
    this.#options = options
    this.attempted = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Who does not wait for it is not harmed.
    this.attempted.catch(() => undefined)
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const signal = AbortSignal.any([this.#closing.signal, this.#options.signal])
    const end = clock.monotonic() + RIVAL_PATIENCE_MS
    for (;;) {
      const rival = await this.#rival()
      if (rival === undefined || signal.aborted) break
      if (clock.monotonic() >= end) return this.#settle.reject(refusal(this.#options.path, rival))
      await clock.sleep(RIVAL_PAUSE_MS, { signal }).catch(() => undefined)
    }
    await this.#serve()
    this.#settle.resolve()
  }

  async #rival(): Promise<AgentPlace | undefined> {
    const { path, place } = this.#options
    return (await isServed(path)) ? rivalAt(path, place) : undefined
  }

  async #serve(): Promise<void> {
    const { path, log, clock } = this.#options
    const { signal } = this.#closing
    let said: string | undefined
    while (!signal.aborted) {
      try {
        await using socket = await listen(this.#options)
        this.#settle.resolve()
        log('info', 'serving /healthz, /readyz, /status and /resources at the control socket', { path })
        said = undefined
        while (await socket.isThere()) {
          await clock.sleep(LOOK_MS, { signal }).catch(() => undefined)
          if (signal.aborted) return
        }
        const rival = await this.#rival()
        if (rival !== undefined) return this.#options.onRival(refusal(path, rival))
        log('warn', 'the control socket is gone: it is made again', { path })
      } catch (error) {
        const { message } = OverlayError.from(error, 'INVALID_CONFIG', `making the control socket ${path}`)
        if (message !== said) log('warn', message)
        said = message
        this.#settle.resolve()
        await clock.sleep(RETRY_MS, { signal }).catch(() => undefined)
      }
    }
  }
}

const refusal = (path: string, { pid, subnetFile }: AgentPlace): OverlayError =>
  new OverlayError(
    'RESOURCE_CONFLICT',
    `another agent does the work of this one: process ${pid} answers at the control socket ${path}, and writes ` +
      `${subnetFile}. Stop it first (systemctl stop selvedged); an agent of another network takes --control-socket, ` +
      '--subnet-file and --lease-cache of its own',
  )

interface Listening extends AsyncDisposable {
  /** Whether its name still leads to it. */
  isThere(): Promise<boolean>
}

/** Made beside it and renamed, so that nobody meets it with other rights, nor half of it. */
async function listen({ path, served }: ControlSocketOptions): Promise<Listening> {
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
    const isThere = async () => (await stat(path).catch(() => undefined))?.ino === ino
    return {
      isThere,
      [Symbol.asyncDispose]: async () => {
        // Another agent's, which has come since, stays.
        if (await isThere()) await unlink(path).catch(() => undefined)
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
