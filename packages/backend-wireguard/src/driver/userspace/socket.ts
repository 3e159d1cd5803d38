import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** An answer comes within milliseconds; a process that is stopped never answers. */
const ANSWER_TIMEOUT_MS = 5000

/** A device of 65,000 peers takes some 25 MB. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20

/** A connection to the socket of one device. */
export class UapiSocket implements Disposable {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Undefined if no process listens there. Rejects if one does, and cannot be reached. */
  static async open(path: string, signal?: AbortSignal): Promise<UapiSocket | undefined> {
    const socket = connect(path)
    try {
      await once(socket, 'connect', { signal })
      socket.setEncoding('utf8')
      // An error ends the iteration that waits for an answer; without one it means nothing.
      socket.on('error', () => undefined)
      return new UapiSocket(socket)
    } catch (error) {
      socket.destroy()
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
      throw error
    }
  }

  /** Sends one request, and resolves with its answer. */
  async exchange(request: string, signal?: AbortSignal): Promise<string> {
    const giveUp = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const limit = signal === undefined ? giveUp : AbortSignal.any([giveUp, signal])
    const answer = this.#answer(limit)
    this.#socket.write(request)
    try {
      return await answer
    } catch (error) {
      signal?.throwIfAborted()
      throw giveUp.aborted ? failure(`it did not answer within ${ANSWER_TIMEOUT_MS} ms`, 'ETIMEDOUT') : error
    }
  }

  #answer(signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket
      const chunks: string[] = []
      let size = 0
      const settle = (act: () => void) => {
        socket.off('data', onData)
        socket.off('close', onClose)
        signal.removeEventListener('abort', onAbort)
        act()
      }
      const onData = (chunk: string) => {
        chunks.push(chunk)
        size += chunk.length
        const end = `${chunks.at(-2)?.slice(-2) ?? ''}${chunk}`
        if (end.endsWith('\n\n')) settle(() => resolve(chunks.join('')))
        else if (size > MAX_ANSWER_BYTES) settle(() => reject(failure('it answers without end', 'EMSGSIZE')))
      }
      const onClose = () => settle(() => reject(failure('it ended the connection', 'ECONNRESET')))
      const onAbort = () => settle(() => reject(signal.reason))
      socket.on('data', onData)
      socket.on('close', onClose)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      else if (socket.destroyed) onClose()
    })
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

const failure = (message: string, code: string): Error => Object.assign(new Error(message), { code })

/** How long a new process may take until its socket is there. */
const START_TIMEOUT_MS = 5000
const START_POLL_MS = 20

/** Resolves once a process listens; `ended` tells that it never will. */
export async function untilListening(
  path: string,
  ended: () => string | undefined,
  signal?: AbortSignal,
): Promise<void> {
  for (let waited = 0; ; waited += START_POLL_MS) {
    const socket = await UapiSocket.open(path, signal)
    if (socket !== undefined) return socket[Symbol.dispose]()
    const why = ended()
    if (why !== undefined) throw new Error(why)
    if (waited > START_TIMEOUT_MS)
      throw new Error(`it did not listen on ${path} within ${START_TIMEOUT_MS} ms`)
    await sleep(START_POLL_MS, undefined, { signal })
  }
}
